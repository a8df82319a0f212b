/* order.js - the order in which tiles are shown, and when it may change.
 *
 * What somebody points at, or has reached by keyboard, must not move away: a click would acknowledge
 * the alert of another bed. So while the list is held a new order only waits; it is taken when
 * nothing holds the list any more, or when somebody asks for it. */

/** @template T  @param {T[]} a  @param {T[]} b  @returns {boolean} */
export function same(a, b) {
    return a.length === b.length && a.every((key, i) => key === b[i]);
}

export class Order {
    /** @type {string[]} what is shown */
    shown = [];
    /** @type {string[] | null} what should be shown, when that is something else */
    pending = null;
    /** @type {Set<string>} why the list is held: 'pointer', 'focus', 'dialog' */
    #holders = new Set();

    get held() {
        return this.#holders.size > 0;
    }

    /** Takes the order that the beds should have now. What is new is shown at the end at once, also
     *  while the list is held: a bed must not be hidden because somebody points at another.
     * @param {string[]} keys  @returns {boolean} whether `shown` has changed */
    propose(keys) {
        if (same(keys, this.shown)) {
            this.pending = null;
            return false;
        }
        if (!this.held) {
            this.shown = keys;
            this.pending = null;
            return true;
        }
        const added = keys.filter((key) => !this.shown.includes(key));
        const kept = [...this.shown, ...added];

        this.pending = same(keys, kept) ? null : keys;
        this.shown = kept;
        return added.length > 0;
    }

    /** @param {string} who  @param {boolean} on */
    hold(who, on) {
        if (on) this.#holders.add(who);
        else this.#holders.delete(who);
    }

    /** Takes the order that waits, held or not. @returns {boolean} whether `shown` has changed */
    take() {
        if (!this.pending) return false;
        this.shown = this.pending;
        this.pending = null;
        return true;
    }
}
