/* bedview.js - one bed: its alerts, its values, what the anomaly is from, and its courses.
 *
 * The courses are asked for anew each few seconds; values and alerts follow the stream. Everything
 * that the charts show by lines stands in a table or a list, too. */
/** @typedef {import('../types').BedHistory} BedHistory */
import { acknowledgeButton, priorityBadge, sentence } from './alertparts.js';
import { Chart } from './chart.js';
import { horizonsOf, spanOf } from './course.js';
import { Field, make, setAttribute, setHidden } from './dom.js';
import { silence } from './freshness.js';
import { ageText, clockText, durationText, nameText, numberText, text } from './language.js';
import { isEnabled } from './risk.js';
import { limitsOf, limitsText, shareOf, signalText, tileModel, valueModel, valueText } from './tilemodel.js';

const REFRESH_MS = 10000;
const HOURS = [1, 4, 24];

export class BedView {
    visible = true;
    cost = Infinity;
    #app;
    #key;
    #hours = HOURS[0];
    #horizon_s = 0;
    #raw = true;
    /** @type {BedHistory | null} */
    #history = null;
    /** @type {Map<string, Chart>} by row and set of columns */
    #charts = new Map();
    #shownAlerts = '-';
    #closed = new AbortController();
    #asked_ms = -Infinity;
    #title = new Field(make('h1'));
    #sub = new Field(make('p', { class: 'muted' }));
    #notice = new Field(make('p', { class: 'notice big' }));
    #alerts = make('ul', { class: 'alert-list' });
    #values = make('tbody');
    #shares = make('ul', { class: 'shares' });
    #anomaly = new Field(make('p'));
    #frames = make('div', { class: 'charts' });
    #chartState = new Field(make('p', { class: 'muted', role: 'status' }));
    #controls = make('div', { class: 'toolbar' });
    #episodes = make('tbody');
    #notes = make('ul');
    #watch = new ResizeObserver(() => this.#resized());
    #width = 0;

    /** @param {import('./app.js').App} app  @param {string} key */
    constructor(app, key) {
        /** @param {string[]} keys */
        const head = (keys) =>
            make(
                'thead',
                {},
                make('tr', {}, ...keys.map((k) => make('th', { scope: 'col', text: text(k) }))),
            );

        this.#app = app;
        this.#key = key;
        this.element = make(
            'section',
            { class: 'bed-page' },
            make('p', {}, make('a', { href: '#/', text: `← ${text('back')}` })),
            this.#title.element,
            this.#sub.element,
            this.#notice.element,
            this.#alerts,
            make(
                'div',
                { class: 'columns' },
                make(
                    'div',
                    {},
                    make('h2', { text: text('current') }),
                    make(
                        'table',
                        { class: 'values' },
                        head(['channel', 'value', 'quality', 'age', 'limits']),
                        this.#values,
                    ),
                ),
                make(
                    'div',
                    {},
                    make('h2', { text: text('contributions') }),
                    this.#anomaly.element,
                    this.#shares,
                ),
            ),
            make('h2', { text: text('charts') }),
            this.#controls,
            this.#chartState.element,
            this.#frames,
            make('h2', { text: text('events') }),
            make(
                'table',
                { class: 'cards' },
                head(['since', 'priority', 'sentence', 'phase', 'duration']),
                this.#episodes,
            ),
            make('h2', { text: text('notes') }),
            this.#notes,
        );
        this.#watch.observe(this.#frames);
        this.#showControls();
        this.paint();
        this.#ask();
    }

    close() {
        this.#closed.abort();
        this.#watch.disconnect();
        this.#app.painter.forget(this);
        this.#dropCharts();
    }

