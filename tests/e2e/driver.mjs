/* driver.mjs - a browser for browser.py: an order a line on standard input, an answer a line on standard output.
 *
 * {"do": "click", "selector": "..."} -> {"value": ...} or {"error": "..."}. It ends with its input. What pages
 * complain of, and whom they ask beside their own server, is kept for the order "complaints".
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { createInterface } from 'node:readline';
import { chromium } from 'playwright-core';
import { summary } from './trace.mjs';

const FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'];
const [program, folder] = process.argv.slice(2);
const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const complaints = [];
const context = await chromium.launchPersistentContext(folder, {
    executablePath: program, headless: true, args: FLAGS, locale: 'en-GB', timezoneId: 'UTC', reducedMotion: 'reduce',
});
let page = context.pages()[0];
let session = await context.newCDPSession(page);

/* A stream that breaks and an answer that is late are the tests' doing; what the page makes of it is looked at. */
function isExpected(text) {
    return /net::ERR_|Failed to load resource/.test(text);
}

context.on('page', watch);
context.on('request', (request) => {
    const { protocol, hostname } = new URL(request.url());

    if (!['data:', 'blob:'].includes(protocol) && hostname !== '127.0.0.1')
        complaints.push(`asks ${request.url()}`);
});
watch(page);

function watch(one) {
    one.on('pageerror', (error) => complaints.push(String(error.stack ?? error)));
    one.on('console', (message) => {
        if (['error', 'warning'].includes(message.type()) && !isExpected(message.text()))
            complaints.push(message.text());
    });
}

/* By the protocol of the debugger: Playwright's own way is eval(), which the page's policy forbids. */
async function evaluate(expression) {
    const { result, exceptionDetails } = await session.send('Runtime.evaluate', { expression, awaitPromise: true, returnByValue: true });

    if (exceptionDetails)
        throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
}

/* The value of an expression once it is true, and the wall time of that moment; looked at with every frame. */
function wait({ script, timeout_ms }) {
    return evaluate(`new Promise((done, fail) => {
        const end = performance.now() + ${timeout_ms};
        let why = '';
        const look = () => {
            try {
                return (${script});
            } catch (error) {
                why = ': ' + error; /* what is looked at may not be there yet */
                return null;
            }
        };
        const turn = () => {
            const value = look();

            if (value)
                done({ value: value === Object(value) ? true : value, at: Date.now() });
            else if (performance.now() > end)
                fail(new Error('not within ${timeout_ms} ms' + why));
            else
                requestAnimationFrame(turn);
        };
        turn();
    })`);
}

async function accessibility() {
    await evaluate(`${axe}; void 0`);
    const { violations, passes } = JSON.parse(await evaluate('axe.run().then((found) => JSON.stringify(found))'));

    return {
        passes: passes.length,
        violations: violations.map(({ id, help, nodes }) =>
            `${id}: ${help}: ${nodes.slice(0, 3).map((n) => `${n.target.join(' ')} (${n.failureSummary.split('\n')[1]?.trim()})`).join('; ')}`),
    };
}

/* Bytes of the page's heap after everything that can go has gone. */
async function heap() {
    await session.send('HeapProfiler.collectGarbage');
    const { usedSize } = await session.send('Runtime.getHeapUsage');
    const { jsEventListeners, nodes } = await session.send('Memory.getDOMCounters');

    return { bytes: usedSize, nodes, listeners: jsEventListeners };
}

/* Seconds that the main thread has worked so far, of its life. */
async function busy() {
    await session.send('Performance.enable');
    const { metrics } = await session.send('Performance.getMetrics');
    const of = (name) => metrics.find((m) => m.name === name)?.value ?? 0;

    return { task_s: of('TaskDuration'), script_s: of('ScriptDuration'), layout_s: of('LayoutDuration'), at_s: of('Timestamp') };
}

/* What the main thread does in so many seconds, by name. Costs some time itself. */
async function trace({ seconds }) {
    const events = [];
    const take = ({ value }) => events.push(...value);
    const done = new Promise((resolve) => session.once('Tracing.tracingComplete', resolve));

    session.on('Tracing.dataCollected', take);
    await session.send('Tracing.start', {
        transferMode: 'ReportEvents',
        traceConfig: { includedCategories: ['toplevel', 'devtools.timeline', 'disabled-by-default-devtools.timeline', 'v8'] },
    });
    await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
    await session.send('Tracing.end');
    await done;
    session.off('Tracing.dataCollected', take);
    return summary(events);
}

const orders = {
    async open({ url, script }) {
        if (script)
            await page.addInitScript(script);
        await page.goto(url);
    },
    async anew() {
        await page.close();
        page = await context.newPage();
        session = await context.newCDPSession(page);
    },
    evaluate: ({ script }) => evaluate(script),
    wait,
    click: ({ selector }) => page.click(selector),
    fill: ({ selector, text }) => page.fill(selector, text),
    press: ({ key }) => page.keyboard.press(key),
    hover: ({ selector }) => page.hover(selector),
    move: ({ x, y }) => page.mouse.move(x, y),
    select: ({ selector, value }) => page.selectOption(selector, value),
    size: ({ width, height }) => page.setViewportSize({ width, height }),
    colours: ({ scheme }) => page.emulateMedia({ colorScheme: scheme, reducedMotion: 'reduce' }),
    async picture({ path, whole }) {
        await page.screenshot({ path, fullPage: whole, animations: 'disabled' });
    },
    accessibility,
    heap,
    busy,
    trace,
    complaints: () => complaints.splice(0),
};

page.setDefaultTimeout(15000);
console.log(JSON.stringify({ value: context.browser()?.version() ?? '' }));
for await (const line of createInterface({ input: process.stdin })) {
    const order = JSON.parse(line);
    let answer;

    try {
        answer = { value: await orders[order.do](order) ?? null };
    } catch (error) {
        answer = { error: String(error.message ?? error) };
    }
    console.log(JSON.stringify(answer));
}
await context.close();
