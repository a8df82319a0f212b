/* tile.js - the tile of a bed: elements that are made once, and changed where something changed.
 *
 * What it says is decided by tilemodel.js. A tile is drawn by the painter, so as often as there is
 * time for it; what it shows is always taken from the state at that moment. */
/** @typedef {import('../types').Alert} Alert */
/** @typedef {import('../types').Row} Row */
import { acknowledgeButton, placeOf, priorityBadge, sentence } from './alertparts.js';
import { Field, make, setAttribute, setHidden } from './dom.js';
import { numberText, text } from './language.js';
import { isEnabled } from './risk.js';
import { drawSparks, sparkLine } from './spark.js';
import { signalText, tileModel } from './tilemodel.js';

const ROWS_MAX = 6;
const SPARK_EVERY_MS = 5000;

/** One line of the tile. */
class RowLine {
    /** @type {number | null} */
    #share = null;

    /** @param {Row} row */
    constructor(row) {
        /** @param {string} name */
        const cell = (name) => make('span', { class: name });
        const [value, unit, note, share] = ['value', 'unit', 'note', 'share'].map(cell);

        this.row = row;
        this.element = make(
            'li',
            { class: `row channel-${row.id}` },
            make(
                'span',
                { class: 'lead' },
                make('span', { class: 'label', text: row.label }),
                ' ',
                value,
                ' ',
                unit,
            ),
            note,
            share,
        );
        this.value = new Field(value);
        this.unit = new Field(unit);
        this.note = new Field(note);
        this.share = new Field(share);
    }

    /** @param {import('./tilemodel.js').RowModel} model */
    set(model) {
        setAttribute(this.element, 'data-tone', model.tone);
        this.value.set(model.value);
        this.unit.set(model.unit);
        this.note.set(model.note);
        this.share.set(model.share === null ? '' : `${numberText(model.share * 100, 0)} %`);
        if (model.share !== this.#share) {
            this.#share = model.share;
            this.share.element.style.setProperty('--share', String(model.share ?? 0));
            setAttribute(this.share.element, 'title', model.share === null ? null : text('share'));
        }
    }
}

export class Tile {
    /** Whether it is in view: then it is drawn first, and its trends at all. */
    visible = false;
    #app;
    #name;
    #notice;
    #age;
    #score;
    #anomaly;
    #button = make('span', { class: 'side' });
    #strip;
    #vitals;
    #canvas;
    /** @type {RowLine[]} */
    #lines = [];
    /** @type {string} what the strip shows */
    #shown = '-';
    #width = 0;
    #height = 0;
    #drawn_ms = -Infinity;

