/* seen.js - which events were given out: drops those that come from two instances, or from a new
 * outbox. A Set keeps the order in which its members came. */
const SEEN_MAX = 1 << 16;

export class Seen {
    #ids = new Set();

    /** False when it was added before and is among the newest SEEN_MAX. */
    add(eventId) {
        if (this.#ids.has(eventId))
            return false;
        if (this.#ids.size === SEEN_MAX)
            this.#ids.delete(this.#ids.values().next().value);
        this.#ids.add(eventId);
        return true;
    }
}
