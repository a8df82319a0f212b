#!/usr/bin/env python3
"""What the pages tell people to do works: their commands run, their configurations are valid.

README, the tutorial and the how-tos are followed literally, block by block, in an empty folder
(tests/support/pages.py says how blocks are marked). On all other pages commands are looked up in --help,
and configurations are given to `vigil validate`. With VIGIL_LONG=1 a clone of the repository is made and
built, as a newcomer does.
"""
import base64
import collections
import concurrent.futures
import functools
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import yaml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import pages
import terminals
import vigil
from vigil import ROOT, VIGIL, check

LONG = os.environ.get("VIGIL_LONG") == "1"
# Of these every command is run, of the others each says why not.
FOLLOWED = [ROOT / "README.md", ROOT / "docs/tutorial.md", *sorted((ROOT / "docs/howto").glob("*.md")),
            ROOT / "docs/command-line.md", ROOT / "docs/testing-configs.md"]
SECTIONS = {"version", "service", "source", "stages", "models", "profiles", "wards", "scores",
            "alert_rules", "sinks", "tests"}


# ---- following a page ----

class Reader:
    """Follows one page to the letter, but that /etc/vigil lies in the reader's folder."""

    def __init__(self, desk, page, etc, long):
        self.desk, self.page, self.etc, self.long = desk, page, etc, long
        self.ran, self.left_out, self.said = 0, [], ""

    def blocks(self):
        text = self.page.read_text().replace("/etc/vigil", str(self.etc))
        return pages.blocks(str(self.page.relative_to(ROOT)), text)

    def write(self, block):
        name, _, how = block.title.partition(", ")
        check(how in ("", "at its end"), f"{block.place}: title {block.title}")
        file = self.desk.folder / name
        with file.open("a" if how else "w") as f:
            f.write(block.text)
        if block.language == "yaml" and "version: 1" in file.read_text() and "source:" in file.read_text():
            self.desk.run(f"vigil validate {name}")

    def type(self, block):
        reason = block.mark("not run: ") or (not self.long and block.mark("long: "))
        if reason:
            check(len(reason) > 15, f"{block.place}: why is it not run?")
            self.left_out.append(f"{block.place}: {reason}")
            return
        if name := block.mark("stop "):
            self.desk.stop(name)
        self.ran += 1
        if beside := block.mark("terminal "):
            name, until = re.fullmatch(r'(\w+), until "([^"]+)"', beside).groups()
            self.desk.terminal(name, block.text, until)
        else:
            self.said = self.desk.run(block.text, 3600 if self.long else 120, int(block.mark("exits ") or 0))

    def compare(self, block):
        lines = [line.rstrip() for line in block.text.splitlines()]
        if beside := block.mark("terminal "):
            self.desk.terminals[beside.split()[0]].expect(lines)
            return
        pattern = "".join(r"(?:.*\n)*?" if line == "..." else re.escape(line) + r"[ \t]*\n" for line in lines)
        check(re.fullmatch(pattern, self.said), f"the page says\n{block.text}\nit printed\n{self.said}")

    def type_and_compare(self, block):
        command, _, printed = block.text.partition("\n")
        self.said = self.desk.run(command.removeprefix("$ "))
        self.ran += 1
        check(self.said == printed, f"the page says\n{printed}\nit printed\n{self.said}")

    def follow(self):
        for block in self.blocks():
            try:
                if block.title:
                    self.write(block)
                elif block.language == "sh":
                    self.type(block)
                elif block.text.startswith("$ "):
                    self.type_and_compare(block)
                elif block.mark("prints") is not None or block.mark("terminal ") is not None:
                    self.compare(block)
            except AssertionError as why:
                raise vigil.Failed(f"{block.place}: {why}\nthe block is\n{block.text}") from why
        return self


def checkout(folder):
    """What a built checkout looks like from outside, with a `make` that finds everything built."""
    tree, tools = folder / "vigil", folder / "tools"
    (tree / "build").mkdir(parents=True)
    tools.mkdir()
    (tree / "build" / "release").symlink_to(vigil.BUILD)
    for name in ("configs", "client", "packaging", "docs"):
        if (ROOT / name).exists():
            (tree / name).symlink_to(ROOT / name)
    (tools / "python3").symlink_to("/usr/bin/python3")  # Debian's, which has the zmq module
    (tools / "make").write_text('#!/bin/sh\n[ "$*" = build ] && [ -x build/release/vigil ]\n')
    (tools / "make").chmod(0o755)
    return tree, f"{tools}:{os.environ['PATH']}"


