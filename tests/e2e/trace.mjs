/* trace.mjs - where the time of a page's main thread goes, out of a trace of Chromium.
 *
 * Of events that lie in each other each counts for the part that is its own. */

const RUN = 'RunTask';

/* The thread that draws the page: the one of its name that has the most to do. */
function mainThread(events) {
    const names = events.filter((e) => e.name === 'thread_name' && e.args?.name === 'CrRendererMain');
    const work = ({ pid, tid }) => events.filter((e) => e.pid === pid && e.tid === tid && e.ph === 'X').length;
    const [thread] = names.sort((a, b) => work(b) - work(a));

    return thread ? events.filter((e) => e.pid === thread.pid && e.tid === thread.tid && e.ph === 'X') : [];
}

/* Calls `leaves(event, own_us, own_cpu_us, path)` for each event, the ones inside first. */
function walk(events, leaves) {
    const open = [];
    const close = () => {
        const { event, inside, insideCpu } = open.pop();

        leaves(event, event.dur - inside, (event.tdur ?? 0) - insideCpu, open);
    };

    for (const event of [...events].sort((a, b) => a.ts - b.ts || (b.dur ?? 0) - (a.dur ?? 0))) {
        event.dur ??= 0;
        while (open.length > 0 && open.at(-1).event.ts + open.at(-1).event.dur <= event.ts)
            close();
        if (open.length > 0) {
            open.at(-1).inside += event.dur;
            open.at(-1).insideCpu += event.tdur ?? 0;
        }
        open.push({ event, inside: 0, insideCpu: 0 });
    }
    while (open.length > 0)
        close();
}

/* {events: {name: {n, ms, cpu_ms}}, tasks: [{ms, cpu_ms, parts: {name: ms}}]}: what the thread did by name, and
 * its longest tasks. */
export function summary(events, longest = 8) {
    const byName = {};
    const tasks = new Map();
    const add = (to, name, ms) => {
        to[name] = (to[name] ?? 0) + ms;
    };

    walk(mainThread(events), (event, own, cpu, path) => {
        const task = event.name.endsWith(RUN) ? event : path.find((p) => p.event.name.endsWith(RUN))?.event;
        const name = event.name === 'FunctionCall' ? `FunctionCall ${event.args?.data?.functionName || ''}` : event.name;
        const sum = (byName[name] ??= { n: 0, ms: 0, cpu_ms: 0 });

        sum.n++;
        sum.ms += own / 1000;
        sum.cpu_ms += cpu / 1000;
        if (!task)
            return;
        if (!tasks.has(task))
            tasks.set(task, {});
        add(tasks.get(task), name, own / 1000);
    });
    return {
        events: byName,
        tasks: [...tasks].sort(([a], [b]) => b.dur - a.dur).slice(0, longest).map(([task, parts]) => ({
            ms: task.dur / 1000,
            cpu_ms: (task.tdur ?? 0) / 1000,
            parts: Object.fromEntries(Object.entries(parts).sort(([, a], [, b]) => b - a).slice(0, 8)),
        })),
    };
}
