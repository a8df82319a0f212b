"""FHIR R4 resources, checked by HAPI's validator: the jars come from Maven once, into build/hapi."""
import base64
import json
import pathlib
import shutil
import subprocess

ROOT = pathlib.Path(__file__).resolve().parents[2]
HERE = pathlib.Path(__file__).resolve().parent / "fhir"
HOME = ROOT / "build" / "hapi-6.10.5"


class Unavailable(Exception):
    """No validator on this machine; the text says what is missing."""


def event_of(body):
    """The event that a Communication holds."""
    return base64.b64decode(json.loads(body)["payload"][-1]["contentAttachment"]["data"]).decode()


def prepare():
    if (HOME / "lib").exists():
        return
    for tool in ("java", "mvn"):
        if not shutil.which(tool):
            raise Unavailable(f"no {tool} on this machine (Debian: openjdk-17-jdk-headless, maven)")
    partial = HOME / "lib.partial"
    for offline in (["-o"], []):
        shutil.rmtree(partial, ignore_errors=True)
        done = subprocess.run(["mvn", "-q", "-B", *offline, "-f", HERE / "pom.xml",
                               f"-DoutputDirectory={partial}", "dependency:copy-dependencies"],
                              capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if done.returncode == 0:
            partial.rename(HOME / "lib")
            return
    reason = (done.stdout + done.stderr).strip().splitlines() or ["no output"]
    raise Unavailable(f"Maven cannot fetch HAPI: {reason[0]}")


def validate(resources):
    """What is wrong with resources (texts), as (number from 1, severity, rest)."""
    prepare()
    done = subprocess.run(["java", "-Xmx768m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-cp",
                           f"{HOME}/lib/*", HERE / "Validate.java"],
                          input="".join(r + "\n" for r in resources), capture_output=True, text=True,
                          timeout=300)
    lines = done.stdout.splitlines()
    if done.returncode != 0 or not lines or lines[-1] != f"validated {len(resources)}":
        raise AssertionError(f"the validator failed: {done.stdout[-500:]} {done.stderr[-2000:]}")
    found = [line.split(" ", 2) for line in lines[:-1]]
    return [(int(number), severity, rest) for number, severity, rest in found]
