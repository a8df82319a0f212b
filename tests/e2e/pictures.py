#!/usr/bin/env python3
"""Draws docs/pictures/page-*.png: the ward page in Debian's Chromium, of a simulated ward with an hour behind
it. Run by hand after the page has changed its looks; it takes five minutes and needs pngquant."""
import json
import pathlib
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import vigil
from browser import Browser
from live import Live, until
from http_client import Server
from ward import Ward

PICTURES = vigil.ROOT / "docs/pictures"
HOUR_S, TIMES = 3600, 30
BED = "icu-a/03"
LOADED = "document.querySelector('main h1') && !/Loading/.test(document.querySelector('main').innerText)"
TROUBLE_S = 75
# What the beds suffer in the present, so that there is something of each kind to see.
TROUBLE = ("--scenario", "apnoea@3:1s", "--scenario", "af@5:10s", "--artefact", "probe-off@10:5s+20m",
           "--artefact", "silent@12:30s+20m", "--artefact", "lead-off@8:20s+20m")


class WardWithAnHour(Ward):
    """The past comes before the present, and not faster than the page can follow."""

    def _play(self):
        start = time.time() + HOUR_S / TIMES - HOUR_S
        self.past = subprocess.Popen(self._simulate(
            "--start", time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(start)), "--duration", "60m", "--speed",
            str(TIMES)), stderr=subprocess.DEVNULL)

    def _simulate(self, *more):
        return super()._simulate(*more, *(TROUBLE if "real" in more else ()))

    def start(self):
        config = self.pipeline.config
        config["service"]["name"] = "icu"
        config["alert_rules"]["news2"] |= {"title": "NEWS2 of 5 or more", "priority": "medium",
                                           "when": {"score": "news2", "at_least": 5}}
        config["alert_rules"]["spo2_low"]["for"] = "10s"
        config["alert_rules"]["hr_high"] = {"title": "Heart rate above limit", "priority": "high", "for": "10s",
                                            "when": {"channel": "hr", "above": "profile.high"}}
        self.pipeline.path.write_text(json.dumps(config))
        self.run = Live(self.pipeline)
        self.server = Server(self.run)
        self.past.wait(vigil.TIMEOUT_S + HOUR_S / TIMES)
        super()._play()
        until("all beds", lambda: len(self.get("beds")["beds"]) == self.beds, vigil.TIMEOUT_S)


def draw(browser, name, width, height, address="#/", scheme="light"):
    browser("size", width=width, height=height)
    browser("colours", scheme=scheme)
    browser.look(f"void (location.hash = '{address}')")
    browser.until(f"location.hash === '{address}' && {LOADED}")
    browser.until("document.querySelector('.tile .value, figure[data-row] canvas')")
    time.sleep(2)  # trends and charts are drawn when there is time
    shoot(browser, name)


def shoot(browser, name):
    """With a palette of its own, which is a third of its size."""
    path = PICTURES / f"page-{name}.png"
    browser("picture", path=str(path), whole=False)
    subprocess.run(["pngquant", "--force", "--ext", ".png", path], check=True, timeout=60)
    print(f"{path.name}: {path.stat().st_size / 1024:.0f} KiB")


def main():
    with Browser() as browser, WardWithAnHour(beds=24, minutes=0) as ward:
        browser("open", url=ward.address())
        browser.until("document.querySelectorAll('.tile').length >= 3")
        ward.own.values.update(spo2=84, hr=117)
        browser.until("[...document.querySelectorAll('.tile')].some((t) => t.innerText.includes('SpO2 below limit'))")
        time.sleep(TROUBLE_S)
        draw(browser, "ward", 1280, 800)
        draw(browser, "dark", 1280, 800, scheme="dark")
        draw(browser, "phone", 390, 844)
        draw(browser, "bed", 1280, 1100, f"#/bed/{ward.key(BED)}")
        draw(browser, "ward", 1280, 800)
        browser.look("document.querySelector('button.acknowledge').click()")
        browser.until("document.querySelector('dialog').open")
        shoot(browser, "acknowledge")
        browser("press", key="Escape")
        ward.run.process.kill()
        browser.until("document.querySelector('#banner').dataset.level === 'bad'")
        time.sleep(4)
        shoot(browser, "lost")


if __name__ == "__main__":
    main()
