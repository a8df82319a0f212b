#!/usr/bin/env python3
"""The schema for editors says what the loader says, as far as a schema can: every shipped configuration
fits it, whatever is wrong by key or type does not, and no option is missing from schema and reference. With
VIGIL_LONG=1 the yaml-language-server is asked, too."""
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import vigil
from language_server import LanguageServer
from vigil import check

try:
    import jsonschema
    import yaml
except ImportError as missing:
    vigil.skip(f"{missing}; Debian has python3-jsonschema and python3-yaml")

# What a schema cannot see: references to rules, models and channels, other files, units, orders, and the text of the file itself.
BY_KEY_OR_TYPE = re.compile(
    r'error: (unknown key|unknown (source|stage|sink|decoder) "|key "|"[\w.]+" is missing|'
    r'"type" is missing|section "|\w+: "[^"]*" is (not a whole number|not a duration|not a size|not known|'
    r'neither|not a number)|"[\w.]+" is (a list|a mapping|text|nothing); expected|"\w+" must be a (mapping|list))')


def loader(name):
    """The configuration as YAML reads it; dates stay text, as they do for the program."""
    class Loader(yaml.SafeLoader):
        pass
    Loader.yaml_implicit_resolvers = {
        first: [(tag, regexp) for tag, regexp in resolvers if not tag.endswith("timestamp")]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()}
    # YAML 1.2: on, off, yes and no are text.
    for first, resolvers in Loader.yaml_implicit_resolvers.items():
        Loader.yaml_implicit_resolvers[first] = [
            (tag, re.compile("^(true|false)$") if tag.endswith("bool") else regexp)
            for tag, regexp in resolvers]
    return yaml.load(name.read_text(), Loader)


def output(*arguments):
    return subprocess.run([vigil.VIGIL, *map(str, arguments)], capture_output=True, text=True, check=True,
                          timeout=vigil.TIMEOUT_S).stdout


SCHEMA = json.loads(output("schema"))
VALIDATOR = jsonschema.Draft7Validator(SCHEMA)


def the_schema_is_one():
    jsonschema.Draft7Validator.check_schema(SCHEMA)
    names = set(SCHEMA["definitions"])
    text = json.dumps(SCHEMA)
    for target in re.findall(r'"#/definitions/([^"]+)"', text):
        check(target in names, f"{target} is referred to and not defined")


def every_shipped_configuration_fits():
    files = sorted((vigil.ROOT / "configs").glob("*.yaml"))
    check(len(files) >= 5, f"only {files}")
    for file in files:
        errors = list(VALIDATOR.iter_errors(loader(file)))
        check(not errors, f"{file.name}: {errors[:1]}")


def collection():
    for file in sorted((vigil.ROOT / "tests/unit/configs").glob("*.yaml")):
        yield file, re.findall(r"^# expect: (.*)$", file.read_text(), re.M)


def what_the_loader_takes_the_schema_takes():
    good = 0
    for file, expected in collection():
        if any(" error: " in line for line in expected):
            continue
        errors = list(VALIDATOR.iter_errors(loader(file)))
        check(not errors, f"{file.name}: {errors[:1]}")
        good += 1
    check(good >= 5, f"only {good} good ones")


def what_is_wrong_by_key_or_type_is_refused():
    refused, passed = 0, []
    for file, expected in collection():
        if file.name.startswith(("yaml-", "variable-")) or not any(
                BY_KEY_OR_TYPE.search(line) for line in expected):
            continue
        if VALIDATOR.is_valid(loader(file)):
            passed.append(file.name)
        else:
            refused += 1
    check(not passed, f"fit the schema and are refused by the loader: {passed}")
    check(refused >= 25, f"only {refused} files")


def options_of_the_schema(node, found, group=""):
    """Every name that has a description of an option, with its group: {"log.level", ...}."""
    if isinstance(node, list):
        for item in node:
            options_of_the_schema(item, found)
    if not isinstance(node, dict):
        return
    for key, value in node.items():
        if key != "properties":
            options_of_the_schema(value, found)
            continue
        for name, what in value.items():
            if "Expected: " in what.get("description", ""):
                found.add(group + name)
            options_of_the_schema(what, found, f"{name}." if "properties" in what else "")


def every_option_is_in_schema_describe_and_reference():
    schema = set()
    options_of_the_schema(SCHEMA, schema)
    described = set(re.findall(r"^  ([a-z_0-9.]+)(?: \(required\))?\n      \S", output("describe", "--all"),
                               re.M))
    page = set(re.findall(r"^\| `([a-z_0-9.]+)` \|.*\|.*\|.*\|$",
                          (vigil.ROOT / "docs/configuration.md").read_text(), re.M))
    check(len(described) > 150, f"describe shows {len(described)} options")
    check(described <= schema, f"not in the schema: {sorted(described - schema)}")
    check(described <= page, f"not in the reference: {sorted(described - page)}")
    sections = {"version", "service", "source", "models", "stages", "wards", "profiles", "scores",
                "alert_rules", "sinks", "tests"}
    check(schema - sections <= described, f"not described: {sorted(schema - sections - described)}")


