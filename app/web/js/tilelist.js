/* tilelist.js - the list of the tiles: which there are, in which order, and which of them hold what is shown.
 *
 * Each bed has its tile in the list, but only those near the view have a body (tile.js). A new order is taken
 * when what it brings into view is drawn. Tiles are made and drawn in slices. */
import { make } from './dom.js';
import { staying } from './moves.js';
import { same } from './order.js';
import { ROWS_MAX, seenRows } from './rows.js';
import { SparkBox, TileBody } from './tilebody.js';
import { Tile } from './tile.js';

/** How far beyond the view tiles are drawn, of its height: more than a turn of a wheel. */
const NEAR = 0.3;
/** A tile that was drawn just now has not aged. */
const FRESH_MS = 500;
/** An order waits so long at most for what it brings into view. */
const PREPARE_MS = 300;
/** Tiles are made for so long in one frame, but at least so many, however slow the machine is. */
const MAKING_MS = 8;
const MAKING_LEAST = 10;
/** What may move in a frame: the first tiles, which are those at risk; the rest moves in the next frames. A tile
 *  with a body costs as much as several bare ones, since a browser lays out anew what has moved. */
const MOVING_MOST = 14;
const MOVING_BODY = 6;

export class TileList {
    element = make('ul', { class: 'tiles' });
    #app;
    /** @type {Map<string, Tile>} */
    #tiles = new Map();
    /** @type {string[]} keys of the tiles in the list, in its order */
    #placed = [];
    #box = new SparkBox();
    /** @type {TileBody[]} */
    #spare = [];
    /** Places in the list, first and behind the last, that are near the view, and in it. */
    #near = [0, 0];
    #seen = [0, 0];
    #columns = 1;
    #resizes = new ResizeObserver(() => this.#resized());
    #looks = () => this.#look();
    /** @type {number | null} since when an order waits for its tiles; null: none does */
    #preparing_ms = null;
    #rows = 0;

