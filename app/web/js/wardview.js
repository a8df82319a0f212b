/* wardview.js - the ward: a tile for each bed, those at risk first.
 *
 * Tiles are sorted when nobody points at them or has the keyboard in them (order.js); a new order that
 * waits is told by a button that takes it. */
/** @typedef {import('../types').Priority} Priority */
import { Field, make, setAttribute, setHidden } from './dom.js';
import { priorityIcon } from './icons.js';
import { text } from './language.js';
import { Order } from './order.js';
import { Ranking } from './ranking.js';
import { PRIORITIES } from './risk.js';
import { TileList } from './tilelist.js';

const SORT_EVERY_MS = 1000;
const TOUCH_HOLD_MS = 2000;

export class WardView {
    /** To the painter: making and moving tiles comes first, and takes a frame. */
    visible = true;
    cost = Infinity;
    #app;
    #order = new Order();
    #ranking = new Ranking();
    #list;
    #empty = make('p', { class: 'empty', text: text('no_beds') });
    #hidden = new Field(make('span', { class: 'muted' }));
    #sort;
    /** @type {Map<string, {button: HTMLButtonElement, count: Field}>} */
    #filters = new Map();
    #sorted_ms = -Infinity;
    /** Somebody has asked for the order that waits. */
    #asked = false;
    #touched = 0;

    /** @param {import('./app.js').App} app */
    constructor(app) {
        this.#app = app;
        this.#list = new TileList(app);
        this.#sort = make(
            'button',
            { type: 'button', class: 'sort', click: () => this.#sortNow() },
            make('span', { text: `${text('order_pending')}: ` }),
            make('strong', { text: text('sort_now') }),
        );
        this.#sort.disabled = true;
        this.element = make(
            'section',
            { 'aria-labelledby': 'ward-title' },
            make('h1', { id: 'ward-title', class: 'hidden', text: text('ward_view') }),
            make(
                'div',
                { class: 'toolbar' },
                this.#wardChoice(),
                this.#priorityChoice(),
                this.#hidden.element,
                this.#sort,
                make('span', { class: 'legend muted', text: text('legend') }),
            ),
            this.#empty,
            this.#list.element,
        );
        this.#watchHands();
        this.update();
    }

    close() {
        this.#list.close();
        this.#app.painter.forget(this);
    }

    #wardChoice() {
        const select = make(
            'select',
            {
                change: () => {
                    this.#app.filter.ward = select.value;
                    this.#sortNow(true);
                },
            },
            make('option', { value: '', text: text('all_wards') }),
        );

        for (const { name, title } of this.#app.state.wards())
            select.append(
                make('option', { value: name, text: title, selected: name === this.#app.filter.ward }),
            );
        return make('label', {}, make('span', { class: 'hidden', text: text('ward') }), select);
    }

    #priorityChoice() {
        const group = make('div', { class: 'filters', role: 'group', 'aria-label': text('filter') });

        for (const level of ['', ...PRIORITIES.slice(0, 3)]) {
            const count = new Field(make('span', { class: 'count' }));
            const button = make(
                'button',
                { type: 'button', click: () => this.#choose(level) },
                level ? priorityIcon(/** @type {Priority} */ (level)) : null,
                make('span', { text: level ? text(level) : text('all') }),
                ' ',
                count.element,
            );

            this.#filters.set(level, { button, count });
            group.append(button);
        }
        return group;
    }

    /** @param {string} level */
    #choose(level) {
        this.#app.filter.priority = level;
        this.#sortNow(true);
    }

    /** While somebody points at a tile, has the keyboard in one or has just touched one, none moves. */
    #watchHands() {
        const list = this.#list.element;

        list.addEventListener(
            'pointerenter',
            (event) => event.pointerType !== 'touch' && this.#order.hold('pointer', true),
        );
        list.addEventListener('pointerleave', () => this.#release('pointer'));
        list.addEventListener('focusin', () => this.#order.hold('focus', true));
        list.addEventListener('focusout', (event) => {
            const left = event.target && this.#list.tileAt(event.target);

            if (left) this.#app.painter.ask(left); // it may be far from the view
            if (!list.contains(/** @type {Node | null} */ (event.relatedTarget))) this.#release('focus');
        });
        list.addEventListener(
            'touchstart',
            () => {
                window.clearTimeout(this.#touched);
                this.#order.hold('touch', true);
                this.#touched = window.setTimeout(() => this.#release('touch'), TOUCH_HOLD_MS);
            },
            { passive: true },
        );
        list.addEventListener('keydown', (event) => this.#key(event));
    }

    /** @param {string} who */
    #release(who) {
        this.#order.hold(who, false);
        this.#sortSoon();
    }

    /** Arrows go from tile to tile. @param {KeyboardEvent} event */
    #key(event) {
        const across = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
        const along = { ArrowDown: 1, ArrowUp: -1 }[event.key];

        if (event.altKey || event.ctrlKey || event.metaKey) return;
        if (across === undefined && along === undefined) return;
        event.preventDefault();
        this.#list.linkFromHere(across ?? (along ?? 0) * this.#list.columns)?.focus();
    }

    /** @param {boolean} [anew]  the filter has changed: the order is another whatever holds it */
    #sortNow(anew = false) {
        if (anew) {
            this.#order = this.#renewed();
            this.#list.place(this.#order.shown);
        }
        this.#asked = true;
        this.#sortSoon();
    }

    #sortWhenDue() {
        if (performance.now() - this.#sorted_ms >= SORT_EVERY_MS) this.#app.painter.ask(this);
    }

    #sortSoon() {
        this.#app.painter.ask(this);
    }

