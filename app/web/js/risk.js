/* risk.js - which alert matters most, and which bed comes first. */
/** @typedef {import('../types').Alert} Alert */
/** @typedef {import('../types').Bed} Bed */
/** @typedef {import('../types').Priority} Priority */

/** @type {Priority[]} the most urgent first */
export const PRIORITIES = ['high', 'medium', 'low', 'none'];

/** @param {Priority} priority  @returns {number} 3 for high, 0 for none */
export function rank(priority) {
    return PRIORITIES.length - 1 - Math.max(0, PRIORITIES.indexOf(priority));
}

/** Whether people are to be told of it: open, and not held back. @param {Alert} alert */
export function isTold(alert) {
    return alert.state !== 'inactive' && alert.signal?.is !== 'alarm-off' && !alert.suppressed_by;
}

/** Whether it still asks for somebody: nobody has acknowledged or paused it. @param {Alert} alert */
export function isEnabled(alert) {
    return (alert.signal?.is ?? 'enabled') === 'enabled';
}

/** The most urgent first, then those that nobody has taken, then the newest.
 * @param {Alert} a  @param {Alert} b */
export function compareAlerts(a, b) {
    return (
        rank(b.priority) - rank(a.priority) || Number(isEnabled(b)) - Number(isEnabled(a)) || b.seq - a.seq
    );
}

/** Names as people count: bed 9 before bed 10. */
const byName = new Intl.Collator('en', { numeric: true });

/** What a bed is sorted by. What is not known comes after everything that is.
 * @param {Bed} bed  @param {Alert | null} top  its most urgent alert
 * @returns {{priority: number, score: number, anomaly: number, name: string}} */
export function riskOf(bed, top) {
    return {
        priority: top ? rank(top.priority) : -1,
        score: bed.score?.total ?? -1,
        anomaly: bed.anomaly?.score ?? -1,
        name: bed.bed ?? bed.patient ?? bed.key,
    };
}

/** @param {ReturnType<typeof riskOf>} a  @param {ReturnType<typeof riskOf>} b */
export function compareRisk(a, b) {
    return (
        b.priority - a.priority ||
        b.score - a.score ||
        b.anomaly - a.anomaly ||
        byName.compare(a.name, b.name)
    );
}
