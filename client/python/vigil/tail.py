"""python -m vigil.tail: alerts, notices and replies of pipelines as NDJSON on standard output.

Options are those of `vigil alerts`, and so are the lines. Exit code 1: refused, or the events of a
pipeline that is gone are not complete; 69: no connection.
"""

import argparse
import json
import sys
import time
from typing import Any, Dict, List, Optional

from . import Alert, Endpoint, Item, Keys, Notice, Reply, Subscription, subscribe

EXIT_REFUSED, EXIT_UNAVAILABLE = 1, 69
TURN_S = 0.2


def line(item: Item) -> Dict[str, Any]:
    if isinstance(item, Alert):
        return {
            "type": "event", "seq": item.seq, "prev_seq": item.prev_seq, "ward": item.ward,
            "origin": item.origin, "endpoint": item.endpoint, "event": item.event,
        }  # fmt: skip
    if isinstance(item, Notice):
        shard = {} if item.shard is None else {"shard": item.shard}
        return {"type": "notice", "notice": item.kind, "endpoint": item.endpoint, "text": item.text, **shard}
    return {"type": "reply", "ok": item.ok, "code": item.code, "message": item.message}


def show(item: Item) -> None:
    print(json.dumps(line(item), separators=(",", ":"), ensure_ascii=False), flush=True)


def parse(arguments: Optional[List[str]]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m vigil.tail", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--connect", action="append", metavar="ADDRESS", required=True)
    parser.add_argument("--control", action="append", metavar="ADDRESS", required=True)
    parser.add_argument("--server-key", metavar="FILE", help="the pipeline's .pub")
    parser.add_argument("--key", metavar="FILE", help="this client's .key")
    parser.add_argument("--ward", action="append", default=[], help="default: all")
    parser.add_argument("--after", type=int, metavar="SEQ", help="begin with a replay (0: all)")
    parser.add_argument("--subscriber", metavar="NAME", help="confirm what was received")
    parser.add_argument("--count", type=int, help="end after so many events")
    parser.add_argument("--until-closed", action="store_true", help="end with the pipeline")
    parser.add_argument("--timeout", type=float, default=10.0, metavar="SECONDS", help="to connect")
    parser.add_argument("--ack", metavar="EPISODE", help="acknowledge it, and end")
    parser.add_argument("--by", metavar="NAME", help="who acknowledges")
    parser.add_argument("--note", metavar="TEXT", default="", help="a remark for --ack")
    options = parser.parse_args(arguments)
    if len(options.connect) != len(options.control):
        parser.error("expected as many --control as --connect")
    if bool(options.server_key) != bool(options.key):
        parser.error("--server-key and --key go together")
    if options.ack and not options.by:
        parser.error("--ack needs --by")
    return options


def acknowledge(alerts: Subscription, options: argparse.Namespace) -> int:
    """Asks every instance: the one that has the episode says ok."""
    n = len(options.connect)
    for i in range(n):
        alerts.acknowledge(options.ack, by=options.by, note=options.note, endpoint=i)
    for item in alerts:
        if isinstance(item, Reply):
            n -= 1
            if item.ok or n == 0:
                show(item)
                return 0 if item.ok else EXIT_REFUSED
    return EXIT_REFUSED


def follow(alerts: Subscription, options: argparse.Namespace) -> int:
    give_up = time.monotonic() + options.timeout
    connected = refused = gone = False
    events = 0
    while not (options.count and events >= options.count):
        if options.until_closed and alerts.closing and (gone or alerts.complete):
            return 0 if alerts.complete else EXIT_REFUSED
        if not connected and time.monotonic() > give_up:
            return EXIT_REFUSED if refused else EXIT_UNAVAILABLE
        item = alerts.receive(TURN_S)
        if item is None:
            continue
        show(item)
        events += isinstance(item, Alert)
        if isinstance(item, Notice):
            connected |= item.kind in ("link_up", "synced")
            refused |= item.kind == "refused"
            gone |= item.kind == "link_down" and alerts.closing
    return 0


def main(arguments: Optional[List[str]] = None) -> int:
    options = parse(arguments)
    try:
        keys = Keys.load(options.server_key, options.key) if options.key else None
        endpoints = [
            Endpoint(publish, control, keys, options.after)
            for publish, control in zip(options.connect, options.control)
        ]
        alerts = subscribe(endpoints, ward=options.ward, subscriber=options.subscriber)
    except (OSError, ValueError) as why:
        print(f"vigil.tail: {why}", file=sys.stderr)
        return 2
    with alerts:
        try:
            return acknowledge(alerts, options) if options.ack else follow(alerts, options)
        except KeyboardInterrupt:
            return 0


if __name__ == "__main__":
    sys.exit(main())