def follow(page, tree, path, long=False):
    env = {**os.environ, "PATH": path, "HOME": str(tree.parent)}
    with vigil.MockBroker("vitals.raw:1") as broker:
        env["KAFKA_BROKERS"] = broker.bootstrap
        with terminals.Desk(tree, env) as desk:
            if page not in FOLLOWED[:2]:  # they begin with `vigil` in the PATH
                desk.run('export PATH="$PWD/build/release:$PATH"; mkdir ../work; cd ../work; ln -s ../vigil/configs .')
            etc = secrets(pathlib.Path(tempfile.mkdtemp(dir=tree.parent)))
            return Reader(desk, page, etc, long).follow()


def follow_alone(page):
    with tempfile.TemporaryDirectory(prefix="vigil-docs-") as folder:
        reader = follow(page, *checkout(pathlib.Path(folder)))
    return reader.ran, reader.left_out


def readers(n):
    """Processes to follow pages in, with ports of their own where the system can give them."""
    alone = terminals.may_be_alone()
    return concurrent.futures.ProcessPoolExecutor(
        n if alone else 1, initializer=terminals.alone_on_the_network if alone else None)


def pages_are_followed_to_the_letter():
    with readers(3) as pool:
        done = list(pool.map(follow_alone, FOLLOWED))
    ran, left_out = sum(n for n, _ in done), [reason for _, reasons in done for reason in reasons]
    print(f"{ran} blocks ran, {len(left_out)} did not:", *left_out, sep="\n  ")
    check(ran >= 30, f"only {ran} blocks")
    check(ran > 2 * len(left_out), "too much is left out")


def what_is_not_run_says_why():
    followed = {str(page.relative_to(ROOT)) for page in FOLLOWED}
    silent = [block.place for block in pages.all_blocks(*followed, *pages.GENERATED)
              if block.language == "sh" and len(block.mark("not run: ") or "") < 15]
    check(not silent, f"run it, or say why not: {silent}")


def follow_in_a_clone(tree, page):
    return follow(page, tree, os.environ["PATH"], long=True).ran


def a_newcomer_succeeds():
    """With VIGIL_LONG=1: a clone, the first command of the README, all its blocks, then the tutorial."""
    if not LONG:
        return
    with tempfile.TemporaryDirectory(prefix="vigil-newcomer-") as folder:
        tree = pathlib.Path(folder) / "vigil"
        run = functools.partial(subprocess.run, check=True, timeout=3600)
        run(["git", "clone", "--quiet", ROOT, tree])
        run(["make", "demo"], cwd=tree)
        with readers(1) as pool:
            for page in FOLLOWED[:2]:
                print(f"{page.name}: {pool.submit(follow_in_a_clone, tree, page).result()} blocks in a clone")


# ---- commands on all pages ----

@functools.cache
def described():
    """Of each command, "dlq list", the options that it has; of a family none."""
    said = subprocess.run([VIGIL, "describe", "--commands"], capture_output=True, text=True, check=True, timeout=60)
    found = collections.defaultdict(set)
    for name, text in re.findall(r"^#{2,3} vigil ([^\n]*)\n(.*?)(?=^#{2,3} |\Z)", said.stdout, re.M | re.S):
        found[name.removesuffix(" ...")] |= set(re.findall(r"^\| `--([a-z0-9-]+)", text, re.M))
    return found


def calls(text):
    """Each call of vigil in a block: the words behind it, up to the end of the command."""
    for line in re.sub(r"\\\n", " ", text).splitlines():
        for call in re.findall(r"(?:^|[|;&(]|sudo -u \w+)\s*(?:build/release/)?vigil ((?:[^#|;&>()]|\$\([^)]*\))*)",
                               line.split(" # ")[0]):
            yield call.split()


def commands():
    """(place, words) of each, in blocks and in running text."""
    for block in pages.all_blocks(*pages.GENERATED):
        if block.language in ("sh", ""):
            yield from ((block.place, words) for words in calls(block.text))
    for page, text in pages.every().items():
        for code in re.findall(r"`(vigil [^`]+)`", pages.prose(text)) if page not in pages.GENERATED else ():
            yield from ((page, words) for words in calls(" ".join(code.split())))


