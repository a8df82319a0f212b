#!/usr/bin/env python3
"""The ward page in Debian's Chromium, against a pipeline that runs: what a nurse sees, and when.

One ward and one browser for all flows, which follow each other. The pictures of the page are pictures.py's."""
import json
import pathlib
import re
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import vigil
from browser import Browser
from live import until
from vigil import check
from ward import BED, NURSE, PATIENT, TOKEN, Ward

OPERATOR = "Nurse of the test"
TILE = f"[...document.querySelectorAll('.tile')].find((t) => t.querySelector('h2 a')?.textContent === '{BED}')"
WALL = {"width": 1920, "height": 1080}
BANNER = "document.querySelector('#banner')"
VIEWS = {"ward": "#/", "alerts": "#/alerts", "history": "#/history", "timeline": "#/timeline"}
# A view has come: its heading is there and nothing is being loaded.
LOADED = "document.querySelector('main h1') && !/Loading/.test(document.querySelector('main').innerText)"


def tiles(n):
    return f"document.querySelectorAll('.tile').length === {n}"


def go(browser, address):
    browser.look(f"void (location.hash = '{address}')")
    browser.until(f"location.hash === '{address}' && {LOADED}")


# ---- what is shown ----

def a_page_without_a_token_asks_for_one(browser, ward):
    browser("open", url=ward.address(None))
    browser.until("document.querySelector('#token')")
    browser.check_accessible("sign-in")
    browser("fill", selector="#token", text="not-the-token-of-anybody")
    browser("press", key="Enter")
    browser.until("document.querySelector('.problem')?.innerText")
    browser("fill", selector="#token", text=TOKEN)
    browser("press", key="Enter")
    browser.until(tiles(ward.beds))
    check(not browser.look("document.querySelector('button.acknowledge')"), "who may only read may acknowledge")


def values_are_live(browser, ward):
    browser("anew")
    browser("size", **WALL)  # all tiles are in view
    browser("open", url=ward.address())
    browser.until(tiles(ward.beds))
    check("token" not in browser.look("location.href + JSON.stringify(history.state)"), "the token is in the address")
    value = f"{TILE}.querySelector('.channel-hr .value').textContent"
    for hr in (83, 117):
        ward.own.values["hr"] = hr
        browser.until(f"{value} === '{hr}'", 15)
    check(browser.look(f"{TILE}.dataset.calm") == "true", "the bed is not calm")
    check("Not a medical device" in browser.text("#advisory"), "what it is not for is not said")


def an_alert_is_on_the_page_within_a_second_of_its_commit(browser, ward):
    ward.own.values["spo2"] = 84
    _, at = browser.until(f"{TILE}.dataset.level === 'high'")
    alert = next(a for a in ward.get("alerts")["alerts"] if a["bed"] == BED and a["rule"] == "spo2_low")
    late_s = at - alert["wall"] / 1000
    check(late_s <= 1, f"{late_s:.2f} s after its commit")
    # Once the tiles are sorted, no bed without a high alert stands before it.
    browser.until("(() => { const all = [...document.querySelectorAll('.tile')];"
                  f" return all.slice(0, all.indexOf({TILE})).every((t) => t.dataset.level === 'high'); }})()", 5)
    said = browser.look(f"{TILE}.querySelector('.strip').innerText")
    check("High" in said and "SpO2 below limit" in said and alert["text"] in said, said)
    until("it is told to screen readers", lambda: BED in browser.text("#urgent"), 5)
    print(f"     an alert is on the page {late_s * 1000:.0f} ms after its commit")
    return alert


def an_acknowledgement_is_a_recorded_command_and_shows(browser, ward, alert):
    browser.look(f"{TILE}.querySelector('button.acknowledge').click()")
    browser.until("document.querySelector('dialog').open")
    asked = browser.text("dialog")
    check(BED in asked and alert["title"] in asked, f"the dialog does not name bed and alert: {asked}")
    browser.check_accessible("acknowledge")
    browser("click", selector="dialog button.primary")
    browser.until("document.querySelector('#order-problem').textContent")
    browser("fill", selector="#order-name", text=OPERATOR)
    browser("press", key="Enter")
    browser.until("!document.querySelector('dialog').open")
    browser.until(f"{TILE}.dataset.signal === 'taken'", 15)
    check("Acknowledged" in browser.look(f"{TILE}.innerText"), browser.look(f"{TILE}.innerText"))
    recorded = ward.pipeline.outbox("select payload from command where kind = 3")
    check(len(recorded) == 1, f"{len(recorded)} orders are recorded")
    bodies = [json.loads(body) for body, in ward.pipeline.outbox("select body from event order by seq")]
    told = [e for e in bodies if e["episode_id"] == alert["episode_id"] and e["phase"] == "acknowledge"]
    check(len(told) == 1 and OPERATOR in json.dumps(told[0]), f"{told}")


