#!/usr/bin/env python3
"""CONTRIBUTING.md is followed to the letter: its stage, one file and one line, in a copy of the tree.

The copy must build, list and describe the stage, accept it in a configuration, and pass the contract
tests with it.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import vigil
from vigil import check

NAME = "shock_index"
SKIPPED = {"build", ".git", "__pycache__"}


def run(*command, cwd=None):
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=1700)
    check(done.returncode == 0, f"{' '.join(map(str, command))}: exit {done.returncode}\n"
          f"{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


def snippets(page):
    """The C of the page: the file, and the line."""
    blocks = re.findall(r"```c\n(.*?)```", page, re.S)
    file = next(b for b in blocks if b.startswith(f"/* {NAME}.c"))
    line = next(b for b in blocks if b.startswith("VG_STAGE("))
    return file, line


def follow(tree, page):
    file, line = snippets(page)
    (tree / "stages" / f"{NAME}.c").write_text(file)
    components = tree / "components.def"
    lines = components.read_text().splitlines(keepends=True)
    last = max(i for i, text in enumerate(lines) if text.startswith("VG_STAGE("))
    components.write_text("".join(lines[:last + 1] + [line] + lines[last + 1:]))


def try_it(tree, build):
    program = build / "vigil"
    check(NAME in run(program, "list", "stages"), "vigil list does not show the stage")
    described = run(program, "describe", NAME)
    check("ceiling" in described and "meaningless" in described, f"describe says {described}")
    config = vigil.sedation_config("127.0.0.1:9092")
    config["stages"].insert(1, {"type": NAME, "ceiling": 3})
    with vigil.Pipeline(config) as p:
        run(program, "validate", p.path)
    with vigil.Pipeline({**config, "stages": [{"type": NAME, "ceiling": 300}]}) as p:
        bad = subprocess.run([program, "validate", p.path], capture_output=True, text=True)
        check(bad.returncode == 78 and "ceiling" in bad.stderr, f"a bad option gives {bad}")


def one_file_and_one_line():
    with tempfile.TemporaryDirectory(prefix="vigil-stranger-") as folder:
        tree = pathlib.Path(folder) / "vigil"
        shutil.copytree(vigil.ROOT, tree,
                        ignore=lambda _, names: [n for n in names if n in SKIPPED])
        follow(tree, (tree / "CONTRIBUTING.md").read_text())
        build = tree / "build"
        run("cmake", "-S", tree, "-B", build, "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Debug",
            "-DCMAKE_C_FLAGS_DEBUG=-O0", "-DVG_WERROR=ON", "-DVG_BUILD_BENCH=OFF")
        # The tests beside this one must not wait for its compilers.
        run("nice", "-n", "19", "ninja", "-C", build, "-j2", "vigil", "test_components")
        try_it(tree, build)
        run(build / "test_components", "--jobs", "2", cwd=build)


if __name__ == "__main__":
    vigil.main(one_file_and_one_line)
