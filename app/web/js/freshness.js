/* freshness.js - how old what is shown is, and when it must not be shown any more.
 *
 * No bed may look calm on old data. Two clocks count: a bed that is silent is noticed by the server's
 * clock, also when log time stands still; a value that was taken long before the newest row (a cuff
 * pressure, a probe that is off) is noticed by log time. The age of a value is the sum of both. */
/** @typedef {import('../types').Bed} Bed */
/** @typedef {import('../types').Channel} Channel */
/** @typedef {import('../types').Heart} Heart */
/** @typedef {import('../types').LinkState} LinkState */
/** @typedef {import('../types').Value} Value */

/** With looks each 250 ms the banner is there within three seconds, two hearts may be missing. */
export const LOST_MS = 2600;
const STALLED_S = 5;
const STALE_S = 10;
const VALIDITY_S = 15;

/** What the connection is worth.
 * @param {number | null} heard_ms  when something last came, by the page's clock; null: never
 * @param {number} started_ms  when the connection was tried first
 * @param {number} now_ms  @param {Heart | null} heart  the newest
 * @returns {LinkState} */
export function linkState(heard_ms, started_ms, now_ms, heart) {
    if (now_ms - (heard_ms ?? started_ms) > LOST_MS) return 'lost';
    if (heard_ms === null) return 'connecting';
    const hangs = heart?.partitions?.some((p) => (p.mark_age_s ?? 0) > STALLED_S);

    return heart && (heart.stalled || hangs) ? 'stalled' : 'live';
}

/** @param {Bed} bed  @param {number} now_ms  of the server
 * @returns {number | null} seconds since a row of the bed came; null: none has come yet */
export function silence(bed, now_ms) {
    return bed.seen === null || bed.seen === undefined ? null : Math.max(0, (now_ms - bed.seen) / 1000);
}

/** @param {Bed} bed  @param {number} now_ms  @param {number | undefined} stale_s  @returns {boolean} */
export function isSilent(bed, now_ms, stale_s) {
    const s = silence(bed, now_ms);

    return s === null || s > (stale_s ?? STALE_S);
}

/** @param {Value} value  @param {Bed} bed  @param {number} now_ms
 * @returns {number | null} seconds since it was taken; null when nobody knows */
export function ageOf(value, bed, now_ms) {
    if (value[3] === null || value[3] === undefined || bed.log === null) return null;
    return Math.max(0, (bed.log - value[3]) / 1000) + (silence(bed, now_ms) ?? 0);
}

/** @param {Value} value  @param {Channel} channel  @param {number | null} age_s
 * @returns {boolean} whether the value still speaks for the patient */
export function speaks(value, channel, age_s) {
    return (
        value[0] !== null &&
        value[1] !== 'missing' &&
        value[1] !== 'invalid' &&
        value[1] !== 'absent' &&
        age_s !== null &&
        age_s <= (channel.validity_s ?? VALIDITY_S)
    );
}
