/* alertsview.js - every open alert, the most urgent first, also those that are held back. */
/** @typedef {import('../types').Alert} Alert */
import { acknowledgeButton, placeOf, priorityBadge, sentence } from './alertparts.js';
import { make } from './dom.js';
import { clockText, nameText, text } from './language.js';
import { compareAlerts, isEnabled, isTold } from './risk.js';
import { signalText } from './tilemodel.js';

export class AlertsView {
    visible = true;
    cost = Infinity;
    #app;
    #body = make('tbody');
    #shown = '';
    #empty = make('p', { class: 'empty' });
    #table;

    /** @param {import('./app.js').App} app */
    constructor(app) {
        this.#app = app;
        this.#table = make(
            'table',
            { class: 'cards' },
            make(
                'thead',
                {},
                make(
                    'tr',
                    {},
                    ...['priority', 'bed', 'sentence', 'since', 'kind', 'state'].map((key) =>
                        make('th', { scope: 'col', text: text(key) }),
                    ),
                ),
            ),
            this.#body,
        );
        this.element = make(
            'section',
            { 'aria-labelledby': 'alerts-title' },
            make('h1', { id: 'alerts-title', text: text('active_alerts') }),
            this.#empty,
            this.#table,
        );
        this.paint();
    }

    close() {
        this.#app.painter.forget(this);
    }

    /** @param {{alerts?: Set<string>}} [changes] */
    update(changes) {
        if (!changes || changes.alerts) this.#app.painter.ask(this);
    }

    tick() {
        this.#app.painter.ask(this);
    }

    redraw() {}

    /** @param {string} episode */
    focus(episode) {
        const row = /** @type {HTMLElement | null} */ (
            this.#body.querySelector(`[data-episode="${CSS.escape(episode)}"]`)
        );

        (row?.querySelector('button') ?? row?.querySelector('a'))?.focus();
    }

    paint() {
        const alerts = [...this.#app.state.alerts.values()].sort(
            (a, b) => Number(isTold(b)) - Number(isTold(a)) || compareAlerts(a, b),
        );
        const shown = alerts.map((alert) => alert.event_id).join() || String(this.#app.state.alertsKnown);

        if (shown === this.#shown) return;
        this.#shown = shown;
        const had = /** @type {HTMLElement | null} */ (document.activeElement?.closest('tr'))?.dataset
            .episode;

        this.#empty.hidden = alerts.length > 0;
        this.#empty.textContent = text(this.#app.state.alertsKnown ? 'no_alerts' : 'alerts_unknown');
        this.#table.hidden = alerts.length === 0;
        this.#body.replaceChildren(...alerts.map((alert) => this.#row(alert)));
        if (had) this.focus(had);
    }

    /** @param {Alert} alert */
    #row(alert) {
        const can = this.#app.mayAcknowledge && isTold(alert) && isEnabled(alert);

        return make(
            'tr',
            { 'data-episode': alert.episode_id, 'data-told': String(isTold(alert)) },
            make('td', {}, priorityBadge(alert)),
            make(
                'td',
                { class: 'time' },
                alert.key ? make('a', { href: `#/bed/${alert.key}`, text: placeOf(alert) }) : placeOf(alert),
            ),
            make('td', {}, sentence(alert)),
            make('td', { class: 'time', text: clockText(Date.parse(alert.onset)) }),
            make('td', {}, nameText('kind_', alert.kind)),
            make(
                'td',
                {},
                signalText(alert) ? make('p', { text: signalText(alert) }) : null,
                can ? acknowledgeButton(alert, () => this.#app.openDialog(alert.episode_id)) : null,
            ),
        );
    }
}
