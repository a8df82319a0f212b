/* tilebody.js - what a tile holds while it is in view, or nearly: the alert, the values, the trends.
 *
 * Elements that are made once and changed where something changed. What they say is decided by
 * tilemodel.js. There are as many bodies as tiles near the view, whatever the size of the ward: one that is
 * not needed any more goes on in another tile, so it takes nothing for granted of the bed before. */
/** @typedef {import('../types').Alert} Alert */
/** @typedef {import('../types').Bed} Bed */
/** @typedef {import('../types').Row} Row */
import { acknowledgeButton, placeOf, priorityBadge, sentence } from './alertparts.js';
import { drawing, Field, make, setAttribute, setHidden } from './dom.js';
import { numberText, text } from './language.js';
import { isEnabled } from './risk.js';
import { seenRows } from './rows.js';
import { sparkLine, sparkPaths } from './spark.js';
import { signalText } from './tilemodel.js';

const SPARK_EVERY_MS = 10000;
/** The bar behind a share grows in steps: one that follows each percent costs a new style each second. */
const SHARE_STEPS = 20;

/** One line of the tile. */
class RowLine {
    #step = 0;

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

    /** @param {import('./tilemodel.js').RowModel} model  @param {Alert} [alert]  that is about it */
    set(model, alert) {
        const step = Math.round((model.share ?? 0) * SHARE_STEPS);

        setAttribute(this.element, 'data-tone', model.tone);
        setAttribute(this.element, 'data-alert', alert?.priority ?? null);
        this.value.set(model.value);
        this.unit.set(model.unit);
        this.note.set(model.note);
        this.share.set(model.share === null ? '' : `${numberText(model.share * 100, 0)} %`);
        setAttribute(this.share.element, 'title', model.share === null ? null : text('share'));
        if (step !== this.#step) {
            this.#step = step;
            this.share.element.style.setProperty('--share', String(step / SHARE_STEPS));
        }
    }
}

/** The trends of all rows, over the rows. */
class Sparks {
    element = drawing('svg', { class: 'sparks', 'aria-hidden': 'true' });
    #limits = drawing('path', { class: 'limits' });
    #now = drawing('path', { class: 'now' });
    /** @type {{trend: Element, fan: Element, middle: Element}[]} */
    #lines = [];

