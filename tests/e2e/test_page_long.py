#!/usr/bin/env python3
"""The ward page for long and with many beds, in Debian's Chromium. Only with VIGIL_LONG=1: half an hour of a ward
of 24 beds, in which the page's memory must be steady, and five minutes of 500 beds with a row a second each, in
which no task may hold up the page and what comes for a bed in view must be seen soon. Prints its figures;
VIGIL_PAGE_TRACE=20 also what the main thread does in so many seconds, and its longest tasks."""
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
SETTLE_S = 8
TASK_MAX_MS, DOM_MAX_MS, BUSY_MAX = 50, 200, 0.6
GROWTH_MAX = 0.1

TRACE_S = float(os.environ.get("VIGIL_PAGE_TRACE", "0"))

# Before the page's own scripts: tasks of more than 50 ms, and how long it takes from the server's writing of a heart
# rate to its being in the document, of beds that are in view: what is out of view nobody can see, and the page
# draws it later. It looks at what the page has parsed already and at changes of the document, once a frame, so that
# it hardly has a part in what it measures.
PROBE = """
window.probe = { tasks: [], late: [], shown: new Map(), waits: new Map(), hr: -1 };
new PerformanceObserver((list) => probe.tasks.push(...list.getEntries().map((e) => [e.startTime, e.duration])))
    .observe({ type: 'longtask', buffered: true });
const parse = JSON.parse;
JSON.parse = (...of) => {
    const message = parse(...of);
    for (const bed of probe.hr >= 0 && message?.beds || []) {
        const hr = bed.values?.[probe.hr]?.[0];
        if (!probe.shown.has(bed.key))
            continue;
        if (typeof hr !== 'number' || String(Math.round(hr)) === probe.shown.get(bed.key))
            probe.waits.delete(bed.key);
        else if (!probe.waits.has(bed.key))
            probe.waits.set(bed.key, message.now);
    }
    return message;
};
window.watch = (hr) => {
    probe.hr = hr;
    new MutationObserver((records) => {
        const now = Date.now();
        for (const { target, type } of records) {
            const tile = (target.parentElement ?? target).closest?.('.tile');
            if (!tile)
                continue;
            const { key } = tile.dataset;
            if (type === 'childList') { /* it comes into view, or goes */
                probe.shown.delete(key);
                probe.waits.delete(key);
            } else if (target.parentElement.className === 'value' && target.parentElement.closest('.channel-hr')) {
                const { top, bottom } = tile.getBoundingClientRect();
                const since = probe.waits.get(key);
                probe.waits.delete(key);
                if (bottom <= 0 || top >= innerHeight)
                    continue;
                probe.shown.set(key, target.data);
                if (since)
                    probe.late.push(now - since);
            }
        }
    }).observe(document.querySelector('.tiles'), { characterData: true, childList: true, subtree: true });
};
"""
IN_VIEW = ("[...document.querySelectorAll('.tile')].filter((t) => { const { top, bottom } = t.getBoundingClientRect();"
           " return bottom > 0 && top < innerHeight; })")


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


def print_trace(trace):
    share = sorted(trace["events"].items(), key=lambda e: -e[1]["ms"])[:16]
    print(f"     trace of {TRACE_S:.0f} s, a second of the main thread, ms (of them cpu) in times: " + ", ".join(
        f"{name} {e['ms'] / TRACE_S:.1f} ({e['cpu_ms'] / TRACE_S:.1f}) in {e['n'] / TRACE_S:.0f}" for name, e in share))
    print(f"     in all {sum(e['cpu_ms'] for e in trace['events'].values()) / TRACE_S:.0f} ms of cpu a second")
    for task in trace["tasks"]:
        print(f"     task {task['ms']:.0f} ms ({task['cpu_ms']:.0f}): " + ", ".join(
            f"{name} {ms:.0f}" for name, ms in task["parts"].items()), flush=True)


def many_beds_hold_nothing_up():
    with Browser() as browser, Ward(beds=BEDS, minutes=0) as ward:
        browser("size", width=1920, height=1080)
        browser("open", url=ward.address(), script=PROBE)
        browser.until(f"document.querySelectorAll('.tile').length === {BEDS}", 60)
        browser.until(f"{IN_VIEW}.every((t) => !('bare' in t.dataset))", 60)
        hr = [c["name"] for c in ward.get("session")["channels"]].index("hr")
        browser.look(f"watch({hr})")
        time.sleep(SETTLE_S)
        began = browser.look("performance.now()")
        task_s, at = main_thread(browser)
        time.sleep(CROWD_S)
        task_end_s, at_end = main_thread(browser)
        tasks = [ms for start, ms in browser.look("probe.tasks") if start >= began]
        late = sorted(browser.look("probe.late"))
        seen = browser.look(f"{IN_VIEW}.length")
        full = browser.look("document.querySelectorAll('.tile:not([data-bare])').length")
        busy = (task_end_s - task_s) / (at_end - at)
        told = ward.get("beds")
        check(len(late) > 100, f"only {len(late)} values were seen to come")
        p95 = late[int(len(late) * 0.95)]
        print(f"     {BEDS} beds at 1 Hz over {CROWD_S:.0f} s, {seen} in view, {full} tiles with values: {len(tasks)} "
              f"tasks over {TASK_MAX_MS} ms (longest {max(tasks, default=0):.0f} ms), event to document p50 "
              f"{late[len(late) // 2]:.0f} ms, p95 {p95:.0f} ms of {len(late)}, main thread {busy * 100:.0f} % busy",
              flush=True)
        if TRACE_S:
            print_trace(browser("trace", seconds=TRACE_S))
        check(len(told["beds"]) == BEDS and told["left_out"] == 0, f"{len(told['beds'])} beds")
        check(not tasks, f"{len(tasks)} tasks over {TASK_MAX_MS} ms: {sorted(tasks)[-5:]}")
        check(p95 <= DOM_MAX_MS, f"p95 {p95:.0f} ms")
        check(busy <= BUSY_MAX, f"{busy * 100:.0f} % busy")
        browser.check_quiet()


if __name__ == "__main__":
    if not os.environ.get("VIGIL_LONG"):
        vigil.skip("half an hour; VIGIL_LONG=1 runs it")
    vigil.main(many_beds_hold_nothing_up, half_an_hour_costs_no_memory)
