"""site.py - what mkdocs needs to know of this repository: pages beside docs/, and links that leave it.

In a checkout README.md, ARCHITECTURE.md and others stand at the root and name pages as docs/NAME.md, which
reads well at a terminal. Here they become pages of the site, those names become links, and links to source
files, which are no part of the site, become the file's name.
"""
import pathlib
import re

from mkdocs.structure.files import File

ROOT = pathlib.Path(__file__).resolve().parent.parent
BESIDE = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "client/README.md",
          "client/python/README.md", "client/node/README.md")
_CODE = re.compile(r"(^ *```.*?^ *```$)", re.M | re.S)


def on_files(files, config):
    for name in BESIDE:
        files.append(File(name, str(ROOT), config["site_dir"], config["use_directory_urls"]))
    return files


def _in_the_site(page, link):
    """The link as the site has it, from the place of `page` there; None for what is no page."""
    path, hash_, anchor = link.partition("#")
    here = ROOT / page if page in BESIDE else ROOT / "docs" / page
    there = (here.parent / path).resolve()
    docs = ROOT / "docs"
    if there.is_relative_to(docs) and (there.suffix == ".md" or "pictures" in there.parts):
        name = str(there.relative_to(docs))
    elif there.is_relative_to(ROOT) and str(there.relative_to(ROOT)) in BESIDE:
        name = str(there.relative_to(ROOT))
    else:
        return None
    up = "../" * page.count("/")
    return f"{up}{name}{hash_}{anchor}"


def _mend_link(page, m):
    text, link = m[1], m[2]
    if re.match(r"[a-z]+:|#", link):
        return m[0]
    mended = _in_the_site(page, link)
    return f"[{text}]({mended})" if mended else text


def _mend(page, text):
    text = re.sub(r"\[([^\]\[]*)\]\(([^)\s]+)\)", lambda m: _mend_link(page, m), text)
    up = "../" * page.count("/")
    return re.sub(r"(?<!\]\()(?<![\w/`\[.-])docs/([\w/-]+\.md)(?![\w`\])])",
                  lambda m: f"[{m[1].removesuffix('.md')}]({up}{m[1]})" if (ROOT / m[0]).exists() else m[0], text)


def on_page_markdown(markdown, page, config, files):
    parts = _CODE.split(markdown)
    return "".join(part if i % 2 else _mend(page.file.src_path, part) for i, part in enumerate(parts))
