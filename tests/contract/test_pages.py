#!/usr/bin/env python3
"""The pages agree with the project and with each other: links, names of files, tables, the reference, the runbook,
the SOUP list, the menu of the site. What they tell people to do is tested by tests/scenarios/test_docs.py.
"""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import pages
import vigil
from vigil import ROOT, VIGIL, check

EXAMPLES = {"stages/shock_index.c", "tests/unit/test_shock_index.c"}  # readers make them


# ---- links ----

def _target(page, link):
    path, _, anchor = link.partition("#")
    return (ROOT / page).parent.joinpath(path).resolve() if path else ROOT / page, anchor


def links_lead_somewhere():
    anchors = {ROOT / page: set(pages.anchors(text)) for page, text in pages.every().items()}
    wrong, seen = [], 0
    for page, text in pages.every().items():
        for line, link in pages.links(text):
            if re.match(r"[a-z]+:", link):
                continue
            seen += 1
            file, anchor = _target(page, link)
            if not file.exists():
                wrong.append(f"{page}:{line}: there is no {link}")
            elif anchor and anchor not in anchors.get(file, ()):
                wrong.append(f"{page}:{line}: {link}: no such heading")
    check(not wrong, "\n".join(wrong))
    check(seen >= 100, f"only {seen} links")


def every_row_is_in_a_table():
    """A row behind a paragraph, or one with another number of cells, shows as text with bars."""
    wrong = []
    for page, text in pages.every().items():
        lines = re.sub(r"`[^`\n]*`", lambda c: c[0].replace("|", " "), pages.prose(text)).splitlines()
        cells = 0
        for number, line in enumerate(lines, 1):
            if not line.startswith("|"):
                cells = 0
                continue
            n = len(re.findall(r"(?<!\\)\|", line)) - 1
            if cells == 0 and not re.match(r"\|[ :|-]+\|$", (lines[number:] or [""])[0]):
                wrong.append(f"{page}:{number}: a row without a table")
            elif cells not in (0, n):
                wrong.append(f"{page}:{number}: {n} cells in a table of {cells}")
            cells = cells or n
    check(not wrong, "\n".join(wrong))


def files_that_pages_name_are_there():
    wrong, seen = [], 0
    for page, text in pages.every().items():
        for line, path in pages.paths(text):
            if page == "CHANGELOG.md" or path in EXAMPLES:
                continue
            seen += 1
            if not any(any(root.glob(path)) for root in (ROOT, ROOT / "docs", (ROOT / page).parent)):
                wrong.append(f"{page}:{line}: there is no {path}")
    check(not wrong, "\n".join(wrong))
    check(seen >= 200, f"only {seen} paths")


def the_runbook_knows_what_can_go_wrong():
    page = (ROOT / "docs/runbook.md").read_text()
    there = set(pages.anchors(page))
    conditions = re.findall(r"^\| `(\w+)` \| [^|]* \| \[runbook\]", (ROOT / "docs/events.md").read_text(), re.M)
    check(len(conditions) >= 16, f"only {conditions}")
    alerts = [name for file in (ROOT / "packaging").rglob("*.y*ml")
              for name in re.findall(r"^\s*- alert: (\w+)", file.read_text(), re.M)]
    missing = [name for name in (*conditions, *(a.lower() for a in alerts)) if name not in there]
    check(not missing, f"no heading for {missing}")
    reasons = re.findall(r'because\([a-z]+, "([^"]+)"', (ROOT / "runtime/health.c").read_text())
    troubles = re.findall(r'\[VG_TROUBLE_\w+\] = "(\w+)"', (ROOT / "runtime/metrics.c").read_text())
    check(len(reasons) >= 8 and len(troubles) >= 8, f"{reasons} {troubles}")
    words = [word.strip() for reason in reasons for word in re.split(r"%\w+|: ", reason) if len(word.strip()) > 4]
    missing = [word for word in (*words, *(f"`{t}`" for t in troubles)) if word not in page]
    check(not missing, f"nothing of {missing}")
    known = set(re.findall(r"^\| `(\w+)`", (ROOT / "docs/metrics.md").read_text(), re.M))
    unknown = {m for m in re.findall(r"`((?:vigil|process)_\w+)`", page)} - known
    check(not unknown, f"there is no metric {unknown}")


