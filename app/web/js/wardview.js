/* wardview.js - the ward: a tile for each bed, those at risk first.
 *
 * Tiles are made and drawn in slices by the painter. They are sorted when nobody points at them or has
 * the keyboard in them (order.js); a new order that waits is told by a button that takes it. */
/** @typedef {import('../types').Priority} Priority */
import { Field, make, setAttribute, setHidden } from './dom.js';
import { priorityIcon } from './icons.js';
import { text } from './language.js';
import { staying } from './moves.js';
import { Order } from './order.js';
import { compareRisk, PRIORITIES, riskOf } from './risk.js';
import { Tile } from './tile.js';

const SORT_EVERY_MS = 1000;
const TOUCH_HOLD_MS = 2000;
/** In tiles out of view ages grow each so many seconds, in turns; what changed is there at once. */
const UNSEEN_EVERY = 5;
/** Tiles are made for so long in one frame, but at least so many, however slow the machine is. */
const MAKING_MS = 8;
const MAKING_LEAST = 10;

export class WardView {
    visible = true; // to the painter: making tiles comes first
    #app;
    #order = new Order();
    /** @type {Map<string, Tile>} */
    #tiles = new Map();
    #list = make('ul', { class: 'tiles' });
    #empty = make('p', { class: 'empty', text: text('no_beds') });
    #hidden = new Field(make('span', { class: 'muted' }));
    #sort;
    /** @type {Map<string, {button: HTMLButtonElement, count: Field}>} */
    #filters = new Map();
    #seen;
    #sorted_ms = -Infinity;
    #touched = 0;
    #ticks = 0;
    #rows = 0;

