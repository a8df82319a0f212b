#!/usr/bin/env python3
"""The fhir sink: every event is a Communication that HAPI finds nothing wrong with, put once under its
own id, whatever the server answers."""
import contextlib
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import delivery
import fhir
import receiver
import vigil
from vigil import check

SYSTEM = "urn:oid:1.2.36.146.595.217.0.1"


def check_resource(path, body):
    """docs/sinks/fhir.md, line by line."""
    event, resource = json.loads(fhir.event_of(body)), json.loads(body)
    check(path == f"/fhir/Communication/{event['event_id']}", f"put to {path}")
    expected = {
        "resourceType": "Communication", "id": event["event_id"],
        "identifier": [{"value": event["event_id"]}], "status": "completed",
        "inResponseTo": [{"identifier": {"value": event["episode_id"] + ".0"}}],
        "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/"
                                  "communication-category", "code": "alert"}]},
                     {"text": event["kind"]}, {"text": event["phase"]}],
        "priority": {"high": "stat", "medium": "asap", "low": "urgent",
                     "none": "routine"}[event["priority"]],
        "topic": {"text": event["title"]}, "sent": event["time"],
        "sender": {"display": "sedation"},
        "reasonCode": [{"text": event["rule"]}],
        "payload": [{"contentString": event["text"]}, resource["payload"][-1]],
    }
    if event["event_id"].endswith(".0"):
        del expected["inResponseTo"]
    if event.get("patient"):
        expected["subject"] = {"identifier": {"system": SYSTEM, "value": event["patient"]}}
    if event.get("note"):
        expected["note"] = [{"text": event["note"], "authorString": event["by"]}]
    check(resource == expected, f"{resource}\nis not\n{expected}")


def every_event_is_a_valid_communication():
    with receiver.Receiver() as server:
        @contextlib.contextmanager
        def answers(status):
            with server.behaving(status):
                yield lambda run: run.wait_line(b"status %d" % status)

        @contextlib.contextmanager
        def silent(fault):
            with fault():
                yield lambda run: run.wait_line(b"no answer: ")

        def arrived():
            return [fhir.event_of(body) for _, _, body in server.accepted]
        delivery.storm({"type": "fhir", "url": f"http://127.0.0.1:{server.port}/fhir/",
                        "allow": ["loopback"], "patient_system": SYSTEM, "timeout": "300ms"},
                       arrived, [lambda: answers(503), lambda: answers(401),
                                 lambda: silent(server.away), lambda: silent(server.hanging)])
        bodies = {path: body.decode() for path, _, body in server.accepted}
        for path, body in bodies.items():
            check_resource(path, body)
        for _, headers, _ in server.accepted:
            check(headers["Content-Type"] == "application/fhir+json", f"{headers}")
        if vigil.SANITIZED:  # the same bytes, and HAPI needs half a minute of both processors
            return
        try:
            # A resource that is wrong is found: else the validator would prove nothing.
            broken = next(iter(bodies.values())).replace('"completed"', '"done"')
            found = fhir.validate([broken, *list(bodies.values())[:40]])
        except fhir.Unavailable as why:
            vigil.skip(str(why))
        wrong = {number for number, severity, _ in found if severity in ("ERROR", "FATAL")}
        check(1 in wrong, f"the broken resource passed: {found[:3]}")
        found = [line for line in found if line[0] > 1 and line[1] != "INFORMATION"]
        check(not found, f"HAPI: {found[:3]}")


if __name__ == "__main__":
    vigil.main(every_event_is_a_valid_communication)
