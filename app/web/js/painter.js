/* painter.js - does the page's work in slices, so that it never hangs.
 *
 * What has to be drawn is asked for and done in the next animation frames, a part in each: what somebody sees
 * first, the rest after it. A thing that is asked for twice is drawn once. When the window is hidden there
 * are no frames and nothing is drawn, which is as well.
 *
 * What a thing costs is mostly style, layout and paint, which come after the script: so the painter looks how long
 * the whole frame took, and draws fewer things in the next one, or more. */

/** What a frame may take in all; the limit of the page is 50 ms. */
const FRAME_MS = 20;
/** What comes in many pieces at once is drawn together: each frame costs something, however little it changes. */
const GATHER_MS = 30;
const MANY_LEAST = 8;
const MANY_MOST = 24;

/** `cost`: of drawing it, beside a thing that costs 1; Infinity: it has a frame of its own.
 * @typedef {{visible: boolean, cost: number, paint: () => void}} Paintable */

export class Painter {
    /** @type {Set<Paintable>} */
    #seen = new Set();
    /** @type {Set<Paintable>} */
    #unseen = new Set();
    #asked = false;
    /** What the things in a frame may cost. */
    #many = MANY_LEAST;
    #began_ms = 0;
    #left = 0;
    /** A message that is sent in a frame arrives when all of the frame is done. */
    #after = new MessageChannel();

    constructor() {
        this.#after.port1.onmessage = () => this.#ended();
    }

    /** @param {Paintable} thing */
    ask(thing) {
        if (thing.visible) {
            this.#unseen.delete(thing);
            this.#seen.add(thing);
        } else if (!this.#seen.has(thing)) {
            this.#unseen.add(thing);
        }
        if (this.#asked) return;
        this.#asked = true;
        window.setTimeout(() => this.#wake(), GATHER_MS);
    }

    #wake() {
        requestAnimationFrame(() => this.#frame());
    }

    /** Nothing is drawn of it any more. @param {Paintable} thing */
    forget(thing) {
        this.#seen.delete(thing);
        this.#unseen.delete(thing);
    }

    #frame() {
        let left = this.#many;

        this.#began_ms = performance.now();
        for (const things of [this.#seen, this.#unseen]) {
            for (const thing of things) {
                if (left <= 0 || performance.now() - this.#began_ms > FRAME_MS / 2) break;
                if (thing.cost > left && left < this.#many) continue;
                left -= thing.cost;
                things.delete(thing);
                thing.paint();
            }
        }
        this.#left = left;
        this.#after.port2.postMessage(null);
    }

    #ended() {
        if (this.#left > -Infinity) this.#adapt(performance.now() - this.#began_ms);
        this.#asked = this.#seen.size + this.#unseen.size > 0;
        if (this.#asked) this.#wake();
    }

    /** @param {number} took_ms  the frame, all in all */
    #adapt(took_ms) {
        if (took_ms > FRAME_MS)
            this.#many = Math.max(MANY_LEAST, Math.floor((this.#many * FRAME_MS) / took_ms));
        else if (this.#left <= 0) this.#many = Math.min(MANY_MOST, this.#many + 1);
    }
}