    #renewed() {
        const order = new Order();

        order.shown = this.#order.shown.filter((key) => this.#passes(key));
        return order;
    }

    /** Something of the state has changed.
     * @param {{beds?: Set<string>, alerts?: Set<string>}} [changes]  nothing: everything */
    update(changes) {
        this.#list.update(changes && [...(changes.beds ?? []), ...(changes.alerts ?? [])]);
        this.#sortWhenDue();
    }

    /** Ages have grown. */
    tick() {
        this.#list.tick();
        this.#sortWhenDue();
    }

    redraw() {
        this.#list.redraw();
    }

    /** Holds the order, as while a dialog is open. @param {boolean} on */
    hold(on) {
        if (on) this.#order.hold('dialog', true);
        else this.#release('dialog');
    }

    /** Puts the focus on a tile, after a dialog about it. @param {string} key */
    focus(key) {
        this.#list.linkOf(key)?.focus();
    }

    paint() {
        const now_ms = performance.now();

        this.#sorted_ms = now_ms;
        if (!this.#arrange(this.#wanted(now_ms))) requestAnimationFrame(() => this.#sortSoon());
        this.#list.fitRows();
        this.#count();
    }

    /** @param {string[]} wanted  @returns {boolean} whether all is as it should be; if not, it goes on
     *     with the next frame */
    #arrange(wanted) {
        const free = this.#asked || !this.#order.held;

        if (free && !this.#list.prepare(wanted)) return false;
        this.#order.propose(wanted);
        if (this.#asked) this.#order.take();
        this.#asked = false;
        this.#sort.disabled = this.#order.pending === null;
        return this.#list.place(this.#order.shown);
    }

    #count() {
        const { beds } = this.#app.state;
        const counts = this.#app.state.counts();
        const hidden = beds.size - this.#order.shown.length;

        for (const [level, { button, count }] of this.#filters) {
            count.set(String(level ? counts[level] : beds.size));
            setAttribute(button, 'aria-pressed', String(level === this.#app.filter.priority));
        }
        this.#hidden.set(hidden > 0 ? text('hidden_beds', { n: hidden }) : '');
        setHidden(this.#empty, beds.size > 0);
    }

    /** @param {string} key */
    #passes(key) {
        const { state, filter } = this.#app;
        const bed = state.beds.get(key);

        return (
            bed !== undefined &&
            (!filter.ward || bed.ward === filter.ward) &&
            (!filter.priority || state.alertsOf(key).some((alert) => alert.priority === filter.priority))
        );
    }

    /** @param {number} now_ms  @returns {string[]} keys of the beds that pass the filter, those at risk first */
    #wanted(now_ms) {
        const { state } = this.#app;
        const beds = [...state.beds.values()].filter((bed) => this.#passes(bed.key));

        return this.#ranking.order(beds, (key) => state.alertsOf(key), now_ms);
    }
}
