/* tile.js - the tile of a bed in the list: its name and its most urgent alert, always; all else only near the view.
 *
 * A ward may have hundreds of beds, of which a screen shows some thirty. Far from the view a tile is bare: a box
 * of the same height with the name of the bed and what its alert is, so that it can be found, reached by keyboard and read
 * out, and with no value that could be old. It never says that all is well ("calm"). What it shows near the view
 * is taken from the state when it is drawn. */
/** @typedef {import('./tilebody.js').TileBody} TileBody */
import { Field, make, setAttribute } from './dom.js';
import { text } from './language.js';
import { isEnabled } from './risk.js';
import { tileModel } from './tilemodel.js';

/** Bodies that no tile needs just now.
 * @typedef {{take: () => TileBody, give: (body: TileBody) => void}} Bodies */

export class Tile {
    /** To the painter: it is in view, or about to be, and comes first. */
    visible = false;
    /** In view, or so near that it will be with the next turn of a wheel: it holds all. */
    near = false;
    /** performance.now() when it was drawn last. */
    painted_ms = -Infinity;
    #app;
    #bodies;
    #name;
    #brief = new Field(make('p', { class: 'brief' }));
    #head;
    #inside;
    /** @type {TileBody | null} */
    #body = null;

    /** @param {import('./app.js').App} app  @param {string} key  @param {Bodies} bodies */
    constructor(app, key, bodies) {
        this.key = key;
        this.link = make('a', { href: `#/bed/${key}` });
        this.#app = app;
        this.#bodies = bodies;
        this.#name = new Field(this.link);
        this.#head = make('div', { class: 'head' }, make('h2', {}, this.link));
        this.#inside = make('div', { class: 'inside' }, this.#head, this.#brief.element);
        this.element = make(
            'li',
            { class: 'tile', 'data-key': key, 'data-calm': 'false', 'data-bare': true },
            this.#inside,
        );
        this.paintOutside();
    }

    /** To the painter: a body that comes into a tile is laid out whole. */
    get cost() {
        return this.bare ? 5 : 1;
    }

    get bare() {
        return this.#body === null;
    }

    /** Whether it needs a body: what has the keyboard keeps it, wherever it is. */
    get #wanted() {
        return this.near || (!this.bare && this.element.contains(document.activeElement));
    }

    redraw() {
        this.#body?.redraw();
    }

    /** What it says wherever it is. It changes seldom, and costs next to nothing when it has not. */
    paintOutside() {
        const { state } = this.#app;
        const bed = state.beds.get(this.key);
        const top = state.alertsOf(this.key)[0];

        if (bed) this.#name.set(bed.bed || bed.patient);
        setAttribute(this.element, 'data-level', top ? top.priority : null);
        setAttribute(this.element, 'data-signal', top ? (isEnabled(top) ? 'enabled' : 'taken') : null);
        this.#brief.set(top ? `${text(top.priority)}: ${top.title}` : '…');
    }

    /** Brings it up to date; makes it bare when it went out of view. */
    paint() {
        const { state, link } = this.#app;
        const bed = state.beds.get(this.key);
        const local_ms = performance.now();

        if (!bed) return;
        this.paintOutside();
        if (!this.#wanted) {
            this.empty();
            return;
        }
        const body = this.#body ?? this.#fill();
        const model = tileModel(
            bed,
            body.rowsFor(bed),
            state.session,
            link.state,
            this.#app.silent_s(local_ms),
            state.now(local_ms),
        );

        body.paint(bed, model, state.alertsOf(this.key), this.link);
        setAttribute(this.element, 'data-calm', String(model.calm));
        setAttribute(this.element, 'data-bare', null);
        body.paintSparks(bed, local_ms);
        this.painted_ms = local_ms;
    }

    #fill() {
        this.#body = this.#bodies.take();
        this.#body.enter(this.#inside, this.#head);
        return this.#body;
    }

    /** Gives its body away, unless the keyboard is in it. */
    empty() {
        if (!this.#body || this.#wanted) return;
        this.#body.leave();
        this.#bodies.give(this.#body);
        this.#body = null;
        setAttribute(this.element, 'data-calm', 'false');
        setAttribute(this.element, 'data-bare', '');
    }

    /** Out of the list, for good. */
    remove() {
        this.near = this.visible = false;
        this.element.remove();
        this.empty();
    }
}