    /** @param {{beds?: Set<string>, alerts?: Set<string>}} [changes] */
    update(changes) {
        if (!changes || changes.beds?.has(this.#key) || changes.alerts?.has(this.#key))
            this.#app.painter.ask(this);
    }

    tick() {
        this.#app.painter.ask(this);
        if (performance.now() - this.#asked_ms > REFRESH_MS) this.#ask();
    }

    redraw() {
        this.#dropCharts();
        this.#drawCharts();
    }

    /** @param {string} episode */
    focus(episode) {
        const item = /** @type {HTMLElement | null} */ (
            this.#alerts.querySelector(`[data-episode="${CSS.escape(episode)}"] button`)
        );

        (item ?? /** @type {HTMLElement} */ (this.element.querySelector('a'))).focus();
    }

    paint() {
        const { state, link } = this.#app;
        const bed = state.beds.get(this.#key);
        const local_ms = performance.now();

        if (!bed) {
            this.#title.set(text('bed'));
            this.#notice.set(link.heard_ms === null ? text('connecting') : text('bed_unknown'));
            return;
        }
        const model = tileModel(
            bed,
            [],
            state.session,
            link.state,
            this.#app.silent_s(local_ms),
            state.now(local_ms),
        );

        this.#title.set(`${text('bed')} ${bed.bed || bed.patient}`);
        this.#sub.set(
            [`${text('patient')} ${bed.patient}`, model.score, model.scoreTitle].filter(Boolean).join(' · '),
        );
        this.#notice.set(model.notice);
        setHidden(this.#notice.element, model.calm);
        setAttribute(this.element, 'data-calm', String(model.calm));
        this.#paintAlerts();
        this.#paintValues(bed, model.calm, state.now(local_ms));
        this.#anomaly.set(model.anomaly || '--');
        this.#paintShares(model.calm ? bed : null);
    }

    #paintAlerts() {
        const alerts = this.#app.state.alertsOf(this.#key);
        const shown = alerts.map((alert) => alert.event_id).join();

        if (shown === this.#shownAlerts) return;
        this.#shownAlerts = shown;
        this.#alerts.replaceChildren(
            ...alerts.map((alert) =>
                make(
                    'li',
                    { 'data-episode': alert.episode_id },
                    priorityBadge(alert),
                    make('p', {}, sentence(alert), ' ', make('em', { text: signalText(alert) })),
                    this.#app.mayAcknowledge && isEnabled(alert)
                        ? acknowledgeButton(alert, () => this.#app.openDialog(alert.episode_id))
                        : null,
                ),
            ),
        );
    }

    /** @param {import('../types').Bed} bed  @param {boolean} calm  @param {number} now_ms */
    #paintValues(bed, calm, now_ms) {
        const { state } = this.#app;
        const seen = state.session.channels
            .map((channel, c) => ({ channel, c }))
            .filter(({ c }) => bed.values[c]);
        const alerts = state.alertsOf(this.#key);

        while (this.#values.rows.length > seen.length) this.#values.deleteRow(-1);
        while (this.#values.rows.length < seen.length)
            this.#values.append(
                make('tr', {}, make('th', { scope: 'row' }), make('td'), make('td'), make('td'), make('td')),
            );
        seen.forEach(({ channel, c }, i) => {
            const model = valueModel(bed, c, channel, now_ms, calm);
            const quality = nameText('quality_', bed.values[c]?.[1] ?? 'missing');
            const texts = [
                channel.label,
                model.tone === 'gone' ? model.text : `${model.text} ${channel.unit}`,
                calm
                    ? [quality, model.why].filter((w, at, all) => w && all.indexOf(w) === at).join(': ')
                    : '--',
                model.age_s === null ? '--' : ageText(model.age_s),
                limitsText(limitsOf(channel, bed), channel),
            ];
            const row = this.#values.rows[i];

            setAttribute(row, 'class', `channel-${state.rows.find(({ parts }) => parts.includes(c))?.id}`);
            setAttribute(row, 'data-tone', model.tone);
            setAttribute(
                row,
                'data-alert',
                alerts.find((alert) => alert.channel === channel.name)?.priority ?? null,
            );
            texts.forEach((words, at) => {
                if (row.cells[at].textContent !== words) row.cells[at].textContent = words;
            });
        });
    }

    /** @param {import('../types').Bed | null} bed */
    #paintShares(bed) {
        const { session } = this.#app.state;
        const shares = bed
            ? session.channels
                  .map((channel) => ({ channel, share: shareOf(channel.name, bed, session) ?? 0 }))
                  .filter(({ share }) => share > 0)
                  .sort((a, b) => b.share - a.share)
            : [];
        const shown = shares.map(({ channel, share }) => `${channel.label} ${numberText(share * 100, 0)} %`);

        if (this.#shares.dataset.shown === shown.join()) return;
        this.#shares.dataset.shown = shown.join();
        this.#shares.replaceChildren(
            ...shares.map(({ share }, i) => {
                const item = make('li', { text: shown[i] });

                item.style.setProperty('--share', String(share));
                return item;
            }),
        );
    }

    #showControls() {
        const horizons = this.#history ? horizonsOf(this.#history) : [];

        if (this.#horizon_s === 0 && horizons.length > 0) this.#horizon_s = horizons[horizons.length - 1];
        const range = make(
            'select',
            {
                change: () => {
                    this.#hours = Number(range.value);
                    this.#history = null;
                    this.#dropCharts();
                    this.#ask();
                },
            },
            ...HOURS.map((h) =>
                make('option', { value: h, text: text('last_hours', { n: h }), selected: h === this.#hours }),
            ),
        );
        const horizon = make(
            'select',
            {
                change: () => {
                    this.#horizon_s = Number(horizon.value);
                    this.redraw();
                },
            },
            ...horizons.map((s) =>
                make('option', {
                    value: s,
                    text: text('forecast_then', { ago: durationText(s) }),
                    selected: s === this.#horizon_s,
                }),
            ),
        );
        const raw = make('input', {
            type: 'checkbox',
            change: () => {
                this.#raw = raw.checked;
                this.redraw();
            },
        });

        raw.checked = this.#raw;
        this.#controls.replaceChildren(
            make('label', {}, make('span', { class: 'hidden', text: text('time') }), range),
            ...(horizons.length > 0
                ? [make('label', {}, make('span', { class: 'hidden', text: text('forecast') }), horizon)]
                : []),
            ...(this.#hours === 1 ? [make('label', {}, raw, ` ${text('raw_line')}`)] : []),
        );
    }

    async #ask() {
        this.#asked_ms = performance.now();
        if (!this.#app.state.beds.has(this.#key)) return;
        try {
            const bed = this.#app.state.beds.get(this.#key);
            const to = bed?.log ?? this.#app.state.now(performance.now());
            const span =
                this.#hours === 1
                    ? ''
                    : `&from=${Math.floor(to - this.#hours * 3600000)}&to=${Math.floor(to)}`;
            const history = await this.#app.server.get(
                `history?bed=${this.#key}${span}`,
                this.#closed.signal,
            );
            const before = this.#history ? horizonsOf(this.#history).join() : '';

            this.#history = history;
            this.#chartState.set(history.episodes_known === false ? text('alerts_unknown') : '');
            if (before !== horizonsOf(history).join() || this.#controls.childElementCount < 2)
                this.#showControls();
            this.#drawCharts();
            this.#listEpisodes();
        } catch (error) {
            if (!this.#closed.signal.aborted)
                this.#chartState.set(text('failed', { why: /** @type {Error} */ (error).message }));
        }
    }

    #drawCharts() {
        const bed = this.#app.state.beds.get(this.#key);
        const history = this.#history;

        if (!bed || !history) return;
        const { session, rows } = this.#app.state;
        const now_s = this.#now_s(bed);
        const horizon_s = session.forecast ? this.#horizon_s : 0;
        const context = {
            app: this.#app,
            bed,
            history,
            horizon_s,
            raw: this.#raw && history.step_s < 60,
            now_s,
        };

        for (const row of rows.filter((r) =>
            r.parts.some((c) => c >= 0 && history.channels[session.channels[c].name]),
        )) {
            const chart = this.#charts.get(row.id);

            if (chart) {
                chart.update(context);
                continue;
            }
            const frame = make(
                'figure',
                { 'data-row': row.id },
                make('figcaption', { text: `${row.label} ${row.unit}` }),
            );

            this.#frames.append(frame);
            this.#charts.set(row.id, new Chart(frame, row, context));
        }
        if (this.#charts.size === 0) this.#chartState.set(text('no_history'));
    }

    /** The present of the bed's log: it goes on while nothing comes. @param {import('../types').Bed} bed */
    #now_s(bed) {
        const { state } = this.#app;
        const now_ms = state.now(performance.now());

        return bed.log === null ? now_ms / 1000 : bed.log / 1000 + (silence(bed, now_ms) ?? 0);
    }

    #dropCharts() {
        for (const chart of this.#charts.values()) chart.close();
        this.#charts.clear();
        this.#frames.replaceChildren();
    }

    #resized() {
        if (this.#frames.clientWidth === this.#width) return;
        this.#width = this.#frames.clientWidth;
        for (const chart of this.#charts.values()) chart.resize();
    }

    #listEpisodes() {
        const { episodes, notes } = /** @type {BedHistory} */ (this.#history);
        const { channels } = this.#app.state.session;
        const bed = this.#app.state.beds.get(this.#key);
        const now_s = bed ? this.#now_s(bed) : 0;

        this.#episodes.replaceChildren(
            ...[...episodes].reverse().map((alert) => {
                const [from, to] = spanOf(alert, now_s);

                return make(
                    'tr',
                    {},
                    make('td', { class: 'time', text: clockText(Date.parse(alert.onset)) }),
                    make('td', {}, priorityBadge(alert)),
                    make('td', {}, sentence(alert)),
                    make('td', {
                        text:
                            alert.state === 'inactive' ? text('ended') : signalText(alert) || text('active'),
                    }),
                    make('td', { class: 'time', text: durationText(to - from) }),
                );
            }),
        );
        if (episodes.length === 0)
            this.#episodes.append(make('tr', {}, make('td', { colspan: 5, class: 'muted', text: text('none') })));
        if (notes.length === 0) {
            this.#notes.replaceChildren(make('li', { class: 'muted', text: text('none') }));
            return;
        }
        this.#notes.replaceChildren(
            ...notes.map((note) => {
                const channel = channels.find((c) => c.name === note.channel);
                const value = channel ? valueText(channel, note.value) : note.value;

                return make('li', {
                    text: `${clockText(note.at)} ${channel?.label ?? note.channel}: ${value} ${channel?.unit ?? ''}`,
                });
            }),
        );
    }
}