def every_view_can_be_used_by_all(browser, ward):
    for view, address in VIEWS.items():
        go(browser, address)
        browser.check_accessible(view)
    go(browser, f"#/bed/{ward.key()}")
    browser.until("document.querySelector('figure[data-row] canvas')")
    browser.check_accessible("bed")
    browser("colours", scheme="dark")
    browser.check_accessible("bed, dark")
    go(browser, "#/")
    browser.until(tiles(ward.beds))
    browser.check_accessible("ward, dark")
    browser("colours", scheme="light")


def what_was_is_in_the_history(browser, ward, alert):
    go(browser, "#/history")
    browser.until(f"[...document.querySelectorAll('main tbody tr')].some((r) => r.innerText.includes('{BED}') "
                  f"&& r.innerText.includes('{alert['title']}'))")
    go(browser, "#/alerts")
    browser.until(f"document.querySelector('[data-episode=\"{alert['episode_id']}\"]')")
    check("Acknowledged" in browser.look(
        f"document.querySelector('[data-episode=\"{alert['episode_id']}\"]').innerText"), "not as acknowledged")


def a_bed_has_its_page(browser, ward):
    browser.until(f"document.querySelector('a[href=\"#/bed/{ward.key()}\"]')")
    browser.look(f"document.querySelector('a[href=\"#/bed/{ward.key()}\"]').click()")
    browser.until("document.querySelectorAll('figure[data-row] canvas').length >= 3")
    for expected in (BED, "SpO2 below limit", "84", "HR"):
        browser.until(f"document.querySelector('main').innerText.includes('{expected}')")
    named = [p for p in ward.patients() if p in browser.look("location.href")]
    check(not named and PATIENT not in browser.look("location.href"), "a patient is in the address")


# ---- sizes ----

def a_phone_needs_no_scrolling_sideways(browser, ward):
    browser("size", width=320, height=640)
    wide = []
    for address in [*VIEWS.values(), f"#/bed/{ward.key()}"]:
        go(browser, address)
        needed = browser.look("document.scrollingElement.scrollWidth")
        if needed > 320:
            wide.append(f"{address}: {needed} px")
    check(not wide, f"wider than 320 px: {wide}")
    go(browser, "#/")
    browser.until(tiles(ward.beds))
    browser("size", width=390, height=844)


def a_tile_that_comes_into_view_has_its_values(browser, ward):
    """Only tiles near the view hold values. The others have a name and an alert, and never look calm."""
    seen = (f"[...document.querySelectorAll('.tile')].filter((t) => t.getBoundingClientRect().top < innerHeight"
            " && t.getBoundingClientRect().bottom > 0)")
    far = ("[...document.querySelectorAll('.tile')].filter((t) => Math.abs(t.getBoundingClientRect().top)"
           " > 3 * innerHeight)")
    for place in (0, 1e6, 0):
        browser.look(f"scrollTo(0, {place})")
        browser.until(f"{seen}.length > 0 && {seen}.every((t) => t.querySelector('.value')?.textContent)", 3)
        browser.until(f"{far}.every((t) => t.dataset.calm === 'false' && !t.querySelector('.value'))", 3)
    check(browser.look(f"{far}.length") > 0, "all tiles are near the view")
    check(browser.look(f"{far}.every((t) => t.querySelector('h2 a').textContent)"), "a tile out of view has no name")
    # The keyboard goes to tiles out of view as well; what has it keeps its values.
    browser.look(f"{far}.at(-1).querySelector('a').focus()")
    browser.until("document.activeElement.closest('.tile')?.querySelector('.value')", 3)
    browser.look("scrollTo(0, 0)")
    browser.until(f"{far}.filter((t) => t.querySelector('.value')).length === 1", 3)
    check(browser.look("document.activeElement.closest('.tile').querySelector('.value') !== null"), "it has no values")
    browser.look("document.activeElement.blur()")
    browser.until(f"{far}.every((t) => !t.querySelector('.value'))", 3)


