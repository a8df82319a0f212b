#!/usr/bin/env python3
"""Who may include whom (ARCHITECTURE.md), and which library headers belong to which files."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
MAY = {
    "core": {"core"},
    "models": {"core", "models"},
    "ingest": {"core", "ingest"},
    "sinks": {"core", "sinks"},
    "stages": {"core", "models", "stages"},
    "runtime": {"core", "models", "ingest", "sinks", "stages", "runtime"},
    "client": {"client"},
    "app": {"core", "models", "ingest", "sinks", "stages", "runtime", "client", "app"},
}
OWNED = {
    "zmq.h": r"runtime/(link|service_(start|stop))\.c|sinks/zeromq\w*\.c|client/.*|app/conformance_(answer|publish)\.c",
    "librdkafka/": r"(ingest|sinks)/kafka\w*\.[ch]|app/(mock_broker|produce)\.c",
    "sqlite3.h": r"runtime/outbox\w*\.[ch]|sinks/sqlite\.c",
    "libpq-fe.h": r"sinks/postgres\w*\.[ch]",
    "libfyaml.h": r"runtime/document_parse\.c",
    "sodium.h": r"(runtime|models)/\w+\.c|sinks/(fhir|webhook)\.c|app/dlq\.c",
    "mosquitto.h": r"sinks/mqtt\.c",
    "microhttpd.h": r"runtime/http(_\w+)?\.[ch]",
    "curses.h": r"app/top\.c",
    "curl/": r"sinks/http_post\.c",
    "openssl/": r"sinks/stream_tls\.c",
    "zlib.h": r"app/csv\.h|runtime/http_file\.c",
    "zstd.h": r"runtime/record_\w+\.c|sinks/file_zstd\.c",
    "cblas.h": r"models/gemm\.c",
    "core/clock.h": r"(core|ingest|sinks|runtime|app)/\w+\.[ch]",
    "jansson.h": r"(runtime|sinks|client|models|app)/\w+\.[ch]",
}


FOLDERS = {"SOURCE": "ingest", "DECODER": "ingest", "STAGE": "stages", "MODEL": "models",
           "SINK": "sinks"}


def components():
    """stages/alert, sinks/zeromq, ...: the files of a component begin with these."""
    lines = (ROOT / "components.def").read_text()
    return [f"{FOLDERS[kind]}/{name}" for kind, name in re.findall(r"^VG_(\w+)\((\w+)\)$", lines, re.M)]


def owner(path, known):
    """The component that a file belongs to; None for what several use, such as models/kernel.h."""
    stem = path.rsplit(".", 1)[0]
    return next((c for c in known if stem == c or stem.startswith(c + "_")), None)


def problems():
    known = components()
    for folder, allowed in MAY.items():
        for file in sorted((ROOT / folder).glob("*.[ch]")):
            name = str(file.relative_to(ROOT))
            for number, line in enumerate(file.read_text().splitlines(), 1):
                found = re.match(r'#include ["<]([^">]+)[">]', line)
                if not found:
                    continue
                header = found.group(1)
                place = f"{name}:{number}: "
                top = header.split("/")[0]
                if top in MAY and "/" in header and top not in allowed:
                    yield f"{place}{folder}/ may not include {header}"
                other = owner(header, known)
                if other and other != owner(name, known) and folder in FOLDERS.values():
                    yield f"{place}{header} is a part of another component"
                for library, owners in OWNED.items():
                    if header.startswith(library) and not re.fullmatch(owners, name):
                        yield f"{place}{header} may be included only by {owners}"


def main():
    found = list(problems())
    print("\n".join(found) if found else "every include is where it may be")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
