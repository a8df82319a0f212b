#!/usr/bin/env python3
"""vigil config: what it shows means the same as what was written and has no secret in it, what it migrates
comes out whole or not at all, and what it makes validates and passes its own tests, for every sink."""
import functools
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import vigil
from vigil import check


def call(*arguments, expect=0, **more):
    done = subprocess.run([vigil.VIGIL, *map(str, arguments)], capture_output=True, text=True,
                          timeout=vigil.TIMEOUT_S, **more)
    check(done.returncode == expect,
          f"vigil {arguments}: exit {done.returncode}, expected {expect}\n{done.stdout}{done.stderr}")
    return done


def hash_of(file):
    return re.search(r"config (sha256:\w+)", call("validate", file).stdout)[1]


def what_is_shown_means_the_same(folder):
    shutil.copytree(vigil.ROOT / "configs", folder / "configs")
    for file in sorted((folder / "configs").glob("*.yaml")):
        shown = file.with_name("shown-" + file.name)
        text = call("config", "show", file).stdout
        shown.write_text(text.replace('"***"', '"a-secret-in-the-place-of-that"'))
        check(hash_of(shown) == hash_of(file), f"{file.name} means another thing when shown")
        first, again = call("config", "show", shown).stdout, text
        values = [re.sub(r" *# [^#]*$", "", line) for line in first.splitlines()[1:]]
        check(values == [re.sub(r" *# [^#]*$", "", line) for line in again.splitlines()[1:]],
              f"{file.name}: shown again it differs")


CONFIG = """version: 1
service: {name: shown}
source: {type: kafka, brokers: "${BROKER:-a:1},${NOT_SET:-b:2}", topic: t, start: latest, insecure: true}
stages: [{type: clean}, {type: alert}]
alert_rules:
  low: {priority: high, when: {all: [{channel: spo2, below: "90 %"}, {not: {channel: hr, above: "60 /min"}}]}}
sinks:
  hook: {type: webhook, url: "https://pager.example.org/hook", secret: "${file:FOLDER/secret}",
         headers: {Authorization: "${env_token:-Bearer abcdef}"}}
"""
SECRET = "whsec_c2VjcmV0c2VjcmV0c2VjcmV0c2VjcmV0"


def origins_are_told_and_secrets_are_not(folder):
    secret = folder / "secret"
    secret.write_text(SECRET)
    secret.chmod(0o600)
    file = folder / "c.yaml"
    file.write_text(CONFIG.replace("FOLDER", str(folder)).replace("env_token", "TOKEN"))
    environment = {**os.environ, "BROKER": "kafka-1:9092", "TOKEN": "Bearer hunter2"}
    text = call("config", "show", file, env=environment).stdout
    said = json.loads(call("config", "show", "--json", file, env=environment).stdout)
    for what in (text, json.dumps(said)):
        for word in (SECRET, "hunter2", "abcdef"):
            check(word not in what, f"{word} is shown:\n{what}")
    values = {value["path"]: value for value in said["values"]}
    check(values["source.brokers"] == {
        "path": "source.brokers", "value": "kafka-1:9092,b:2", "origin": "environment", "line": 3, "column": 33,
        "from": f"{file}:3, ${{BROKER}}, ${{NOT_SET}}"}, values["source.brokers"])
    check(values["service.log.level"] == {"path": "service.log.level", "value": "info", "origin": "default",
                                          "from": "default"}, values["service.log.level"])
    check(values["sinks.hook.secret"]["value"] == "***" and
          values["sinks.hook.secret"]["from"] == f"{file}:8, ${{file:{folder}/secret}}",
          values["sinks.hook.secret"])
    check(values["alert_rules.low.when.all[1].not.channel"]["value"] == "hr", sorted(values))
    check(said["config"].startswith("sha256:"), said["config"])


def a_wrong_one_is_not_shown(folder):
    file = folder / "wrong.yaml"
    file.write_text("version: 1\nservice: {nam: x}\n")
    done = call("config", "show", file, expect=78)
    check(not done.stdout and 'did you mean "name"' in done.stderr, done.stdout + done.stderr)


def what_is_made_validates_for_every_sink(folder):
    sinks = [line.split()[0] for line in call("list", "sinks").stdout.splitlines()[1:]]
    check(len(sinks) >= 12, sinks)
    for sink in sinks:
        file = folder / f"new-{sink}.yaml"
        file.write_text(call("config", "new", "--source", "kafka", "--sink", sink).stdout)
        done = call("validate", file)
        check("warning" not in done.stderr or sink == "null", f"{sink}:\n{done.stderr}")
    file = folder / "all.yaml"
    arguments = [word for sink in sinks for word in ("--sink", sink)]
    file.write_text(call("config", "new", *arguments).stdout)
    call("validate", file)
    call("test", file)
    call("config", "new", "--sink", "file", "--sink", "file", expect=2)
    check('"null"?' in call("config", "new", "--sink", "nul", expect=2).stderr, "no suggestion")


def what_is_of_the_newest_version_comes_out_as_it_is(folder):
    file = folder / "old.yaml"
    for text in (CONFIG, (vigil.ROOT / "configs" / "demo.yaml").read_text(),
                 "# with comments\r\nversion: 1 # here\r\nservice: {name: '${NOT_SET_ANYWHERE}'}"):
        file.write_bytes(text.encode())
        done = subprocess.run([vigil.VIGIL, "config", "migrate", file], capture_output=True,
                              timeout=vigil.TIMEOUT_S)
        check(done.returncode == 0 and done.stdout == text.encode(), f"{done}\nof\n{text}")
        check(b"version 1, the newest" in done.stderr, done.stderr)
        done = call("config", "migrate", "--check", file)
        check(done.stdout == "", done.stdout)


def what_is_of_no_known_version_is_not_migrated(folder):
    file = folder / "strange.yaml"
    for text, said in (("version: 2\n", ':1:10: error: expected "version: 1", the newest'),
                       ("version: old\n", ':1:10: error: expected "version: 1", the only one'),
                       ("service: {name: x}\n", ':1:1: error: "version: 1" is missing'),
                       ("- version: 1\n", ":1:1: error: expected a mapping of sections"),
                       ("version: [1\n", ": error: ")):
        file.write_text(text)
        for verb in (("config", "migrate"), ("validate",)):
            done = call(*verb, file, expect=78)
            check(done.stdout == "" and said in done.stderr, f"{text}{done.stderr}")
    call("config", "migrate", folder / "none.yaml", expect=78)


def in_a_folder(test):
    @functools.wraps(test)
    def run():
        with tempfile.TemporaryDirectory() as folder:
            test(pathlib.Path(folder))
    return run


if __name__ == "__main__":
    vigil.main(*map(in_a_folder, (what_is_shown_means_the_same, origins_are_told_and_secrets_are_not,
                                  a_wrong_one_is_not_shown,
                                  what_is_of_the_newest_version_comes_out_as_it_is,
                                  what_is_of_no_known_version_is_not_migrated,
                                  what_is_made_validates_for_every_sink)))
