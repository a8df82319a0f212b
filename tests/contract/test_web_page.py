#!/usr/bin/env python3
"""The ward page without a browser: its pure parts, its types, its size, and that it keeps its policy."""
import gzip
import pathlib
import re
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests/support"))
import packages  # noqa: E402

WEB = ROOT / "app/web"
BYTES_MAX = 200_000
SERVED = {".html", ".js", ".css", ".svg", ".txt"}


def parts():
    """The tests of the modules that need no browser."""
    if not shutil.which("node"):
        print("SKIP: the page's parts: node is not installed", flush=True)
        return
    tests = sorted((ROOT / "tests/unit/web").glob("test_*.mjs"))
    assert tests
    done = subprocess.run(["node", "--test", *tests], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    print(re.search(r"pass \d+", done.stdout)[0])


def types():
    """What the comments of the modules say of types holds."""
    tools = packages.npm_folder("the page's types", WEB, "web-tools")
    if tools:
        done = subprocess.run([tools / "node_modules/.bin/tsc", "--project", WEB],
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        print("types hold")


def size():
    files = [f for f in WEB.rglob("*") if f.suffix in SERVED and not f.name.endswith(".d.ts")]
    total = sum(len(gzip.compress(f.read_bytes(), 9, mtime=0)) for f in files)
    print(f"{len(files)} files, {total} bytes gzipped")
    assert total < BYTES_MAX


def policy():
    """No script or style in HTML, no HTML out of text, nothing from elsewhere, no identifier in a URL."""
    for page in WEB.glob("*.html"):
        html = page.read_text()
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|javascript:", html), page
        assert not re.search(r"(?:src|href)=\"(?:https?:)?//", html), page
    for module in (WEB / "js").glob("*.js"):
        code = module.read_text()
        assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function", code), module
        assert not re.search(r"setAttribute\('style'", code), module
        assert not re.search(r"#/bed/\$\{(?!key\}|alert\.key\}|this\.key\})", code), module
        assert len(code.splitlines()) < 500, module
    for sheet in WEB.glob("*.css"):
        assert not re.search(r"@import|url\(", sheet.read_text()), sheet


for check in (parts, types, size, policy):
    check()