def versions(page, column):
    """Of each library in the tables of a page the version that Debian has."""
    rows = re.findall(r"^\| ([^|]+) \| ([^|]+) \|", (ROOT / page).read_text(), re.M)
    return {re.sub(r"\[([^]]*)\]\(.*?\)", r"\1", name): row[column].strip()
            for row in rows for name in row[0].split(", ")}


def the_soup_list_is_complete():
    """Whatever the program links is in it, and dependencies.md has no other versions."""
    listed = versions("docs/soup.md", 1)
    said = {"ssl": "OpenSSL", "crypto": "OpenSSL", "sqlite3": "SQLite", "jansson": "jansson", "z": "zlib",
            "ncursesw": "ncurses", "tinfo": "ncurses", "c": "glibc; Linux; systemd",
            "m": "glibc; Linux; systemd"}
    linked = subprocess.run(["readelf", "-d", VIGIL], capture_output=True, text=True, check=True, timeout=60).stdout
    names = re.findall(r"\(NEEDED\).*\[lib([\w.+-]+?)\.so", linked)
    check(len(names) >= 10, f"only {names}")
    missing = [name for name in names if not {said.get(name, name), f"lib{name}"} & listed.keys()]
    check(not missing, f"docs/soup.md does not list {missing}; it has {sorted(listed)}")
    others = versions("docs/dependencies.md", 1)
    differ = {name: (listed[name], others[name]) for name in listed.keys() & others.keys()
              if not listed[name].startswith(others[name].split(",")[0])}
    check(not differ and len(listed.keys() & others.keys()) >= 10, f"{differ}")


def the_site_builds_without_a_warning():
    with tempfile.TemporaryDirectory(prefix="vigil-site-") as folder:
        if not shutil.which("mkdocs"):
            print("no mkdocs here: the site is not built")
            return
        done = subprocess.run(["mkdocs", "build", "--strict", "--quiet", "--site-dir", folder], cwd=ROOT,
                              capture_output=True, text=True, timeout=300)
        check(done.returncode == 0, done.stderr)
        nav = (ROOT / "mkdocs.yml").read_text()
        lost = [page for page in pages.every() if page.startswith("docs/") and f" {page[5:]}\n" not in nav]
        check(not lost, f"the menu in mkdocs.yml has no {lost}")
        made = {str(p.relative_to(folder)) for p in pathlib.Path(folder).rglob("*.html")}
        check({"index.html", "tutorial.html", "ARCHITECTURE.html", "sinks/kafka.html"} <= made, made)
        # Nothing is fetched from elsewhere when a page is read.
        for page in pathlib.Path(folder).rglob("*.html"):
            fetched = re.findall(r'<(?:script|img|link rel="stylesheet")[^>]* (?:src|href)="(https?:[^"]+)"',
                                 page.read_text())
            check(not fetched, f"{page.name} fetches {fetched}")


def generated_pages_are_those_of_the_program():
    for page, options in pages.GENERATED.items():
        said = subprocess.run([VIGIL, "describe", *options], capture_output=True, text=True, check=True,
                              timeout=60).stdout
        check((ROOT / page).read_text() == said,
              f"{page} is not what this vigil prints; run `make docs` and commit it")


if __name__ == "__main__":
    vigil.main(links_lead_somewhere, every_row_is_in_a_table, files_that_pages_name_are_there,
               the_runbook_knows_what_can_go_wrong, the_soup_list_is_complete, the_site_builds_without_a_warning,
               generated_pages_are_those_of_the_program)
