/* banner.js - the strip that says that what is shown is not current, or not complete.
 *
 * It is an alert to screen readers, so it is written when the words change and not with every second:
 * the age is in a part of its own that they do not follow. */
/** @typedef {import('../types').LinkState} LinkState */
import { byId, Field, make, setAttribute, setHidden } from './dom.js';
import { ageText, clockText, text } from './language.js';

/** Rows that were lost are told of for so long after the last one. After that the gap they left is in the
 *  trends, and their number in the history. */
const LOST_TOLD_MS = 5 * 60 * 1000;

/** "57 rows did not reach this page, the last at 12:04:10"; '' for none.
 * @param {import('../types').Heart | null} heart */
export function lostText(heart) {
    return heart && heart.lost > 0
        ? text('lost_rows', { n: heart.lost, time: clockText(heart.lost_at ?? heart.now) })
        : '';
}

/** What there is to say, the worst alone; '' for nothing. `{age}` stands for how long it has lasted.
 * @param {LinkState} link  @param {import('../types').Heart | null} heart  @param {number} now_ms  of the server
 * @returns {{level: 'bad' | 'doubt' | '', words: string}} */
export function bannerOf(link, heart, now_ms) {
    if (link === 'lost' || link === 'refused') return { level: 'bad', words: text('lost', { age: '{age}' }) };
    if (link === 'stalled') return { level: 'bad', words: text('stalled') };
    if (link === 'connecting') return { level: 'doubt', words: text('connecting') };
    const said = [];

    if (heart && !heart.ready)
        said.push(text('not_ready', { reasons: heart.reasons?.join('; ') || heart.state }));
    if (heart?.alerts_known === false) said.push(text('alerts_unknown'));
    if (heart && heart.left_out > 0) said.push(text('left_out', { n: heart.left_out }));
    if (heart && heart.lost > 0 && now_ms - (heart.lost_at ?? now_ms) <= LOST_TOLD_MS)
        said.push(lostText(heart));
    return { level: said.length > 0 ? 'doubt' : '', words: said.join(' · ') };
}

export class Banner {
    #element = byId('banner');
    #words = new Field(make('span'));
    #rest = new Field(make('span'));
    #age = new Field(make('span', { 'aria-hidden': 'true' }));

    constructor() {
        this.#element.replaceChildren(this.#words.element, this.#age.element, this.#rest.element);
    }

    /** @param {LinkState} link  @param {import('../types').Heart | null} heart
     * @param {number} silent_s  since something last came  @param {number} now_ms  of the server */
    update(link, heart, silent_s, now_ms) {
        const { level, words } = bannerOf(link, heart, now_ms);
        const [before, after] = words.split('{age}');

        setHidden(this.#element, level === '');
        setAttribute(this.#element, 'data-level', level);
        this.#words.set(before);
        this.#age.set(after === undefined ? '' : ageText(silent_s));
        this.#rest.set(after ?? '');
    }
}
