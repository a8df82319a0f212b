/* rows.js - which vital signs stand in one line of a tile.
 *
 * The pressures of one place belong together (120/80, mean 93), everything else stands alone. What is
 * noted by people comes after what is measured, and the pulse after all, as it repeats the heart rate. */
/** @typedef {import('../types').Bed} Bed */
/** @typedef {import('../types').Channel} Channel */
/** @typedef {import('../types').Row} Row */

/** As many stand in a tile at most. */
export const ROWS_MAX = 6;
const PART = /^(.*)_(sys|dia|mean)$/;
/** Names that would not fit in a line. @type {Record<string, string>} */
const SHORT = { temp: 'Temp', acvpu: 'ACVPU', oxygen: 'O2', cap_refill: 'Refill', resp_effort: 'Effort' };

/** @param {Channel[]} channels  @returns {Row[]} */
export function rowsOf(channels) {
    /** @type {Map<string, Row>} */
    const rows = new Map();

    channels.forEach((channel, index) => {
        const match = PART.exec(channel.name);

        if (!match) {
            rows.set(channel.name, {
                id: channel.name,
                label: SHORT[channel.name] ?? channel.label,
                unit: channel.unit,
                parts: [index],
                line: index,
            });
            return;
        }
        const [, id, part] = match;
        const row = rows.get(id) ?? {
            id,
            label: channel.label.split(' ')[0],
            unit: channel.unit,
            parts: [-1, -1, -1],
            line: index,
        };

        row.parts[['sys', 'dia', 'mean'].indexOf(part)] = index;
        if (part === 'mean' || row.line < 0) row.line = index;
        rows.set(id, row);
    });
    return [...rows.values()].sort((a, b) => Number(a.id === 'pulse') - Number(b.id === 'pulse'));
}

/** The rows of what was seen of the bed, the first few.
 * @param {Row[]} rows  @param {Bed} bed  @returns {Row[]} */
export function seenRows(rows, bed) {
    return rows.filter((row) => row.parts.some((c) => c >= 0 && bed.values[c])).slice(0, ROWS_MAX);
}
