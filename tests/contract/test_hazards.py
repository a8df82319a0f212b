#!/usr/bin/env python3
"""Every control in docs/hazards.md names tests, and each of them exists and is run.

`suite/name` is a Criterion test, `folder/test_x.py/name` a function of a scenario, and
`folder/test_x.py` the whole of one.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LEAST = 25


def criterion_tests():
    declared = re.compile(r"^(?:Test\(|ParameterizedTest\([^,]*,)\s*(\w+),\s*(\w+)", re.M)
    for path in ROOT.glob("tests/*/test_*.c"):
        for suite, name in declared.findall(path.read_text()):
            yield f"{suite}/{name}"


def exists(reference, tests, registered):
    script = re.fullmatch(r"(\w+)/(test_\w+)\.py(?:/(\w+))?", reference)
    if not script:
        return reference in tests
    folder, module, name = script.groups()
    path = ROOT / f"tests/{folder}/{module}.py"
    tier = folder if folder == "contract" else folder.removesuffix("s")
    if not path.exists() or f"vg_script({tier} {module} " not in registered:
        return False
    return name is None or re.search(rf"^def {name}\(", path.read_text(), re.M) is not None


def main():
    rows = [line for line in (ROOT / "docs/hazards.md").read_text().splitlines()
            if re.match(r"\| \d+ \|", line)]
    tests = set(criterion_tests())
    registered = (ROOT / "tests/CMakeLists.txt").read_text()
    wrong = []
    for number, row in enumerate(rows, 1):
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        references = re.findall(r"`([^`]+)`", cells[-1])
        if cells[0] != str(number) or len(cells) != 6 or not all(cells) or not references:
            wrong.append(f"hazard {number}: expected number, hazard, cause, harm, control, tests")
        wrong += [f"hazard {number}: there is no test {reference}" for reference in references
                  if not exists(reference, tests, registered)]
    if len(rows) < LEAST:
        wrong.append(f"{len(rows)} hazards; expected at least {LEAST}")
    print("\n".join(wrong) or f"{len(rows)} hazards, each with a control that is tested")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