KINDS = ("source", "decoder", "stage", "model", "sink")


def described_components():
    """{(kind, name): options} of `describe --all`."""
    found, options = {}, set()
    for line in output("describe", "--all").splitlines():
        if match := re.match(rf"({'|'.join(KINDS)}) (\w+): ", line):
            options = found[match[1], match[2]] = set()
        elif match := re.match(r"  ([a-z_0-9.]+)(?: \(required\))?$", line):
            options.add(match[1])
    return found


def reference_of(kind, name):
    """The options below the heading of a component in docs/configuration.md."""
    section = {"source": "source", "decoder": "source.decoder"}.get(kind, kind + "s")
    page = (vigil.ROOT / "docs/configuration.md").read_text()
    part = page.split(f"\n## {section}\n")[1].split("\n## ")[0].split(f"\n### `{name}`\n")
    return set(re.findall(r"^\| `([a-z_0-9.]+)` \|", part[1].split("\n### ")[0], re.M)) if part[1:] else set()


def schema_of(kind, name):
    """The options that the schema allows a component, those of all of its kind among them."""
    found = set()
    definition = SCHEMA["definitions"][kind]
    for case in definition.get("then", definition)["allOf"]:  # a decoder may also be a name
        if case["if"]["properties"]["type"]["const"] == name:
            options_of_the_schema(case["then"], found)
    return found


def every_option_of_every_component_is_in_schema_describe_and_reference():
    """Each in its own place: what one sink has does not cover for another."""
    described = described_components()
    listed = {(kind, line.split()[0]) for kind in KINDS for line in output("list", kind + "s").splitlines()[1:]}
    check(described.keys() == listed, f"{described.keys() ^ listed}")
    for (kind, name), options in described.items():
        check(options == reference_of(kind, name),
              f"reference of {kind} {name}: {options ^ reference_of(kind, name)}")
        check(options <= schema_of(kind, name), f"schema of {kind} {name}: {options - schema_of(kind, name)}")
    check(sum(map(len, described.values())) > 80, f"only {sum(map(len, described.values()))} options")


def every_component_and_section_has_an_example():
    """test_docs validates those that the reference page has, which are all but the models'."""
    for part in re.split(r"\n(?=(?:section|%s) \w+: )" % "|".join(KINDS), output("describe", "--all")):
        name = part.split(":")[0]
        if name.split()[0] in (*KINDS, "section"):
            example = part.partition("\nexample:\n\n")[2].split("\n\n")[0]
            check(example.startswith("    ") and name.split()[1] in example, f"{name}: {example!r}")


def components_are_those_of_the_build():
    listed = output("list")
    text = json.dumps(SCHEMA)
    for kind in ("sources", "decoders", "stages", "models", "sinks"):
        for line in output("list", kind).splitlines()[1:]:
            name = line.split()[0]
            check(f'{{"const": "{name}"}}' in text, f"{kind}: {name} is not in the schema")
    check("kafka" in listed, listed)


def an_editor_underlines_shows_and_completes():
    if os.environ.get("VIGIL_LONG") != "1":
        print("     only with VIGIL_LONG=1")
        return
    good = (vigil.ROOT / "configs/minimal.yaml").read_text()
    with tempfile.TemporaryDirectory() as folder:
        schema = pathlib.Path(folder) / "vigil.schema.json"
        schema.write_text(output("schema"))
        with LanguageServer(schema) as server:
            for file in sorted((vigil.ROOT / "configs").glob("*.yaml")):
                said = server.open(file.stem, file.read_text())
                check(not said, f"{file.name}: {said}")
            for number, (there, instead, expected) in enumerate((
                    ("  topic: ", "  topik: ", "Property topik is not allowed"),
                    ("version: 1", "version: 2", "Valid values: 1"),
                    ("{type: clean}", "{type: cleen}", '"clean", "artefact"'),
                    ("priority: high", "priority: urgent", '"high", "medium"'))):
                check(there in good, f"configs/minimal.yaml has no {there}")
                line = good[:good.index(there)].count("\n")
                said = server.open(f"wrong-{number}", good.replace(there, instead, 1))
                check(any(at == line and expected in text for at, text in said), f"{instead}: {said}")
            line = good[:good.index("  topic: ")].count("\n")
            shown = json.dumps(server.at("hover", "minimal", line, 3))
            check("The topic with the vital signs" in shown, f"hover: {shown}")
            server.open("begun", "version: 1\nservice:\n  name: x\n  \n")
            offered = server.at("completion", "begun", 3, 2)
            offered = {item["label"] for item in (offered["items"] if isinstance(offered, dict) else offered)}
            check({"data_dir", "workers", "http"} <= offered and "name" not in offered, f"offered: {offered}")


if __name__ == "__main__":
    vigil.main(the_schema_is_one, every_shipped_configuration_fits, what_the_loader_takes_the_schema_takes,
               what_is_wrong_by_key_or_type_is_refused, every_option_is_in_schema_describe_and_reference,
               every_option_of_every_component_is_in_schema_describe_and_reference,
               every_component_and_section_has_an_example, components_are_those_of_the_build,
               an_editor_underlines_shows_and_completes)
