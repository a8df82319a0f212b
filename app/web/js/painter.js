/* painter.js - does the page's work in slices, so that it never hangs.
 *
 * What has to be drawn is asked for and done in the next animation frames, a few milliseconds in each:
 * what somebody sees first, the rest after it. A thing that is asked for twice is drawn once. When the
 * window is hidden there are no frames and nothing is drawn, which is as well. */

const BUDGET_MS = 10;
/** Each frame costs the browser a few milliseconds of its own, however little has changed: fewer frames
 *  leave more of them. */
const PAUSE_MS = 50;

/** @typedef {{visible: boolean, paint: () => void}} Paintable */

export class Painter {
    /** @type {Set<Paintable>} */
    #seen = new Set();
    /** @type {Set<Paintable>} */
    #unseen = new Set();
    #asked = false;

    /** @param {Paintable} thing */
    ask(thing) {
        (thing.visible ? this.#seen : this.#unseen).add(thing);
        this.#wake();
    }

    #wake() {
        if (this.#asked) return;
        this.#asked = true;
        window.setTimeout(() => requestAnimationFrame(() => this.#frame()), PAUSE_MS);
    }

    /** Nothing is drawn of it any more. @param {Paintable} thing */
    forget(thing) {
        this.#seen.delete(thing);
        this.#unseen.delete(thing);
    }

    #frame() {
        const until = performance.now() + BUDGET_MS;

        this.#asked = false;
        for (const things of [this.#seen, this.#unseen]) {
            for (const thing of things) {
                if (performance.now() > until) break;
                things.delete(thing);
                thing.paint();
            }
        }
        if (this.#seen.size + this.#unseen.size > 0) this.#wake();
    }
}
