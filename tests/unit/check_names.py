#!/usr/bin/env python3
"""What a document or a comment names exists, a file or a name of ours: who follows it must arrive."""
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
# What CONTRIBUTING.md and components.def tell how to write.
EXAMPLE = {"stages/shock_index.c", "tests/unit/test_shock_index.c", "vg_stage_shock_index",
           "stages/name.c", "vg_stage_name", "vg_module_verb"}
SYSTEM = {"sysexits.h"}
SOURCE = (".c", ".h", ".def")
LINK = re.compile(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)")
BARE = re.compile(r"(?<![\w./<*-])(\w\w+\.[ch])\b")
OURS = re.compile(r"(?<![\w.-])(?:vigil_client|vg)_\w*[a-z0-9]\b(?!\*)")
COMMENT = re.compile(r"/\*.*?\*/", re.S)


def read_tree():
    """{name: text} of what git knows, or, in a copy without it, of what is there."""
    listed = subprocess.run(["git", "-C", ROOT, "ls-files"], capture_output=True, text=True)
    names = listed.stdout.splitlines()
    if listed.returncode != 0:
        found = (p.relative_to(ROOT) for p in ROOT.rglob("*") if p.is_file())
        names = [str(p) for p in found if p.parts[0] not in ("build", ".git")]
    read = SOURCE + (".md", ".cmake", "CMakeLists.txt")
    return {name: (ROOT / name).read_text() if name.endswith(read) else ""
            for name in names if (ROOT / name).is_file()}


def path_pattern(tree):
    """Paths that begin with a folder of the project; `*` stands for a part of a name."""
    folders = "|".join(sorted({re.escape(name.split("/")[0]) for name in tree if "/" in name}))
    return re.compile(rf"(?<![\w./$<{{~>-])((?:{folders})/[\w./*-]*[\w*])")


def exists(name, beside, tree):
    if name in EXAMPLE | SYSTEM or (ROOT / name).exists() or (beside / name).exists():
        return True
    if "/" not in name:
        return any(known.endswith("/" + name) for known in tree)
    pattern = name.removesuffix("**").replace("NAME", "*")
    return any(ROOT.glob(pattern))


def files_named(prose, pattern, document):
    if document:
        return pattern.findall(prose) + LINK.findall(prose)
    paths = [p for p in pattern.findall(prose) if re.search(r"\.(c|h|py|md|sh|yaml)$", p)]
    return paths + BARE.findall(prose)


def problems():
    tree = read_tree()
    pattern = path_pattern(tree)
    code = {name: text if name.endswith(".md") else COMMENT.sub("", text)
            for name, text in tree.items()}
    ours = {n for name, text in code.items() if not name.endswith(".md") for n in OURS.findall(text)}
    for name, text in tree.items():
        document = name.endswith(".md")
        if not document and not name.endswith(SOURCE):
            continue
        prose = text if document else "\n".join(COMMENT.findall(text))
        for file in sorted(set(files_named(prose, pattern, document))):
            if not exists(file, (ROOT / name).parent, tree):
                yield f"{name}: there is no {file}"
        for other in sorted(set(OURS.findall(prose)) - ours - EXAMPLE):
            yield f"{name}: no code has {other}"


def main():
    found = list(problems())
    print("\n".join(found) if found else "everything that is named exists")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