def commands_are_those_of_the_program():
    known, seen = described(), 0
    for place, words in commands():
        if not words or not re.fullmatch("[a-z][a-z-]*", words[0]):  # `vigil VERB --help`
            continue
        check(words[0] in known, f"{place}: vigil {' '.join(words)}: no such command")
        seen += 1
        has = known[words[0]] | known.get(" ".join(words[:2]), set())
        if len(words) == 1 or words[1].startswith("--"):  # of a family, whichever member is meant
            has = set().union(has, *(of for name, of in known.items() if name.startswith(f"{words[0]} ")))
        given = {word[2:].split("=")[0] for word in words if re.match("--[a-z]", word)}
        check(given <= has | {"help"}, f"{place}: vigil {' '.join(words)}: no option {given - has}")
    check(seen >= 150, f"only {seen} commands")


# ---- configurations on all pages ----

def base():
    """What a part of a configuration stands in."""
    config = yaml.safe_load((ROOT / "configs/minimal.yaml").read_text())
    del config["tests"]
    config["profiles"] = {"adult": {"age_years": 16, "spo2": {"low": "90 %"}}}
    config["wards"] = {"icu-a": {"beds": {"07": {"profile": "adult"}}}}
    config["alert_rules"]["spo2_profile"] = {
        "priority": "high", "when": {"channel": "spo2", "below": "profile.low"}, "for": "10s"}
    return config


def put(config, path, value):
    """Lays a part over what is there, as deep as both are mappings."""
    for key in reversed(path):
        value = {key: value}
    for key, part in value.items():
        there = config.get(key)
        if isinstance(part, dict) and isinstance(there, dict) and part.get("type") in (None, there.get("type")):
            put(config[key], (), part)
        else:
            config[key] = part


def secrets(folder):
    """What configurations of the pages expect in /etc/vigil: their paths are turned to here."""
    etc = folder / "etc"
    (etc / "clients").mkdir(parents=True, mode=0o700)
    (etc / "server").mkdir(mode=0o700)
    subprocess.run([VIGIL, "keygen", "icu-gateway", "--server", "--out", etc / "server"], check=True,
                   capture_output=True)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-subj", "/CN=test", "-keyout", etc / "vigil.key", "-out", etc / "vigil.pem"], check=True,
                   capture_output=True)
    for name in ("kafka-ca.pem", "broker-ca.pem", "db-ca.pem", "hospital-ca.pem"):
        shutil.copy(etc / "vigil.pem", etc / name)
    return etc


def make_secrets(text):
    """The files that a configuration takes secrets from, each with one of its own."""
    for name in re.findall(r"\$\{file:([^}]+)\}", text):
        file = pathlib.Path(name)
        file.write_text(f"whsec_{base64.b64encode(file.name.ljust(32).encode()).decode()}\n")
        file.chmod(0o600)


def parts_of_configurations():
    for block in pages.all_blocks():
        if block.language != "yaml" or block.title or block.mark("not a configuration: "):
            continue
        path = block.mark("belongs to ")
        yield block, yaml.safe_load(block.text), path.split(".") if path else []


def every_configuration_on_a_page_is_valid():
    env = {**os.environ, "CREDENTIALS_DIRECTORY": ""}
    seen = collections.Counter()
    with tempfile.TemporaryDirectory(prefix="vigil-docs-") as folder:
        folder = pathlib.Path(folder)
        etc = secrets(folder)
        (etc / "models").symlink_to(ROOT / "configs/models")
        (folder / "scores").symlink_to(ROOT / "configs/scores")
        config = base()
        for block, part, path in parts_of_configurations():
            check(path or set(part) <= SECTIONS, f"{block.place}: where do {sorted(part)} belong?")
            if not path:  # one that belongs somewhere is laid over the one before it
                config = base()
            put(config, path, part)
            text = re.sub(r"/etc/vigil|/run/credentials/vigil", str(etc), yaml.safe_dump(config, sort_keys=False))
            make_secrets(text)
            for name in re.findall(r"\$\{(VIGIL_\w+)\}", text):
                env[name] = f"whsec_{base64.b64encode(name.ljust(32).encode()).decode()}"
            file = folder / "page.yaml"
            file.write_text(text)
            done = subprocess.run([VIGIL, "validate", file], capture_output=True, text=True, env=env, timeout=60)
            check(done.returncode == 0, f"{block.place}: {done.stderr}\n{text}")
            seen[block.page] += 1
    check(sum(seen.values()) >= 20, f"only {seen}")


if __name__ == "__main__":
    vigil.main(commands_are_those_of_the_program, every_configuration_on_a_page_is_valid,
               pages_are_followed_to_the_letter, what_is_not_run_says_why, a_newcomer_succeeds)
