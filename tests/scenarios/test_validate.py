#!/usr/bin/env python3
"""vigil validate says of every broken configuration what is wrong, where, and what was expected; vigil run says
the same, word for word, and starts nothing. --json has the same in it; --env tries the connections."""
import functools
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import vigil
from vigil import check

FILES = sorted((vigil.ROOT / "tests/unit/configs").glob("*.yaml"))
# How messages say what to do instead.
EXPECTATION = re.compile(
    r"expected|did you mean|must|missing|needs|remove|already|exclude each other|one of|need|such as|longer than|"
    r"more than|at most|is always|cannot|plausible|give|only|add |write |other way|take |not well-formed|"
    r"list the profiles|no rule|belong together|keep one|not more urgent|never|no value|in line|"
    r"there are none|two commands|: listen on|not noted|is empty")


@functools.cache
def validated(file):
    return call("validate", file)


def call(*arguments):
    return subprocess.run([vigil.VIGIL, *map(str, arguments)], capture_output=True, text=True,
                          timeout=vigil.TIMEOUT_S)


def broken():
    for file in FILES:
        if re.search(r"^# expect: .* ?error: ", file.read_text(), re.M):
            yield file


def some():
    """All; of a build with sanitizers, which takes ten times as long to begin, one of four."""
    return list(broken())[::4 if vigil.SANITIZED and not os.environ.get("VIGIL_LONG") else 1]


def every_error_has_its_place_and_says_what_was_expected():
    errors = 0
    for file in some():
        done = validated(file)
        check(done.returncode == 78 and not done.stdout, f"{file.name}: {done.returncode} {done.stdout}")
        lines = done.stderr.splitlines()
        for i, line in enumerate(lines):
            found = re.match(re.escape(str(file)) + r"(:\d+:\d+)?: error: (.*)", line)
            if not found:
                continue
            check(found[1], f"{line}\nhas no place")
            check(lines[i + 2].strip() == "^" or "yaml-" in file.name, f"{line}\nhas no caret")
            check(EXPECTATION.search(found[2]), f"{line}\ndoes not say what was expected")
            errors += 1
    check(len(list(broken())) >= 100 and errors >= len(some()), f"{len(list(broken()))} files, {errors} errors")


def run_refuses_the_same_in_the_same_words():
    for file in some():
        offline, run = validated(file), call("run", file)
        check(run.returncode == offline.returncode == 78, f"{file.name}: {run.returncode}")
        check(run.stderr.replace("vigil run:", "vigil validate:") == offline.stderr,
              f"{file.name}:\n{run.stderr}\n--\n{offline.stderr}")


def json_has_the_same_problems():
    for file in FILES[::7]:
        text, said = call("validate", file), json.loads(call("validate", "--json", file).stdout)
        places = re.findall(re.escape(str(file)) + r":(\d+):(\d+): (error|warning): (.*)", text.stderr)
        check([(str(p["line"]), str(p["column"]), p["severity"], p["message"]) for p in said["problems"]] == places,
              f"{file.name}: {said}\n{text.stderr}")
        check(said["valid"] == (text.returncode == 0), file.name)
    said = json.loads(call("validate", "--json", "/nonexistent").stdout)
    check(not said["valid"] and said["errors"] == 1, said)


def warnings_can_be_denied():
    file = vigil.ROOT / "tests/unit/configs/warn-unused-rule.yaml"
    check(call("validate", file).returncode == 0, "a warning is no error")
    done = call("validate", "--deny-warnings", file)
    check(done.returncode == 78 and "denied" in done.stderr, done.stderr)
    check(call("validate", "--deny-warnings", vigil.ROOT / "configs/minimal.yaml").returncode == 0, "no warnings")


def with_env_connections_are_tried():
    with tempfile.TemporaryDirectory() as folder, vigil.MockBroker("vitals:3") as broker:
        file = pathlib.Path(folder) / "c.yaml"

        def tried(topic, address, brokers=broker.bootstrap):
            file.write_text(f"""version: 1
service: {{name: env, data_dir: {folder}/data}}
source: {{type: kafka, brokers: "{brokers}", topic: {topic}, start: latest, connect_timeout: 2s}}
stages: [{{type: clean}}, {{type: alert}}]
sinks:
  there: {{type: kafka, brokers: "{broker.bootstrap}", topic: alerts}}
  page: {{type: hl7, address: "{address}", patient_authority: X}}
  out: {{type: file, path: {folder}/alerts.ndjson}}
  me: {{type: console}}
""")
            done = call("validate", "--env", "--json", file)
            return done.returncode, {c["what"]: c for c in json.loads(done.stdout)["connections"]}

        code, said = tried("vitals", broker.bootstrap)
        check(code == 0 and said["source"]["message"] == "topic vitals has 3 partitions", said)
        check([said[what]["result"] for what in
               ("service.data_dir", "sink there", "sink page", "sink out", "sink me")]
              == ["ok", "ok", "ok", "ok", "not tried"], said)
        check(not (pathlib.Path(folder) / "data").exists(), "a folder was made")
        code, said = tried("vitals", "127.0.0.1:1")
        check(code == 69 and said["source"]["result"] == "ok", said)
        check(said["sink page"]["result"] == "failed" and "127.0.0.1:1" in said["sink page"]["message"], said)
        code, said = tried("vitals", broker.bootstrap, "127.0.0.1:1")
        check(code == 69 and said["source"]["result"] == "failed"
              and "no broker answered at 127.0.0.1:1" in said["source"]["message"], said)


def with_env_a_topic_of_another_number_of_partitions_is_refused_as_run_refuses_it():
    with vigil.MockBroker("vitals:3", "more:4") as broker, vigil.Pipeline(
            vigil.sedation_config(broker.bootstrap, topic="vitals")) as p:
        p.run()
        check(call("validate", "--env", p.path).returncode == 0, "its own topic")
        p.config["source"]["topic"] = "more"
        p.path.write_text(json.dumps(p.config))
        done = call("validate", "--env", "--json", p.path)
        source, = (c for c in json.loads(done.stdout)["connections"] if c["what"] == "source")
        check(done.returncode == 69 and source["result"] == "failed" and "with 3 partitions" in source["message"]
              and "on_new_cluster: fresh" in source["message"], done.stdout)
        said = p.run(expect=78)
        check(source["message"] in said, f"{source['message']}\n--\n{said}")
        p.config["service"]["on_new_cluster"] = "fresh"
        p.path.write_text(json.dumps(p.config))
        check(call("validate", "--env", p.path).returncode == 0, "it begins afresh")


if __name__ == "__main__":
    vigil.main(every_error_has_its_place_and_says_what_was_expected, run_refuses_the_same_in_the_same_words,
               json_has_the_same_problems, warnings_can_be_denied, with_env_connections_are_tried,
               with_env_a_topic_of_another_number_of_partitions_is_refused_as_run_refuses_it)