def a_wall_shows_all_beds(browser, ward):
    browser("size", **WALL)
    browser.until(tiles(ward.beds))
    below = browser.look("[...document.querySelectorAll('.tile')]"
                         ".filter((t) => t.getBoundingClientRect().bottom > innerHeight).length")
    check(below == 0, f"{below} of {ward.beds} tiles are not in view at 1920 x 1080")


# ---- when something is wrong ----

NONE_CALM = "[...document.querySelectorAll('.tile')].every((t) => t.dataset.calm === 'false')"


def broken(browser, ward, link, within_s, breaks, mends):
    began = time.time()
    breaks()
    try:
        _, at = browser.until(f"{BANNER}.dataset.level === 'bad' && !{BANNER}.hidden", within_s + 10)
        check(at - began <= within_s, f"{link}: told after {at - began:.1f} s")
        check(browser.look("document.documentElement.dataset.link") == link,
              f"{link}: it is {browser.look('document.documentElement.dataset.link')}")
        _, doubted = browser.until(NONE_CALM, 5)
        check(doubted - began <= within_s + 1, f"{link}: tiles look calm for {doubted - began:.1f} s")
    finally:
        mends()
    browser.until(f"{BANNER}.dataset.level !== 'bad'")
    browser.until(f"{TILE}.dataset.calm === 'true'")
    print(f"     {link}: told after {at - began:.1f} s")


def a_lost_connection_is_told_within_three_seconds(browser, ward):
    send = ward.run.process.send_signal
    broken(browser, ward, "lost", 3, lambda: send(signal.SIGSTOP), lambda: send(signal.SIGCONT))


def a_chain_that_hangs_is_told_within_five_seconds(browser, ward):
    broken(browser, ward, "stalled", 5, ward.stall.touch, ward.stall.unlink)


def a_killed_pipeline_is_told_and_its_page_goes_on_when_it_is_back(browser, ward):
    def mend():
        ward.run.wait()
        ward.run.__exit__()
        ward.start()
    broken(browser, ward, "lost", 3, ward.run.process.kill, mend)
    browser.until(tiles(ward.beds))
    value = f"{TILE}.querySelector('.channel-hr .value').textContent"
    ward.own.values["hr"] = 66
    browser.until(f"{value} === '66'", 15)
    ward.own.values["spo2"] = 98
    browser.until(f"!{TILE}.querySelector('.strip').innerText.includes('SpO2 below limit')")


# ---- all together ----

def a_nurse_sees_what_happens_when_it_happens():
    if vigil.SANITIZED:
        vigil.skip("times of a build with sanitizers say nothing; the release build is looked at")
    with Browser() as browser, Ward(beds=24, minutes=10) as ward:
        def flow(test, *more):
            began = time.monotonic()
            result = test(browser, ward, *more)
            print(f"     {test.__name__} ({time.monotonic() - began:.1f} s)", flush=True)
            return result

        browser("size", **WALL)
        flow(a_page_without_a_token_asks_for_one)
        flow(values_are_live)
        alert = flow(an_alert_is_on_the_page_within_a_second_of_its_commit)
        flow(an_acknowledgement_is_a_recorded_command_and_shows, alert)
        flow(what_was_is_in_the_history, alert)
        flow(a_bed_has_its_page)
        flow(every_view_can_be_used_by_all)
        flow(a_phone_needs_no_scrolling_sideways)
        flow(a_tile_that_comes_into_view_has_its_values)
        flow(a_wall_shows_all_beds)
        flow(a_lost_connection_is_told_within_three_seconds)
        flow(a_chain_that_hangs_is_told_within_five_seconds)
        flow(a_killed_pipeline_is_told_and_its_page_goes_on_when_it_is_back)
        browser.check_quiet()
        ward.run.stop()
        said = ward.run.said
        check(not [p for p in (PATIENT, OPERATOR, NURSE) if p in said], f"named in the log: {said[-2000:]}")


if __name__ == "__main__":
    vigil.main(a_nurse_sees_what_happens_when_it_happens)
