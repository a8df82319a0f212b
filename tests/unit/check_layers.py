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
# Siblings do not see each other: a component may include the interface of its kind and its own parts.
OWNED = {
    "zmq.h": r"runtime/(link|service)\.c|sinks/zeromq\w*\.[ch]|client/.*|app/catalogue\.c|app/version\.c",
    "librdkafka/": r"ingest/kafka\w*\.[ch]|app/(mock_broker|produce|catalogue|version)\.c",
    "sqlite3.h": r"runtime/outbox\w*\.[ch]|app/(catalogue|version)\.c",
    "libfyaml.h": r"runtime/(document|config)\w*\.[ch]|app/(catalogue|version|replay_map)\.c",
    "sodium.h": r"runtime/\w+\.c|models/\w+\.c|app/(catalogue|version)\.c",
    "cblas.h": r"models/gemm\.c",
    "jansson.h": r"(runtime|sinks|client|models|app)/\w+\.[ch]",
}


def problems():
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
                for library, owners in OWNED.items():
                    if header.startswith(library) and not re.fullmatch(owners, name):
                        yield f"{place}{header} may be included only by {owners}"


def main():
    found = list(problems())
    print("\n".join(found) if found else "every include is where it may be")
    sys.exit(1 if found else 0)


if __name__ == "__main__":
    main()