    /** @param {import('./app.js').App} app */
    constructor(app) {
        this.#app = app;
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
            this.#list,
        );
        this.#seen = new IntersectionObserver((entries) => this.#inView(entries), { rootMargin: '25% 0px' });
        this.#watchHands();
        this.update();
    }

    close() {
        this.#seen.disconnect();
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
        const list = this.#list;

        list.addEventListener(
            'pointerenter',
            (event) => event.pointerType !== 'touch' && this.#order.hold('pointer', true),
        );
        list.addEventListener('pointerleave', () => this.#release('pointer'));
        list.addEventListener('focusin', () => this.#order.hold('focus', true));
        list.addEventListener('focusout', (event) => {
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
        this.#sorted_ms = -Infinity;
        this.#app.painter.ask(this);
    }

    /** Arrows go from tile to tile. @param {KeyboardEvent} event */
    #key(event) {
        const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: this.#columns(), ArrowUp: -this.#columns() }[
            event.key
        ];
        const tiles = /** @type {HTMLElement[]} */ ([...this.#list.children]);
        const at = tiles.findIndex((tile) => tile.contains(document.activeElement));

        if (step === undefined || at < 0 || event.altKey || event.ctrlKey || event.metaKey) return;
        const to = tiles[at + step];

        event.preventDefault();
        if (to) this.#tiles.get(to.dataset.key ?? '')?.link.focus();
    }

    #columns() {
        return getComputedStyle(this.#list).gridTemplateColumns.split(' ').length;
    }

    /** @param {boolean} [anew]  the filter has changed: the order is another whatever holds it */
    #sortNow(anew = false) {
        if (anew) this.#order = this.#renewed();
        this.#order.take();
        this.#sorted_ms = -Infinity;
        this.#sync();
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
        for (const key of changes
            ? [...(changes.beds ?? []), ...(changes.alerts ?? [])]
            : this.#tiles.keys()) {
            const tile = this.#tiles.get(key);

            if (tile) this.#app.painter.ask(tile);
        }
        this.#app.painter.ask(this);
    }

    /** Ages have grown. */
    tick() {
        let at = this.#ticks++;

        for (const tile of this.#tiles.values()) {
            if (tile.visible || at++ % UNSEEN_EVERY === 0) this.#app.painter.ask(tile);
        }
        this.#app.painter.ask(this);
    }

    redraw() {
        for (const tile of this.#tiles.values()) tile.redraw();
        this.update();
    }

    /** Holds the order, as while a dialog is open. @param {boolean} on */
    hold(on) {
        if (on) this.#order.hold('dialog', true);
        else this.#release('dialog');
    }

    /** Puts the focus on a tile, after a dialog about it. @param {string} key */
    focus(key) {
        this.#tiles.get(key)?.link.focus();
    }

    paint() {
        const now = performance.now();

        if (now - this.#sorted_ms < SORT_EVERY_MS) return;
        this.#sorted_ms = now;
        this.#order.propose(this.#wanted());
        this.#sync();
        const counts = this.#app.state.counts();
        const { beds } = this.#app.state;

        for (const [level, { button, count }] of this.#filters) {
            count.set(String(level ? counts[level] : beds.size));
            setAttribute(button, 'aria-pressed', String(level === this.#app.filter.priority));
        }
        const rows = Math.max(1, ...[...this.#tiles.values()].map((tile) => tile.rows));

        if (rows !== this.#rows) {
            this.#rows = rows;
            this.#list.style.setProperty('--rows', String(rows));
        }
        const hidden = beds.size - this.#order.shown.length;

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

    /** @returns {string[]} keys of the beds that pass the filter, those at risk first */
    #wanted() {
        const { state } = this.#app;

        return [...state.beds.values()]
            .filter((bed) => this.#passes(bed.key))
            .map((bed) => ({ key: bed.key, risk: riskOf(bed, state.alertsOf(bed.key)[0] ?? null) }))
            .sort((a, b) => compareRisk(a.risk, b.risk))
            .map(({ key }) => key);
    }

    /** Makes the list what order.shown says, moving as few tiles as can be. New tiles are made a few in
     *  a frame, since making hundreds takes longer than a frame. */
    #sync() {
        const shown = this.#order.shown;
        const before = /** @type {HTMLElement[]} */ ([...this.#list.children]).map(
            (tile) => tile.dataset.key ?? '',
        );
        const stay = staying(before, shown);
        const wanted = new Set(shown);
        const until = performance.now() + MAKING_MS;
        let few = MAKING_LEAST;
        let place = this.#list.firstElementChild;
        let made = true;

        for (const key of before.filter((k) => !wanted.has(k))) this.#drop(key);
        place = this.#list.firstElementChild;
        for (const key of shown) {
            if (!this.#tiles.has(key) && few-- <= 0 && performance.now() > until) {
                made = false;
                continue;
            }
            const tile = this.#tileOf(key);

            if (stay.has(key)) {
                place = tile.element.nextElementSibling;
                continue;
            }
            if (tile.element === place) place = place.nextElementSibling;
            else this.#list.insertBefore(tile.element, place);
        }
        this.#sort.disabled = this.#order.pending === null;
        if (!made) {
            this.#sorted_ms = -Infinity;
            requestAnimationFrame(() => this.#app.painter.ask(this));
        }
    }

    /** @param {string} key */
    #tileOf(key) {
        let tile = this.#tiles.get(key);

        if (!tile) {
            tile = new Tile(this.#app, key);
            this.#tiles.set(key, tile);
            this.#seen.observe(tile.element);
            tile.paint();
        }
        return tile;
    }

    /** @param {string} key */
    #drop(key) {
        const tile = this.#tiles.get(key);

        if (!tile) return;
        this.#seen.unobserve(tile.element);
        this.#app.painter.forget(tile);
        tile.element.remove();
        this.#tiles.delete(key);
    }

    /** @param {IntersectionObserverEntry[]} entries */
    #inView(entries) {
        for (const { target, isIntersecting } of entries) {
            const tile = this.#tiles.get(/** @type {HTMLElement} */ (target).dataset.key ?? '');

            if (!tile) continue;
            this.#app.painter.forget(tile);
            tile.visible = isIntersecting;
            tile.redraw();
            this.#app.painter.ask(tile);
        }
    }
}