    /** @param {import('./app.js').App} app  @param {string} key */
    constructor(app, key) {
        const link = make('a', { href: `#/bed/${key}` });
        const [notice, age, score] = ['notice', 'age', 'score'].map((name) => make('span', { class: name }));
        const anomaly = make('span', { class: 'anomaly', title: text('anomaly_title') });

        this.key = key;
        this.#app = app;
        this.link = link;
        this.#name = new Field(link);
        this.#notice = new Field(notice);
        this.#age = new Field(age);
        this.#score = new Field(score);
        this.#anomaly = new Field(anomaly);
        this.#strip = make('div', { class: 'strip' });
        this.#canvas = make('canvas', { class: 'sparks', 'aria-hidden': 'true' });
        this.#vitals = make('ul', { class: 'vitals' });
        this.element = make(
            'li',
            { class: 'tile', 'data-key': key },
            make('div', { class: 'head' }, make('h2', {}, link), age, notice, this.#button),
            this.#strip,
            make('div', { class: 'chart' }, this.#vitals, this.#canvas),
            make('div', { class: 'foot' }, score, anomaly),
        );
        new ResizeObserver(([entry]) => this.#resized(entry.contentRect)).observe(this.#canvas);
    }

    get rows() {
        return this.#lines.length;
    }

    /** Its trends are drawn anew with the next turn: colours or values changed. */
    redraw() {
        this.#drawn_ms = -Infinity;
    }

    /** @param {DOMRectReadOnly} box */
    #resized({ width, height }) {
        this.#width = width;
        this.#height = height;
        this.redraw();
        this.#app.painter.ask(this);
    }

    paint() {
        const { state, link } = this.#app;
        const bed = state.beds.get(this.key);

        if (!bed) return;
        const local_ms = performance.now();
        const model = tileModel(
            bed,
            this.#lines.map((line) => line.row),
            state.session,
            link.state,
            this.#app.silent_s(local_ms),
            state.now(local_ms),
        );
        const alerts = state.alertsOf(this.key);

        if (this.#chooseRows()) {
            this.paint();
            return;
        }
        this.#name.set(bed.bed || bed.patient);
        setAttribute(this.element, 'data-calm', String(model.calm));
        this.#notice.set(model.notice);
        setHidden(this.#notice.element, model.calm);
        this.#age.set(model.calm ? model.age : '');
        this.#score.set(model.score);
        setAttribute(this.#score.element, 'title', model.scoreTitle || null);
        this.#anomaly.set(model.anomaly);
        setAttribute(this.#anomaly.element, 'data-unusual', String(model.unusual));
        model.rows.forEach((row, i) => this.#lines[i].set(row));
        this.#paintAlert(alerts, model.calm);
        if (this.visible && local_ms - this.#drawn_ms > SPARK_EVERY_MS) this.#paintSparks(local_ms);
    }

    /** The rows of what was seen of the bed, the first few. @returns {boolean} whether they changed */
    #chooseRows() {
        const { state } = this.#app;
        const bed = /** @type {import('../types').Bed} */ (state.beds.get(this.key));
        const rows = state.rows
            .filter((row) => row.parts.some((c) => c >= 0 && bed.values[c]))
            .slice(0, ROWS_MAX);

        if (rows.length === this.#lines.length && rows.every((row, i) => row === this.#lines[i].row))
            return false;
        this.#lines = rows.map((row) => new RowLine(row));
        this.#vitals.replaceChildren(...this.#lines.map((line) => line.element));
        this.redraw();
        return true;
    }

    /** @param {readonly Alert[]} alerts  @param {boolean} calm */
    #paintAlert(alerts, calm) {
        const top = alerts[0];
        const state = top ? signalText(top) : '';
        const shown = top
            ? [top.event_id, state, alerts.length, this.#app.mayAcknowledge].join(' ')
            : calm
              ? String(this.#app.state.alertsKnown)
              : '';

        if (shown === this.#shown) return;
        this.#shown = shown;
        setAttribute(this.element, 'data-level', top ? top.priority : null);
        setAttribute(this.element, 'data-signal', top ? (isEnabled(top) ? 'enabled' : 'taken') : null);
        const had = this.#button.contains(document.activeElement);
        const can = top && this.#app.mayAcknowledge && isEnabled(top);

        this.#button.replaceChildren(
            ...(can ? [acknowledgeButton(top, () => this.#app.openDialog(top.episode_id))] : []),
        );
        this.#strip.replaceChildren(...this.#stripParts(alerts, state, calm));
        if (had) (this.#button.querySelector('button') ?? this.link).focus();
    }

    /** @param {readonly Alert[]} alerts  @param {string} state  @param {boolean} calm
     * @returns {Node[]} */
    #stripParts(alerts, state, calm) {
        const top = alerts[0];

        if (!top)
            return calm
                ? [
                      make('p', {
                          class: 'muted',
                          text: text(this.#app.state.alertsKnown ? 'no_alert' : 'alerts_unknown'),
                      }),
                  ]
                : [];
        const more =
            alerts.length > 1
                ? make('a', {
                      class: 'more',
                      href: `#/bed/${this.key}`,
                      text: text('more', { n: alerts.length - 1 }),
                      'aria-label': `${text('more', { n: alerts.length - 1 })}: ${placeOf(top)}`,
                  })
                : null;

        return [
            make('div', { class: 'mark' }, priorityBadge(top), more),
            make(
                'div',
                { class: state ? 'words stated' : 'words' },
                make('p', { class: 'said', title: `${top.title}. ${top.said ?? top.text}` }, sentence(top)),
                state ? make('em', { text: state, title: state }) : null,
            ),
        ];
    }

    /** @param {number} local_ms */
    #paintSparks(local_ms) {
        const { state, colours } = this.#app;
        const bed = state.beds.get(this.key);
        const trend = state.trends.get(this.key);
        const pen = this.#canvas.getContext('2d');
        const scale = window.devicePixelRatio || 1;

        if (!bed || !trend || !pen || this.#width === 0) return;
        const [width, height] = [Math.round(this.#width * scale), Math.round(this.#height * scale)];

        if (this.#canvas.width !== width || this.#canvas.height !== height) {
            this.#canvas.width = width;
            this.#canvas.height = height;
        }
        pen.setTransform(scale, 0, 0, scale, 0, 0);
        drawSparks(
            pen,
            this.#width,
            this.#height,
            this.#lines.map(({ row }) => sparkLine(row, bed, state.session, trend.lines[row.line])),
            {
                limit: colours.limit,
                now: colours.now,
                ink: this.#lines.map(({ row }) => colours.inkOf(row.id)),
            },
        );
        this.#drawn_ms = local_ms;
    }
}
