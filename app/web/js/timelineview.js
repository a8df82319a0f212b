/* timelineview.js - the ward of the last 24 hours: a lane for each bed, a bar for each alert. */
/** @typedef {import('../types').Alert} Alert */
import { make } from './dom.js';
import { clockText, dayText, shortClockText, text } from './language.js';
import { lanesOf } from './timeline.js';

const HOURS = [24, 8, 1];
const PAGE = 500;
const PAGES_MAX = 20;
const REFRESH_MS = 30000;
const AHEAD_MS = 600000;
const SVG = 'http://www.w3.org/2000/svg';
const WIDTH = 1000;

export class TimelineView {
    #app;
    #hours = HOURS[0];
    #lanes = make('ol', { class: 'lanes' });
    #axis = make('p', { class: 'axis muted', 'aria-hidden': 'true' });
    #state = make('p', { class: 'muted', role: 'status', text: text('loading') });
    #closed = new AbortController();
    #asked_ms = -Infinity;

    /** @param {import('./app.js').App} app */
    constructor(app) {
        const choice = make(
            'select',
            {
                change: () => {
                    this.#hours = Number(choice.value);
                    this.#load();
                },
            },
            ...HOURS.map((h) => make('option', { value: h, text: text('last_hours', { n: h }) })),
        );

        this.#app = app;
        this.element = make(
            'section',
            { 'aria-labelledby': 'timeline-title' },
            make('h1', { id: 'timeline-title', text: text('timeline') }),
            make(
                'div',
                { class: 'toolbar' },
                make('label', {}, make('span', { class: 'hidden', text: text('time') }), choice),
            ),
            this.#state,
            this.#axis,
            this.#lanes,
        );
        this.#load();
    }

    close() {
        this.#closed.abort();
    }

    update() {}
    redraw() {}
    focus() {}

    tick() {
        if (performance.now() - this.#asked_ms > REFRESH_MS) this.#load();
    }

    /** The newest log time of the ward: in a recording or a demo it is not the clock's. One that is far ahead of
     *  the clock comes of a wrong timestamp, and would move the lanes of all others out of view. */
    #now() {
        const now_ms = this.#app.state.now(performance.now());
        const logs = [...this.#app.state.beds.values()].map((bed) => bed.log ?? 0);

        return Math.max(...logs.filter((at_ms) => at_ms < now_ms + AHEAD_MS), 0) || now_ms;
    }

    async #load() {
        this.#asked_ms = performance.now();
        try {
            const to = this.#now();
            const from = to - this.#hours * 3600000;

            this.#show(lanesOf(await this.#alerts(from), from, to), from, to);
        } catch (error) {
            if (!this.#closed.signal.aborted)
                this.#state.textContent = text('failed', { why: /** @type {Error} */ (error).message });
        }
    }

    /** The newest event of each episode back to `from`. @param {number} from  @returns {Promise<Alert[]>} */
    async #alerts(from) {
        /** @type {Map<string, Alert>} */
        const episodes = new Map();
        let before = '';

        for (let page = 0; page < PAGES_MAX; page++) {
            const { alerts } = await this.#app.server.get(
                `alerts?state=all&limit=${PAGE}${before}`,
                this.#closed.signal,
            );

            for (const alert of /** @type {Alert[]} */ (alerts)) {
                if (!episodes.has(alert.episode_id)) episodes.set(alert.episode_id, alert);
            }
            const oldest = alerts[alerts.length - 1];

            if (!oldest || alerts.length < PAGE || Date.parse(oldest.time) < from) break;
            before = `&before=${oldest.seq}`;
        }
        return [...episodes.values()];
    }

    /** @param {ReturnType<typeof lanesOf>} lanes  @param {number} from  @param {number} to */
    #show(lanes, from, to) {
        this.#state.textContent = lanes.length === 0 ? text('no_history') : '';
        this.#axis.replaceChildren(
            ...[0, 0.25, 0.5, 0.75, 1].map((part) => {
                const at = from + part * (to - from);

                return make('span', { text: part % 1 === 0 ? dayText(at) : shortClockText(at) });
            }),
        );
        this.#lanes.replaceChildren(
            ...lanes.map(({ name, key, bars }) => {
                const label = name || text('system');
                const known = key && this.#app.state.beds.has(key);

                return make(
                    'li',
                    {},
                    known ? make('a', { href: `#/bed/${key}`, text: label }) : make('span', { text: label }),
                    laneOf(bars),
                    make(
                        'ul',
                        { class: 'hidden' },
                        ...bars.map((bar) => make('li', { text: barText(bar.alert) })),
                    ),
                );
            }),
        );
    }
}

/** @param {Alert} alert */
function barText(alert) {
    return text('timeline_bar', {
        priority: text(alert.priority),
        title: alert.title,
        from: clockText(Date.parse(alert.onset)),
        to: alert.state === 'inactive' ? clockText(Date.parse(alert.time)) : text('now'),
    });
}

/** @param {import('./timeline.js').Bar[]} bars */
function laneOf(bars) {
    const svg = document.createElementNS(SVG, 'svg');

    svg.setAttribute('viewBox', `0 0 ${WIDTH} 20`);
    svg.setAttribute('preserveAspectRatio', 'none');
    svg.setAttribute('aria-hidden', 'true');
    for (const { alert, from, to } of bars) {
        const bar = document.createElementNS(SVG, 'rect');
        const title = document.createElementNS(SVG, 'title');
        const height = { high: 20, medium: 14, low: 8, none: 5 }[alert.priority];

        title.textContent = `${barText(alert)}. ${alert.text}`;
        bar.append(title);
        bar.setAttribute('class', `priority-${alert.priority}`);
        bar.setAttribute('x', String(from * WIDTH));
        bar.setAttribute('width', String(Math.max(3, (to - from) * WIDTH)));
        bar.setAttribute('y', String(20 - height));
        bar.setAttribute('height', String(height));
        svg.append(bar);
    }
    return svg;
}
