/* trend.js - the last hour of a bed, one value a minute and channel.
 *
 * The server sends it once; after that the page carries it on by itself, with the mean of the usable
 * values of each minute of log time. A minute without a usable value is NaN: a gap in the line. */
/** @typedef {import('../types').Bed} Bed */
/** @typedef {import('../types').Channel} Channel */

const MINUTES = 60;
const STEP_S = 60;
const USABLE = new Set(['good', 'suspect']);

/** @param {string} quality  @returns {boolean} whether it is a measurement, as limits take it */
export function isUsable(quality) {
    return USABLE.has(quality);
}

export class Trend {
    /** Log time at which the newest step begins, in ms; NaN before the first. */
    newest = NaN;
    step_ms = STEP_S * 1000;
    /** @type {Float32Array[]} [channel][step], the newest last */
    lines;
    #sum;
    #count;

    /** @param {number} channels */
    constructor(channels) {
        this.lines = Array.from({ length: channels }, () => new Float32Array(MINUTES).fill(NaN));
        this.#sum = new Float64Array(channels);
        this.#count = new Float64Array(channels);
    }

    /** Takes what the server kept. @param {NonNullable<Bed['trend']>} trend  @param {Channel[]} channels */
    load(trend, channels) {
        let steps = 0;

        this.step_ms = trend.step_s * 1000;
        for (const { name } of channels)
            steps = Math.max(steps, /** @type {unknown[]} */ (trend[name] ?? []).length);
        if (steps === 0) return;
        this.newest = trend.from + (steps - 1) * this.step_ms;
        channels.forEach(({ name }, c) => {
            const values = /** @type {(number | null)[]} */ (trend[name] ?? []);
            const line = this.lines[c].fill(NaN);

            for (let back = 0; back < Math.min(MINUTES, values.length); back++)
                line[MINUTES - 1 - back - (steps - values.length)] = values[values.length - 1 - back] ?? NaN;
            this.#restart(c, line[MINUTES - 1]);
        });
    }

    /** Takes the newest values of the bed. @param {Bed} bed  @returns {boolean} whether a step began */
    add(bed) {
        if (bed.log === null || bed.log === undefined) return false;
        const step = Math.floor(bed.log / this.step_ms) * this.step_ms;
        const began = !(step <= this.newest);

        if (began) this.#shift(step);
        bed.values.forEach((value, c) => {
            if (!value || value[0] === null || !isUsable(value[1]) || c >= this.lines.length) return;
            this.#sum[c] += value[0];
            this.#count[c]++;
            this.lines[c][MINUTES - 1] = this.#sum[c] / this.#count[c];
        });
        return began;
    }

    /** Takes what the server says of a minute that is over. @param {NonNullable<Bed['minute']>} minute
     * @param {Channel[]} channels */
    take(minute, channels) {
        const back = Math.round((this.newest - minute.from) / this.step_ms);

        if (!(back >= 0 && back < MINUTES)) return;
        channels.forEach(({ name }, c) => {
            if (name in minute) this.lines[c][MINUTES - 1 - back] = minute[name] ?? NaN;
        });
    }

    /** @param {number} step */
    #shift(step) {
        const by = Number.isNaN(this.newest)
            ? MINUTES
            : Math.min(MINUTES, Math.round((step - this.newest) / this.step_ms));

        this.lines.forEach((line, c) => {
            line.copyWithin(0, by);
            line.fill(NaN, MINUTES - by);
            this.#restart(c, NaN);
        });
        this.newest = step;
    }

    /** @param {number} c  @param {number} mean  of the part of the step that is over */
    #restart(c, mean) {
        this.#sum[c] = Number.isNaN(mean) ? 0 : mean;
        this.#count[c] = Number.isNaN(mean) ? 0 : 1;
    }
}
