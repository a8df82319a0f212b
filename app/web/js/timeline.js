/* timeline.js - the alerts of the last hours as bars, a lane for each bed. */
/** @typedef {import('../types').Alert} Alert */
/** @typedef {{alert: Alert, from: number, to: number}} Bar  from, to: 0 to 1 of the time shown */
import { spanOf } from './course.js';
import { rank } from './risk.js';

const byName = new Intl.Collator('en', { numeric: true });

/** @param {Alert[]} alerts  the newest event of each episode  @param {number} from_ms  @param {number} to_ms
 * @returns {{name: string, key: string | null, bars: Bar[]}[]} lanes by name; in each the most
 *     urgent bars last, so that they are drawn over the others */
export function lanesOf(alerts, from_ms, to_ms) {
    /** @type {Map<string, {name: string, key: string | null, bars: Bar[]}>} */
    const lanes = new Map();

    for (const alert of alerts) {
        const [from_s, end_s] = spanOf(alert, to_ms / 1000);
        const name = alert.bed ?? alert.patient ?? '';

        if (end_s * 1000 < from_ms || from_s * 1000 > to_ms || alert.suppressed_by) continue;
        /** @param {number} s */
        const place = (s) => Math.min(1, Math.max(0, (s * 1000 - from_ms) / (to_ms - from_ms)));
        const lane = lanes.get(name) ?? { name, key: alert.key, bars: [] };

        lane.bars.push({ alert, from: place(from_s), to: place(end_s) });
        lanes.set(name, lane);
    }
    for (const lane of lanes.values())
        lane.bars.sort((a, b) => rank(a.alert.priority) - rank(b.alert.priority));
    return [...lanes.values()].sort((a, b) => byName.compare(a.name, b.name));
}
