#!/usr/bin/env python3
"""The ward page for long and with many beds, in Debian's Chromium. Only with VIGIL_LONG=1: half an hour of a ward
of 24 beds, in which the page's memory must be steady, and five minutes of 500 beds with a row a second each, in
which no task may hold up the page and what comes must be seen soon. Prints its figures."""
import os
import pathlib
import statistics
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
import vigil
from browser import Browser
from vigil import check
from ward import Ward

MINUTES = float(os.environ.get("VIGIL_PAGE_MINUTES", "30"))
CROWD_S = float(os.environ.get("VIGIL_PAGE_CROWD_S", "300"))
BEDS = int(os.environ.get("VIGIL_PAGE_BEDS", "500"))
TASK_MAX_MS, DOM_MAX_MS, BUSY_MAX = 50, 200, 0.6
GROWTH_MAX = 0.1

# Before the page's own scripts: tasks of more than 50 ms, and for some beds how long it takes from the arrival of
# a heart rate to its being in the document. What is read of the stream is looked at as it passes, by its text
# alone, so that the page is hardly given more to do.
PROBE = """
window.probe = { tasks: [], late: [], keys: [], waits: new Map() };
new PerformanceObserver((list) => probe.tasks.push(...list.getEntries().map((e) => [e.startTime, e.duration])))
    .observe({ type: 'longtask', buffered: true });
const real = window.fetch;
window.fetch = async (...of) => {
    const answer = await real(...of);
    if (!String(of[0]).includes('stream'))
        return answer;
    const words = new TextDecoder();
    let rest = '';
    const body = answer.body.pipeThrough(new TransformStream({ transform(bytes, out) {
        const at = performance.now();
        rest = (rest + words.decode(bytes, { stream: true })).slice(-200000);
        for (const key of probe.keys) {
            const from = rest.lastIndexOf(`"key":"${key}"`);
            const hr = from < 0 ? null : /"values":\\[\\[([0-9.]+),/.exec(rest.slice(from, from + 1000));
            if (hr && probe.waits.get(key)?.value !== hr[1])
                probe.waits.set(key, { value: hr[1], at });
        }
        out.enqueue(bytes);
    } }));
    return new Response(body, { status: answer.status, headers: answer.headers });
};
window.watchBeds = (keys) => {
    for (const key of keys) {
        const field = document.querySelector(`.tile[data-key="${key}"] .channel-hr .value`);
        const look = () => {
            const wait = probe.waits.get(key);
            if (wait && !wait.done && field.textContent === String(Math.round(wait.value))) {
                wait.done = true;
                probe.late.push(performance.now() - wait.at);
            }
        };
        new MutationObserver(look).observe(field, { characterData: true, childList: true, subtree: true });
    }
    probe.keys = keys;
};
"""


def main_thread(browser):
    at = browser("busy")
    return at["task_s"], time.monotonic()


def half_an_hour_costs_no_memory():
    with Browser() as browser, Ward(beds=24, minutes=10) as ward:
        browser("size", width=1280, height=800)
        browser("open", url=ward.address())
        browser.until("document.querySelectorAll('.tile').length === 24")
        seen = []
        end = time.monotonic() + MINUTES * 60
        while time.monotonic() < end:
            time.sleep(min(60, MINUTES * 6))
            seen.append(browser("heap"))
            print(f"     {seen[-1]['bytes'] / 1e6:.2f} MB, {seen[-1]['nodes']} nodes, "
                  f"{seen[-1]['listeners']} listeners", flush=True)
        part = max(1, len(seen) // 6)
        early, late = seen[part:2 * part], seen[-part:]
        for what in ("bytes", "nodes", "listeners"):
            before, after = (statistics.median(s[what] for s in some) for some in (early, late))
            check(after <= before * (1 + GROWTH_MAX), f"{what}: {before:.0f} at first, {after:.0f} in the end")
        browser.check_quiet()
        print(f"     {MINUTES:.0f} min: the page's heap from {statistics.median(s['bytes'] for s in early) / 1e6:.2f} "
              f"to {statistics.median(s['bytes'] for s in late) / 1e6:.2f} MB")


def many_beds_hold_nothing_up():
    with Browser() as browser, Ward(beds=BEDS, minutes=0) as ward:
        browser("size", width=1920, height=1080)
        browser("open", url=ward.address(), script=PROBE)
        browser.until(f"document.querySelectorAll('.tile').length === {BEDS}", 60)
        browser.until("document.querySelectorAll('.tile .channel-hr .value').length >= %d" % (BEDS - 1), 60)
        keys = browser.look("[...document.querySelectorAll('.tile')].map((t) => t.dataset.key)")
        began = browser.look("performance.now()")
        # Some that are in view, and some far below.
        browser.look(f"watchBeds({keys[:10] + keys[BEDS // 2:BEDS // 2 + 10]})")
        task_s, at = main_thread(browser)
        time.sleep(CROWD_S)
        task_end_s, at_end = main_thread(browser)
        tasks = [ms for start, ms in browser.look("probe.tasks") if start >= began]
        late = sorted(browser.look("probe.late"))
        busy = (task_end_s - task_s) / (at_end - at)
        lost = ward.get("beds")
        check(len(late) > 100, f"only {len(late)} values were seen to come")
        p95 = late[int(len(late) * 0.95)]
        print(f"     {BEDS} beds at 1 Hz over {CROWD_S:.0f} s: {len(tasks)} tasks over {TASK_MAX_MS} ms (longest "
              f"{max(tasks, default=0):.0f} ms), event to document p50 {late[len(late) // 2]:.0f} ms, p95 {p95:.0f} ms "
              f"of {len(late)}, main thread {busy * 100:.0f} % busy", flush=True)
        check(len(lost["beds"]) == BEDS and lost["left_out"] == 0, f"{len(lost['beds'])} beds")
        check(not tasks, f"{len(tasks)} tasks over {TASK_MAX_MS} ms: {sorted(tasks)[-5:]}")
        check(p95 <= DOM_MAX_MS, f"p95 {p95:.0f} ms")
        check(busy <= BUSY_MAX, f"{busy * 100:.0f} % busy")
        browser.check_quiet()


if __name__ == "__main__":
    if not os.environ.get("VIGIL_LONG"):
        vigil.skip("half an hour; VIGIL_LONG=1 runs it")
    vigil.main(many_beds_hold_nothing_up, half_an_hour_costs_no_memory)
