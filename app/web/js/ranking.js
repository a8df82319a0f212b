/* ranking.js - the order that the beds of the ward should have.
 *
 * A new alert or another score changes the place of a bed at once. Anomaly scores change with each row, by next to
 * nothing: a ward that followed them would never stand still, and nobody could find a bed again. So for the order they are
 * looked at now and then only; the tiles show what they are. */
/** @typedef {import('../types').Alert} Alert */
/** @typedef {import('../types').Bed} Bed */
import { compareRisk, riskOf } from './risk.js';

export const ANOMALY_EVERY_MS = 15000;

export class Ranking {
    /** @type {Map<string, number>} by bed: what it is sorted by */
    #anomaly = new Map();
    #looked_ms = -Infinity;

    /** @param {Bed[]} beds  @param {(key: string) => readonly Alert[]} alertsOf  the most urgent first
     * @param {number} now_ms  @returns {string[]} keys, those at risk first */
    order(beds, alertsOf, now_ms) {
        if (now_ms - this.#looked_ms >= ANOMALY_EVERY_MS) {
            this.#looked_ms = now_ms;
            this.#anomaly.clear();
        }
        return beds
            .map((bed) => ({ key: bed.key, risk: this.#riskOf(bed, alertsOf(bed.key)[0] ?? null) }))
            .sort((a, b) => compareRisk(a.risk, b.risk))
            .map(({ key }) => key);
    }

    /** @param {Bed} bed  @param {Alert | null} top */
    #riskOf(bed, top) {
        const risk = riskOf(bed, top);
        const anomaly = this.#anomaly.get(bed.key) ?? risk.anomaly;

        this.#anomaly.set(bed.key, anomaly);
        return { ...risk, anomaly };
    }
}