    /** @param {Row[]} rows */
    rows(rows) {
        this.#lines = rows.map(() => ({
            fan: drawing('path', { class: 'fan' }),
            trend: drawing('path', { class: 'trend' }),
            middle: drawing('path', { class: 'middle' }),
        }));
        this.element.replaceChildren(
            this.#limits,
            this.#now,
            ...this.#lines.map((line, i) =>
                drawing('g', { class: `channel-${rows[i].id}` }, ...Object.values(line)),
            ),
        );
    }

    /** @param {ReturnType<typeof sparkPaths>} paths */
    set({ limits, now, lines }) {
        setAttribute(this.#limits, 'd', limits);
        setAttribute(this.#now, 'd', now);
        lines.forEach((line, i) => {
            for (const part of /** @type {const} */ (['trend', 'fan', 'middle']))
                setAttribute(this.#lines[i][part], 'd', line[part]);
        });
    }
}

/** How large the trends are: the same for all tiles, so it is measured once and not in each. */
export class SparkBox {
    width = 0;
    /** Height of a row. */
    row = 0;

    /** To be measured anew: the list has another size. */
    forget() {
        this.width = 0;
    }

    /** @param {Element} sparks  of a tile in the document  @param {number} rows */
    measure(sparks, rows) {
        if (this.width > 0 || rows === 0) return;
        const { width, height } = sparks.getBoundingClientRect();

        this.width = width;
        this.row = height / rows;
    }
}

export class TileBody {
    #app;
    #box;
    #notice = new Field(make('span', { class: 'notice' }));
    #age = new Field(make('span', { class: 'age' }));
    #score = new Field(make('span', { class: 'score' }));
    #anomaly = new Field(make('span', { class: 'anomaly', title: text('anomaly_title') }));
    #button = make('span', { class: 'side' });
    #strip = make('div', { class: 'strip' });
    #vitals = make('ul', { class: 'vitals' });
    #sparks = new Sparks();
    #head;
    #parts;
    /** @type {RowLine[]} */
    #lines = [];
    /** @type {string} what the strip shows */
    #shown = '-';
    #drawn_ms = -Infinity;

    /** @param {import('./app.js').App} app  @param {SparkBox} box */
    constructor(app, box) {
        this.#app = app;
        this.#box = box;
        this.#head = [this.#age.element, this.#notice.element, this.#button];
        this.#parts = [
            this.#strip,
            make('div', { class: 'chart' }, this.#vitals, this.#sparks.element),
            make('div', { class: 'foot' }, this.#score.element, this.#anomaly.element),
        ];
    }

    /** Goes into a tile, which shows another bed than before.
     * @param {HTMLElement} inside  @param {HTMLElement} head  of the tile */
    enter(inside, head) {
        this.redraw();
        head.append(...this.#head);
        inside.append(...this.#parts);
    }

    /** Out of its tile. */
    leave() {
        for (const part of [...this.#head, ...this.#parts]) part.remove();
    }

    /** Its trends are drawn anew with the next turn: colours or values changed. */
    redraw() {
        this.#drawn_ms = -Infinity;
    }

    /** The rows of what was seen of the bed. @param {Bed} bed  @returns {Row[]} */
    rowsFor(bed) {
        const rows = seenRows(this.#app.state.rows, bed);

        if (rows.length !== this.#lines.length || rows.some((row, i) => row !== this.#lines[i].row)) {
            this.#lines = rows.map((row) => new RowLine(row));
            this.#vitals.replaceChildren(...this.#lines.map((line) => line.element));
            this.#sparks.rows(rows);
            this.redraw();
        }
        return rows;
    }

    /** @param {Bed} bed  @param {import('./tilemodel.js').TileModel} model  with the rows of rowsFor()
     * @param {readonly Alert[]} alerts  @param {HTMLElement} link  of the tile */
    paint(bed, model, alerts, link) {
        this.#notice.set(model.notice);
        setHidden(this.#notice.element, model.calm);
        this.#age.set(model.calm ? model.age : '');
        this.#score.set(model.score);
        setAttribute(this.#score.element, 'title', model.scoreTitle || null);
        this.#anomaly.set(model.anomaly);
        setAttribute(this.#anomaly.element, 'data-unusual', String(model.unusual));
        model.rows.forEach((row, i) => this.#lines[i].set(row, this.#alertOf(this.#lines[i].row, alerts)));
        this.#paintAlert(bed, alerts, model.calm, link);
    }

    /** The most urgent alert about a row. @param {Row} row  @param {readonly Alert[]} alerts */
    #alertOf({ parts }, alerts) {
        const { channels } = this.#app.state.session;

        return alerts.find((alert) => parts.some((c) => c >= 0 && channels[c].name === alert.channel));
    }

    /** @param {Bed} bed  @param {readonly Alert[]} alerts  @param {boolean} calm
     * @param {HTMLElement} link */
    #paintAlert(bed, alerts, calm, link) {
        const top = alerts[0];
        const state = top ? signalText(top) : '';
        const shown = top
            ? [top.event_id, state, alerts.length, this.#app.mayAcknowledge].join(' ')
            : calm
              ? String(this.#app.state.alertsKnown)
              : '';

        if (shown === this.#shown) return;
        this.#shown = shown;
        const had = this.#button.contains(document.activeElement);
        const can = top && this.#app.mayAcknowledge && isEnabled(top);

        this.#button.replaceChildren(
            ...(can ? [acknowledgeButton(top, () => this.#app.openDialog(top.episode_id))] : []),
        );
        this.#strip.replaceChildren(...this.#stripParts(bed, alerts, state, calm));
        if (had) (this.#button.querySelector('button') ?? link).focus();
    }

    /** @param {Bed} bed  @param {readonly Alert[]} alerts  @param {string} state  @param {boolean} calm
     * @returns {Node[]} */
    #stripParts({ key }, alerts, state, calm) {
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
                      href: `#/bed/${key}`,
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

    /** Draws the trends when they are due. @param {Bed} bed  @param {number} local_ms */
    paintSparks(bed, local_ms) {
        const { state } = this.#app;
        const trend = state.trends.get(bed.key);

        if (local_ms - this.#drawn_ms <= SPARK_EVERY_MS) return;
        this.#box.measure(this.#sparks.element, this.#lines.length);
        if (!trend || this.#box.width === 0) return;
        const lines = this.#lines.map(({ row }) => sparkLine(row, bed, state.session, trend.lines[row.line]));

        this.#sparks.set(sparkPaths(lines, this.#box.width, this.#box.row * lines.length));
        this.#drawn_ms = local_ms;
    }
}