    /** @param {import('./app.js').App} app */
    constructor(app) {
        this.#app = app;
        this.#resizes.observe(this.element);
        window.addEventListener('scroll', this.#looks, { passive: true });
        window.addEventListener('resize', this.#looks, { passive: true });
    }

    close() {
        this.#resizes.disconnect();
        window.removeEventListener('scroll', this.#looks);
        window.removeEventListener('resize', this.#looks);
        for (const tile of this.#tiles.values()) this.#app.painter.forget(tile);
    }

    /** The link of a tile, which takes the focus. @param {string} key */
    linkOf(key) {
        return this.#tiles.get(key)?.link;
    }

    /** The tile that is so many further on than the one with the focus. @param {number} step
     * @returns {HTMLElement | undefined} its link */
    linkFromHere(step) {
        const here = document.activeElement && this.tileAt(document.activeElement);
        const at = here ? this.#placed.indexOf(here.key) : -1;

        return at < 0 ? undefined : this.linkOf(this.#placed[at + step] ?? '');
    }

    get columns() {
        return this.#columns;
    }

    /** How many tiles stand beside each other, and how wide they are: the style sheet wants that in pixels. */
    #measure() {
        const columns = getComputedStyle(this.element).gridTemplateColumns.split(' ');

        this.#columns = columns.length;
        this.element.style.setProperty('--column', columns[0]);
    }

    /** Sees which places are in view. Tiles have one height, so it is enough to look at the list: to ask the
     *  browser for each tile (IntersectionObserver) costs more with 500 of them than drawing those in view.
     *  What a turn of the wheel brings near is drawn in the same frame. */
    #look() {
        const { top, height } = this.element.getBoundingClientRect();
        const rows = Math.ceil(this.#placed.length / this.columns);
        const view = window.innerHeight;
        /** @param {number} beyond  pixels  @returns {[number, number]} */
        const places = (beyond) => [
            Math.floor(((-top - beyond) / height) * rows) * this.columns,
            Math.ceil(((view + beyond - top) / height) * rows) * this.columns,
        ];

        if (rows === 0 || height === 0) return;
        this.#seen = places(0);
        this.#near = places(NEAR * view);
        this.#mark();
    }

    /** Tells the tiles where they are. Those that went give their bodies away before those that came take one. */
    #mark() {
        /** @type {Tile[]} */
        const came = [];

        this.#placed.forEach((key, i) => {
            const tile = /** @type {Tile} */ (this.#tiles.get(key));
            const seen = i >= this.#seen[0] && i < this.#seen[1];

            tile.near = i >= this.#near[0] && i < this.#near[1];
            if (tile.near ? tile.bare || (seen && !tile.visible) : !tile.bare) came.push(tile);
            tile.visible = seen;
            if (!tile.near) tile.empty();
        });
        for (const tile of came) this.#app.painter.ask(tile);
    }

    /** @param {EventTarget} node  @returns {Tile | undefined} */
    tileAt(node) {
        const element = node instanceof Element ? node.closest('.tile') : null;

        return this.#tiles.get(element?.getAttribute('data-key') ?? '');
    }

    /** What is known of these beds has changed. @param {Iterable<string>} [keys]  nothing: of all */
    update(keys = this.#tiles.keys()) {
        for (const key of keys) {
            const tile = this.#tiles.get(key);

            if (tile?.bare) tile.paintOutside();
            else if (tile) this.#app.painter.ask(tile);
        }
    }

    /** Ages have grown. */
    tick() {
        const now_ms = performance.now();

        if (this.#preparing_ms === null) this.#look();
        for (const tile of this.#tiles.values()) {
            if (!tile.bare && now_ms - tile.painted_ms > FRESH_MS) this.#app.painter.ask(tile);
        }
    }

    /** Trends are drawn anew: colours have changed. */
    redraw() {
        for (const tile of this.#tiles.values()) {
            tile.redraw();
            if (!tile.bare) this.#app.painter.ask(tile);
        }
    }

    #resized() {
        this.#box.forget();
        this.#measure();
        this.#look();
        this.redraw();
    }

    /** All tiles are as high as the one with the most rows. */
    fitRows() {
        const { state } = this.#app;
        let rows = 1;

        for (const key of this.#placed) {
            const bed = state.beds.get(key);

            if (rows === ROWS_MAX) break;
            if (bed) rows = Math.max(rows, seenRows(state.rows, bed).length);
        }
        if (rows === this.#rows || this.#placed.length === 0) return;
        this.#rows = rows;
        this.element.style.setProperty('--rows', String(rows));
    }

    /** Asks for the tiles that this order will bring to where tiles are near the view now.
     * @param {string[]} keys
     * @returns {boolean} whether all are drawn, or have been waited for long enough; beds that have no tile yet
     *     are not waited for */
    prepare(keys) {
        const now_ms = performance.now();
        let ready = true;

        if (same(keys, this.#placed) || !keys.every((key) => this.#tiles.has(key))) return true;
        for (const key of keys.slice(Math.max(0, this.#near[0]), Math.max(0, this.#near[1]))) {
            const tile = /** @type {Tile} */ (this.#tiles.get(key));

            if (!tile.bare) continue;
            tile.near = tile.visible = true;
            this.#app.painter.ask(tile);
            ready = false;
        }
        this.#preparing_ms ??= now_ms;
        return ready || now_ms - this.#preparing_ms > PREPARE_MS;
    }

    /** Makes the list what `keys` says, moving as few tiles as can be. Tiles are made and moved a few in a
     *  frame, since hundreds take longer than a frame.
     * @param {string[]} keys  @returns {boolean} whether all are there; if not, call it again */
    place(keys) {
        this.#preparing_ms = null;
        if (same(keys, this.#placed)) return true;
        const wanted = new Set(keys);
        const before = this.#placed.filter((key) => wanted.has(key));

        for (const key of this.#placed) {
            if (!wanted.has(key)) this.#drop(key);
        }
        const after = this.#makeSome(keys);
        const stay = staying(before, after);
        let place = this.element.firstElementChild;
        let left = MOVING_MOST;

        for (const key of after) {
            const { bare, element } = /** @type {Tile} */ (this.#tiles.get(key));

            if (stay.has(key)) {
                place = element.nextElementSibling;
            } else if (element === place) {
                place = place.nextElementSibling;
            } else if (left > 0) {
                this.element.insertBefore(element, place);
                left -= bare ? 1 : MOVING_BODY;
            }
        }
        this.#placed = left > 0 ? after : this.#inDocument();
        this.#mark();
        return same(keys, this.#placed);
    }

    /** @returns {string[]} keys of the tiles as they stand there */
    #inDocument() {
        return Array.from(this.element.children, (tile) => tile.getAttribute('data-key') ?? '');
    }

    /** @param {string[]} keys  @returns {string[]} those of them that have a tile now */
    #makeSome(keys) {
        const until = performance.now() + MAKING_MS;
        let few = MAKING_LEAST;

        return keys.filter((key) => {
            if (this.#tiles.has(key)) return true;
            if (few-- <= 0 && performance.now() > until) return false;
            this.#make(key);
            return true;
        });
    }

    /** @param {string} key */
    #make(key) {
        const tile = new Tile(this.#app, key, {
            take: () => this.#spare.pop() ?? new TileBody(this.#app, this.#box),
            give: (body) => this.#spare.push(body),
        });

        this.#tiles.set(key, tile);
    }

    /** @param {string} key */
    #drop(key) {
        const tile = this.#tiles.get(key);

        if (!tile) return;
        this.#app.painter.forget(tile);
        tile.remove();
        this.#tiles.delete(key);
    }
}
