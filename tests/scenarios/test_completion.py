#!/usr/bin/env python3
"""Completion in real shells, and manual pages that man and mandoc read without a complaint. Both are made
from the tables that --help prints, so whatever --help lists must be there."""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import vigil
from vigil import check


def output(*arguments, **more):
    done = subprocess.run([*map(str, arguments)], capture_output=True, text=True, timeout=vigil.TIMEOUT_S, **more)
    check(done.returncode == 0 and not done.stderr, f"{arguments}: {done.returncode} {done.stderr}")
    return done.stdout


def verbs():
    return re.findall(r"^  ([a-z-]+) +\S", output(vigil.VIGIL, "--help"), re.M)


def options(*words):
    return sorted(re.findall(r"^  (--[a-z0-9-]+)", output(vigil.VIGIL, *words, "--help"), re.M))


CASES = [  # words, what must be offered, what must not
    (["r"], ["run", "record", "replay"], ["validate"]),
    (["dlq", ""], ["list", "show", "retry", "export", "purge"], ["run"]),
    (["alerts", "a"], ["ack", "admit"], ["list"]),
    (["list", "s"], ["sources", "stages", "sinks"], ["models"]),
    (["completion", ""], ["bash", "zsh", "fish"], []),
    (["config", "n"], ["new"], ["show"]),
    (["run", "--u"], ["--until-end"], ["--commands"]),
    (["dlq", "list", "--s"], ["--sink", "--since", "--shard"], ["--config"]),
]


def bash_completes():
    script = f"source <({vigil.VIGIL} completion bash)\n" + """
        COMP_WORDS=(vigil "$@"); COMP_CWORD=$#; _vigil; printf '%s\\n' "${COMPREPLY[@]}"
    """
    for words, wanted, unwanted in CASES:
        said = output("bash", "--norc", "-c", script, "bash", *words).split()
        check(set(wanted) <= set(said) and not set(unwanted) & set(said), f"bash: {words}: {said}")
    check(set(verbs()) <= set(output("bash", "--norc", "-c", script, "bash", "").split()), "bash: a verb is missing")
    for verb in ("run", "simulate", "whatif"):
        said = output("bash", "--norc", "-c", script, "bash", verb, "--").split()
        check(sorted(set(said) - {"--help"}) == options(verb), f"bash: {verb}: {said}")


def fish_completes():
    if not shutil.which("fish"):
        print("SKIP fish: it is not installed (Debian: fish)")
        return
    with tempfile.TemporaryDirectory() as folder:
        script = pathlib.Path(folder) / "vigil.fish"
        script.write_text(output(vigil.VIGIL, "completion", "fish"))
        for words, wanted, unwanted in CASES:
            line = "vigil " + " ".join(words)
            said = [answer.split("\t")[0] for answer in
                    output("fish", "--no-config", "-c", f"source {script}; complete -C '{line}'",
                           env={"HOME": folder, "PATH": "/usr/bin:/bin"}).splitlines()]
            check(set(wanted) <= set(said) and not set(unwanted) & set(said), f"fish: {words}: {said}")


# What the functions of zsh's completion would be given; the functions themselves need a terminal.
ZSH = """
    compdef() { :; }
    _describe() { print -l -- "${(@P)2}"; }
    _arguments() { print -l -- "$@"; }
    source "$1"; shift
    words=(vigil "$@"); CURRENT=${#words}; _vigil
"""


def zsh_completes():
    if not shutil.which("zsh"):
        print("SKIP zsh: it is not installed (Debian: zsh)")
        return
    with tempfile.TemporaryDirectory() as folder:
        script = pathlib.Path(folder) / "_vigil"
        script.write_text(output(vigil.VIGIL, "completion", "zsh"))
        output("zsh", "-f", "-n", script)
        for words in ([""], ["dlq", ""]):
            said = {line.split(":")[0] for line in output("zsh", "-f", "-c", ZSH, "zsh", script, *words).splitlines()}
            wanted = set(verbs()) if len(words) == 1 else {"list", "show", "retry", "export", "purge"}
            check(wanted <= said, f"zsh: {words}: {said}")
        for words in (["run", "--"], ["dlq", "list", "--"], ["alerts", "--"]):
            said = re.findall(r"^\*?(--[a-z0-9-]+)[=\[]", output("zsh", "-f", "-c", ZSH, "zsh", script, *words), re.M)
            check(sorted(set(said) - {"--help"}) == options(*words[:-1]), f"zsh: {words}: {said}")


def a_page_for_each_command_without_complaint():
    with tempfile.TemporaryDirectory() as folder:
        pages = pathlib.Path(folder) / "man1"
        output(vigil.VIGIL, "man", "--out", pages, "--date", "2026-01-01")
        names = {page.stem for page in pages.iterdir()}
        check({f"vigil-{verb}" for verb in verbs()} | {"vigil", "vigil-dlq-list", "vigil-alerts-ack"} <= names,
              f"only {sorted(names)}")
        for verb in verbs():
            text = (pages / f"vigil-{verb}.1").read_text().replace("\\-", "-")
            for option in options(verb):
                check(f"\\fB{option}\\fR" in text, f"{option} is not in the page of {verb}")
        files = sorted(map(str, pages.iterdir()))
        if shutil.which("mandoc"):
            check(not output("mandoc", "-Tlint", "-Wwarning", *files), "mandoc complains")
        else:
            print("SKIP mandoc: it is not installed (Debian: mandoc)")
        if shutil.which("man") and shutil.which("groff"):
            for page in files:
                output("man", "--warnings", "-E", "UTF-8", "-l", "-Tutf8", "-Z", page,
                       env={"LC_ALL": "C.UTF-8", "MANWIDTH": "80", "PATH": "/usr/bin:/bin"})
        else:
            print("SKIP man: it is not installed (Debian: man-db, groff)")


def a_shell_that_is_unknown_is_refused():
    done = subprocess.run([vigil.VIGIL, "completion", "csh"], capture_output=True, text=True)
    check(done.returncode == 2 and "bash, zsh or fish" in done.stderr, done.stderr)


if __name__ == "__main__":
    vigil.main(bash_completes, fish_completes, zsh_completes, a_page_for_each_command_without_complaint,
               a_shell_that_is_unknown_is_refused)
