"""What stands in the project's pages: code blocks with what is to be done with them, headings, links.

A comment directly above a block, which no reader sees, says what a test does with it; its words end
with the comment, so a reason may be as long as it needs to be:

    <!-- not run: REASON -->              nobody runs it
    <!-- no block of this page is run: REASON -->  at the top of a page
    <!-- long: REASON -->                 run with VIGIL_LONG=1 only
    <!-- terminal NAME, until "TEXT" -->  runs beside the others, in a terminal of its own; the next block
                                          waits until it has printed TEXT
    <!-- prints -->                       what the block before it prints; "..." stands for any lines
    <!-- terminal NAME prints -->         what is printed there from now on
    <!-- stop NAME -->                    before the block: Ctrl-C in that terminal
    <!-- exits N -->                      ends with that exit code
    <!-- belongs to SECTION -->           (yaml) is part of a configuration, there
    <!-- not a configuration: WHAT -->    (yaml) is something else

A block of `sh` is run, and so is one that begins with "$ " and goes on with what that command prints. A block
with title="FILE" is written to that file, with title="FILE, at its end" behind what it holds. All other blocks
are for reading.
"""
import functools
import pathlib
import re
import unicodedata
from dataclasses import dataclass, field

ROOT = pathlib.Path(__file__).resolve().parents[2]
# `make docs` writes these from the tables of the program: page, and what `vigil describe` is asked for.
GENERATED = {"docs/configuration.md": ("--all", "--markdown"), "docs/metrics.md": ("--metrics",),
             "docs/commands.md": ("--commands",), "docs/events.md": ("--events",)}

_BLOCK = re.compile(r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```$", re.M | re.S)
_MARKS = ("not run: ", "long: ", "exits ", "terminal ", "prints", "stop ", "belongs to ", "not a configuration: ")


@dataclass
class Block:
    page: str
    line: int
    language: str
    title: str
    text: str
    marks: list = field(default_factory=list)

    def mark(self, begin):
        """What follows `begin` in the mark that begins so; None without one."""
        return next((m[len(begin):] for m in self.marks if m.startswith(begin)), None)

    @property
    def place(self):
        return f"{self.page}:{self.line}"


def _marks_above(text):
    marks = []
    while (text := text.rstrip()).endswith("-->"):
        text, _, comment = text[:-3].rpartition("<!--")
        words = " ".join(comment.split())
        if words.startswith(_MARKS):
            marks.insert(0, words)
    return marks


def blocks(page, text):
    whole = re.search(r"<!-- no block of this page is run: (.*?) -->", text, re.S)
    for m in _BLOCK.finditer(text):
        language, _, more = m["info"].strip().partition(" ")
        title = re.search(r'title="([^"]*)"', more)
        indent = len(m["indent"])
        body = "".join(line[indent:] if line.strip() else "\n" for line in m["text"].splitlines(True))
        yield Block(page, text.count("\n", 0, m.start()) + 1, language, title[1] if title else "",
                    body, _marks_above(text[:m.start()]) + ([f"not run: {whole[1]}"] if whole else []))


def prose(text):
    """The page without its code blocks, which hold no links and no headings; lines stay where they are."""
    return _BLOCK.sub(lambda m: "\n" * m[0].count("\n"), text)


def _anchor(heading):
    """As GitHub makes it, and pymdownx.slugs.slugify with case=lower, which the site uses."""
    heading = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").replace("*", "")
    heading = unicodedata.normalize("NFC", heading).strip().lower()
    return re.sub(r"[^\w\- ]", "", heading).replace(" ", "-")


def anchors(text):
    seen = {}
    for heading in re.findall(r"^#{1,6} +(.*?)(?: \{#[\w-]+\})?$", prose(text), re.M):
        anchor = _anchor(heading)
        n = seen[anchor] = seen.get(anchor, -1) + 1
        yield anchor if n == 0 else f"{anchor}-{n}"
    yield from re.findall(r'<a (?:id|name)="([^"]+)"', text)


def links(text):
    """(line, target) of each link and picture."""
    text = prose(text)
    for m in re.finditer(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", lambda c: "x" * len(c[0]), text)):
        yield text.count("\n", 0, m.start()) + 1, m[1]


def paths(text):
    """(line, path) of each file of the project that is named between backquotes or in running text."""
    text = prose(text)
    folders = "app|bench|client|cmake|configs|core|docs|ingest|models|packaging|runtime|scripts|sinks|stages|tests"
    for m in re.finditer(rf"(?<![\w/.-])(?:{folders})/[\w./*-]*[\w*]", text):
        yield text.count("\n", 0, m.start()) + 1, m[0]


@functools.cache
def every():
    """The text of each page, by its place in the project."""
    found = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "client/README.md",
             *(ROOT / "client").glob("*/README.md")]
    return {str(p.relative_to(ROOT)): p.read_text() for p in sorted(found)}


def all_blocks(*but):
    """The blocks of all pages but those that are named."""
    for page, text in every().items():
        if page not in but:
            yield from blocks(page, text)
