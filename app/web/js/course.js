/* course.js - turns the history of a bed into the columns that its charts draw.
 *
 * All columns of a chart share one axis of time, in seconds, at the steps of the history and on to
 * where the forecasts reach. A forecast stands at the time it is about, not at which it was made: so
 * what was said beforehand lies under what came. Between two forecasts of following minutes lies a
 * straight line; a longer pause is a gap. Missing values are null, as the charts want. */
/** @typedef {import('../types').BedHistory} BedHistory */
/** @typedef {(number | null)[]} Column */

const FORECAST_PAUSE_MS = 150 * 1000;

/** @param {BedHistory} history  @param {number} horizon_s  of the forecasts that are drawn; 0: none
 * @returns {number[]} */
export function timesOf(history, horizon_s) {
    const times = [];
    const steps = history.n + Math.ceil(horizon_s / history.step_s);

    for (let i = 0; i < steps; i++) times.push(history.from / 1000 + i * history.step_s);
    return times;
}

/** A column as long as the times. @param {Column | undefined} values  @param {number} length
 * @returns {Column} */
export function padded(values, length) {
    const column = (values ?? []).slice(0, length);

    while (column.length < length) column.push(null);
    return column;
}

/** What is known of the horizons of a channel, the longest last.
 * @param {BedHistory} history  @returns {number[]} */
export function horizonsOf(history) {
    return [...new Set(history.forecasts.map((f) => f.horizon_s))].sort((a, b) => a - b);
}

/** Forecasts of one channel and horizon: lowest, middle and highest quantile at each time.
 * @param {BedHistory} history  @param {string} channel  @param {number} horizon_s
 * @param {number[]} times  @returns {[low: Column, middle: Column, high: Column]} */
export function forecastColumns(history, channel, horizon_s, times) {
    const made = history.forecasts
        .filter(
            (f) => f.channel === channel && f.horizon_s === horizon_s && f.values.every((v) => v !== null),
        )
        .sort((a, b) => a.at - b.at);
    /** @type {[Column, Column, Column]} */
    const columns = [padded([], times.length), padded([], times.length), padded([], times.length)];

    made.forEach((f, i) => {
        const next = made[i + 1];
        const about_ms = f.at + horizon_s * 1000;
        const joined = next !== undefined && next.at - f.at <= FORECAST_PAUSE_MS;
        const first = Math.ceil((about_ms / 1000 - times[0]) / history.step_s);
        const last = joined ? (next.at / 1000 + horizon_s - times[0]) / history.step_s : first;

        for (let at = Math.max(0, first); at <= last && at < times.length; at++) {
            const part = joined ? (times[at] * 1000 - about_ms) / (next.at - f.at) : 0;

            columns.forEach((column, q) => {
                const from = /** @type {number} */ (f.values[Math.min(q, f.values.length - 1)]);
                const to = joined
                    ? /** @type {number} */ (next.values[Math.min(q, next.values.length - 1)])
                    : from;

                column[at] = from + (to - from) * Math.min(1, Math.max(0, part));
            });
        }
    });
    return columns;
}

/** Lays the newest forecast of a bed over the columns, from now on: straight lines from the newest value
 *  to each horizon. What was said before about times to come is of no use any more.
 * @param {[Column, Column, Column]} columns  as forecastColumns() gives them, changed here
 * @param {number[]} times  @param {number} at_s  when it was made  @param {number[]} horizons_s
 * @param {(number | null)[][] | null} values  quantiles of each horizon; null: there is none
 * @param {number | null} newest  value at that time */
export function layFan(columns, times, at_s, horizons_s, values, newest) {
    const corners = [
        { at: at_s, quantiles: [newest, newest, newest] },
        ...(values ?? []).map((quantiles, h) => ({ at: at_s + horizons_s[h], quantiles })),
    ].filter(({ quantiles }) => quantiles.every((v) => v !== null));

    times.forEach((time, i) => {
        if (time <= at_s) return;
        const next = corners.findIndex((corner) => corner.at >= time);
        const [a, b] = [corners[next - 1], corners[next]];

        columns.forEach((column, q) => {
            if (!a || !b) {
                column[i] = null;
                return;
            }
            const from = /** @type {number} */ (a.quantiles[Math.min(q, a.quantiles.length - 1)]);
            const to = /** @type {number} */ (b.quantiles[Math.min(q, b.quantiles.length - 1)]);

            column[i] = from + ((to - from) * (time - a.at)) / (b.at - a.at);
        });
    });
}

/** The times of an episode in seconds; one that is open lasts until `now_s`.
 * @param {import('../types').Alert} alert  @param {number} now_s  @returns {[number, number]} */
export function spanOf(alert, now_s) {
    const from = Date.parse(alert.onset) / 1000;

    return [
        from,
        alert.state === 'inactive' ? Math.max(from, Date.parse(alert.time) / 1000) : Math.max(from, now_s),
    ];
}
