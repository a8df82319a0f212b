#!/usr/bin/env python3
"""vigil doctor finds what is wrong with a machine, says what to do, and leaves nothing behind; vigil graph draws
every component of a configuration."""
import json
import pathlib
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import vigil
from vigil import check


def call(*arguments, expect=0, before=None):
    done = subprocess.run([vigil.VIGIL, *map(str, arguments)], capture_output=True, text=True,
                          timeout=vigil.TIMEOUT_S, preexec_fn=before)
    check(done.returncode == expect, f"vigil {arguments}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def findings(*arguments, expect=0, before=None):
    said = json.loads(call("doctor", "--json", *arguments, expect=expect, before=before).stdout)
    for finding in said["findings"]:
        check(finding["finding"] in ("ok", "note") or finding.get("advice"), f"no advice: {finding}")
    return said["findings"]


def it_looks_at_everything_and_leaves_nothing():
    with tempfile.TemporaryDirectory() as folder:
        found = findings("--data-dir", folder)
        seen = {finding["what"] for finding in found}
        check({"kernel", "processors", "inference", "open files", "clock", "data_dir", "disk", "space", "librdkafka",
               "libzmq", "SQLite", "libsodium"} <= seen, seen)
        check(not list(pathlib.Path(folder).iterdir()), "something is left")
        text = call("doctor", "--data-dir", folder).stdout
        check(all(finding["what"] in text for finding in found), text)


def known_versions_are_told():
    with tempfile.TemporaryDirectory() as folder:
        found = findings("--data-dir", folder)
        versions = {f["what"]: f["found"] for f in found if f["finding"] == "ok"}
        notes = [f["found"] for f in found if f["what"] == "librdkafka" and f["finding"] == "note"]
        if versions["librdkafka"].startswith("2.0."):
            check(any("idempotence" in note for note in notes), notes)
        check(any("ZMQ_HEARTBEAT" in f["found"] for f in found if f["what"] == "libzmq"), found)
        check(versions["SQLite"].startswith("3."), versions)


def a_folder_that_others_read_and_one_that_nobody_writes():
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        folder.chmod(0o755)
        found = findings("--data-dir", folder)
        check(any(f["finding"] == "warning" and "chmod 700" in f["advice"] for f in found), found)
        folder.chmod(0o700)
        missing = findings("--data-dir", folder / "later")
        check(any("will be made" in f["found"] for f in missing), missing)
        check(not (folder / "later").exists(), "the folder was made")
        found = findings("--data-dir", "/proc/nowhere/data", expect=1)
        check(any(f["finding"] == "problem" and f["what"] == "data_dir" for f in found), found)


def few_open_files_are_a_warning():
    def limit():
        import resource
        resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))

    with tempfile.TemporaryDirectory() as folder:
        found = findings("--data-dir", folder, before=limit)
        check(any(f["what"] == "open files" and f["finding"] == "warning" and "LimitNOFILE" in f["advice"]
                  for f in found), found)


def the_configuration_is_looked_at_too():
    with tempfile.TemporaryDirectory() as name:
        file = pathlib.Path(name) / "c.yaml"
        text = (vigil.ROOT / "configs/minimal.yaml").read_text().replace(
            "data_dir: minimal-data", f"data_dir: {name}/data")
        file.write_text(text)
        file.chmod(0o666)
        found = findings(file)
        check(any(f["what"] == "config" and "is valid" in f["found"] for f in found), found)
        check(any(f["what"] == "config" and "chmod go-w" in f.get("advice", "") for f in found), found)
        file.write_text(text.replace("topic:", "topik:"))
        found = findings(file, expect=1)
        check(any(f["finding"] == "problem" and "vigil validate" in f["advice"] for f in found), found)
        findings(pathlib.Path(name) / "none.yaml", expect=1)


def a_graph_has_every_component():
    for file in sorted((vigil.ROOT / "configs").glob("*.yaml")):
        summary = call("validate", file).stdout
        chain = summary.splitlines()[1].split(" -> ")
        sinks = re.findall(r"([\w.-]+) \(\w+\)", re.search(r"sinks: (.*)", summary)[1])
        mermaid = call("graph", file).stdout
        check(mermaid.startswith("flowchart TD\n"), mermaid[:40])
        svg = call("graph", "--format", "svg", file).stdout
        words = [t.text for t in xml.etree.ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]
        for part in [*(word.strip() for word in chain), "outbox", *sinks]:
            check(f'["{part}' in mermaid, f"{file.name}: {part} is not in\n{mermaid}")
            check(part in words, f"{file.name}: {part} is not in the picture: {words}")
        ids = set(re.findall(r"^    (\w+)\[", mermaid, re.M))
        ends = set(re.findall(r"^    (\w+) -", mermaid, re.M)) | set(re.findall(r"> (\w+)$", mermaid, re.M))
        check(ids == ends, f"{file.name}: {ids ^ ends} hang in the air")


if __name__ == "__main__":
    vigil.main(it_looks_at_everything_and_leaves_nothing, known_versions_are_told,
               a_folder_that_others_read_and_one_that_nobody_writes, few_open_files_are_a_warning,
               the_configuration_is_looked_at_too, a_graph_has_every_component)
