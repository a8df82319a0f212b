/* historyview.js - the alerts that were, a page at a time, each as its newest event tells it: that of the
 * newest event first. */
/** @typedef {import('../types').Alert} Alert */
import { placeOf, priorityBadge, sentence } from './alertparts.js';
import { lostText } from './banner.js';
import { Field, make } from './dom.js';
import { dayText, durationText, nameText, text } from './language.js';
import { signalText } from './tilemodel.js';

const PAGE = 100;

export class HistoryView {
    #app;
    #body = make('tbody');
    #more = make('button', { type: 'button', text: text('more_history'), click: () => this.#load() });
    #state = make('p', { class: 'muted', role: 'status' });
    #lost = new Field(make('p', { class: 'muted' }));
    /** @type {number | null} */
    #before = null;
    #closed = new AbortController();

    /** @param {import('./app.js').App} app */
    constructor(app) {
        this.#app = app;
        this.element = make(
            'section',
            { 'aria-labelledby': 'history-title' },
            make('h1', { id: 'history-title', text: text('history') }),
            this.#lost.element,
            make(
                'table',
                { class: 'cards' },
                make(
                    'thead',
                    {},
                    make(
                        'tr',
                        {},
                        ...['time', 'priority', 'bed', 'sentence', 'phase', 'duration'].map((key) =>
                            make('th', { scope: 'col', text: text(key) }),
                        ),
                    ),
                ),
                this.#body,
            ),
            this.#state,
            this.#more,
        );
        this.tick();
        this.#load();
    }

    close() {
        this.#closed.abort();
    }

    update() {}

    tick() {
        this.#lost.set(lostText(this.#app.state.heart));
    }

    redraw() {}
    focus() {}

    async #load() {
        this.#more.disabled = true;
        this.#state.textContent = text('loading');
        try {
            const before = this.#before === null ? '' : `&before=${this.#before}`;
            const { alerts } = await this.#app.server.get(
                `alerts?state=all&limit=${PAGE}${before}`,
                this.#closed.signal,
            );

            for (const alert of alerts) this.#body.append(this.#row(alert));
            this.#before = alerts.length > 0 ? alerts[alerts.length - 1].seq : this.#before;
            this.#more.hidden = alerts.length < PAGE;
            this.#state.textContent = this.#body.childElementCount === 0 ? text('no_history') : '';
        } catch (error) {
            this.#state.textContent = text('failed', { why: /** @type {Error} */ (error).message });
        }
        this.#more.disabled = false;
    }

    /** @param {Alert} alert */
    #row(alert) {
        const over = alert.state === 'inactive';
        const lasted = alert.duration_s ?? (Date.parse(alert.time) - Date.parse(alert.onset)) / 1000;

        return make(
            'tr',
            {},
            make('td', { class: 'time', text: dayText(Date.parse(alert.time)) }),
            make('td', {}, priorityBadge(alert)),
            make(
                'td',
                { class: 'time' },
                alert.key && this.#app.state.beds.has(alert.key)
                    ? make('a', { href: `#/bed/${alert.key}`, text: placeOf(alert) })
                    : placeOf(alert),
            ),
            make('td', {}, sentence(alert)),
            make(
                'td',
                {},
                nameText('phase_', alert.phase),
                ' ',
                make('em', { text: over ? '' : signalText(alert) }),
            ),
            make('td', { class: 'time', text: over ? durationText(Math.max(0, lasted)) : text('active') }),
        );
    }
}
