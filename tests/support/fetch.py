#!/usr/bin/env python3
"""Fetches what tests need and Debian does not have, all at once, so that no test waits for the network:
Apache Kafka, HAPI's validator, and what npm brings. What cannot be had is told; a test that needs it is
skipped."""
from concurrent.futures import ThreadPoolExecutor

import fhir
import kafka
import packages
import vigil


def maven():
    """One after the other: two Mavens may spoil each other's folder of packages."""
    for what, prepare in (("Kafka", kafka.Installation().prepare), ("HAPI", fhir.prepare)):
        try:
            prepare()
        except (kafka.Unavailable, fhir.Unavailable) as why:
            print(f"{what}: {why}")


def npm():
    packages.node_package()
    packages.npm_folder("the page in a browser", vigil.ROOT / "tests/e2e", "e2e")


if __name__ == "__main__":
    with ThreadPoolExecutor() as pool:
        for done in [pool.submit(maven), pool.submit(npm)]:
            done.result()
