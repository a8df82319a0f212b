/* spark.js - the small trends of a tile: the last hour of each row, and its forecast, as paths of an SVG.
 *
 * Three quarters of the width are the hour, the rest the time that the forecast reaches; between them
 * is now. A minute without a value is a gap. Each line has its own scale: the limits when they are
 * near, at least a span below which a line would show noise as if it were news.
 *
 * Paths and no canvas: a browser gives each canvas a layer of its own, and one to all that lies above it, and so
 * many layers cost more in each frame than all the drawing. Colours are those of the style sheet. */
/** @typedef {import('../types').Bed} Bed */
/** @typedef {import('../types').Row} Row */
/** @typedef {import('../types').Session} Session */
import { limitsOf } from './tilemodel.js';

const HISTORY_SHARE = 0.75;
const LEAST_SPAN = { '%': 6, '/min': 20, mmHg: 30, '°C': 1 };

/** @typedef {{line: Float32Array, low: number | null, high: number | null, span: number,
 *     fan: {x: number[], low: number[], middle: number[], high: number[]} | null}} SparkLine */

/** @param {Row} row  @param {Bed} bed  @param {Session} session  @param {Float32Array} line
 * @returns {SparkLine} */
export function sparkLine(row, bed, session, line) {
    const channel = session.channels[row.line];
    const [low, high] = limitsOf(channel, bed);

    return {
        line,
        low,
        high,
        span: /** @type {Record<string, number>} */ (LEAST_SPAN)[channel.unit] ?? 4,
        fan: fanOf(channel.name, bed, session),
    };
}

/** Forecast of a channel from now (x 0) to the furthest horizon (x 1).
 * @param {string} channel  @param {Bed} bed  @param {Session} session */
function fanOf(channel, bed, session) {
    const of = session.forecast?.channels.indexOf(channel) ?? -1;
    const values = of < 0 ? null : bed.forecast?.values[of];

    if (!values || !session.forecast) return null;
    const { horizons_s, quantiles } = session.forecast;
    const furthest = horizons_s[horizons_s.length - 1];
    const middle = quantiles.reduce(
        (best, q, i) => (Math.abs(q - 0.5) < Math.abs(quantiles[best] - 0.5) ? i : best),
        0,
    );
    /** @type {{x: number[], low: number[], middle: number[], high: number[]}} */
    const fan = { x: [], low: [], middle: [], high: [] };

    values.forEach((at, h) => {
        const [first, m, last] = [at[0], at[middle], at[at.length - 1]];

        if (first === null || m === null || last === null) return;
        fan.x.push(horizons_s[h] / furthest);
        fan.low.push(first);
        fan.middle.push(m);
        fan.high.push(last);
    });
    return fan.x.length > 0 ? fan : null;
}

/** The range of values that a line is drawn in. @param {SparkLine} s
 * @returns {[number, number] | null} */
export function scaleOf({ line, low, high, span, fan }) {
    let least = Infinity;
    let most = -Infinity;

    for (const v of line) {
        if (!Number.isNaN(v)) {
            least = Math.min(least, v);
            most = Math.max(most, v);
        }
    }
    for (const v of [...(fan?.low ?? []), ...(fan?.high ?? [])]) {
        least = Math.min(least, v);
        most = Math.max(most, v);
    }
    if (least > most) return null;
    const near = Math.max(span, most - least);

    if (low !== null && least - low < near) least = Math.min(least, low);
    if (high !== null && high - most < near) most = Math.max(most, high);
    const spare = Math.max(0, span - (most - least)) / 2;

    return [least - spare, most + spare];
}

/** Texts of path data. @typedef {{trend: string, fan: string, middle: string}} SparkPaths
 *
 * @typedef {{left: number, now: number, right: number, top: number, bottom: number}} Box */

/** The lines of a tile below each other, each in a band of equal height.
 * @param {SparkLine[]} lines  @param {number} width  @param {number} height  pixels
 * @returns {{limits: string, now: string, lines: SparkPaths[]}} */
export function sparkPaths(lines, width, height) {
    const band = height / Math.max(1, lines.length);
    const now = lines.some((s) => s.fan) ? width * HISTORY_SHARE : width - 2;
    const limits = [];
    const paths = [];

    for (const [i, s] of lines.entries()) {
        const box = { left: 1, now, right: width - 1, top: i * band + 3, bottom: (i + 1) * band - 3 };
        const scale = scaleOf(s);

        if (scale) limits.push(limitsPath(s, box, scale));
        paths.push(scale ? pathsOf(s, box, scale) : { trend: '', fan: '', middle: '' });
    }
    return { limits: limits.join(''), now: `M${round(now + 0.5)} 0v${round(height)}`, lines: paths };
}

/** Tenths of a pixel are enough. @param {number} x */
function round(x) {
    return Math.round(x * 10) / 10;
}

/** @param {Box} box  @param {[number, number]} scale  @returns {(v: number) => number} */
function heights({ top, bottom }, [least, most]) {
    return (v) => round(bottom - ((v - least) / (most - least)) * (bottom - top));
}

/** @param {SparkLine} s  @param {Box} box  @param {[number, number]} scale */
function limitsPath(s, box, scale) {
    const y = heights(box, scale);

    return [s.low, s.high]
        .map((v) =>
            v !== null && v >= scale[0] && v <= scale[1] ? `M${box.left} ${y(v)}H${round(box.right)}` : '',
        )
        .join('');
}

/** @param {SparkLine} s  @param {Box} box  @param {[number, number]} scale  @returns {SparkPaths} */
function pathsOf(s, box, scale) {
    const y = heights(box, scale);

    return { trend: trendPath(s.line, box, y), ...fanPaths(s.fan, box, s.line[s.line.length - 1], y) };
}

/** @param {Float32Array} line  @param {Box} box  @param {(v: number) => number} y */
function trendPath(line, box, y) {
    const step = (box.now - box.left) / (line.length - 1);
    let path = '';
    let drawing = false;

    for (let i = 0; i < line.length; i++) {
        const v = line[i];

        if (Number.isNaN(v)) {
            drawing = false;
            continue;
        }
        path += `${drawing ? 'L' : 'M'}${round(box.left + i * step)} ${y(v)}`;
        /* Alone between gaps: a dot. */
        if (!drawing && Number.isNaN(line[i + 1] ?? NaN)) path += 'h1';
        drawing = true;
    }
    return path;
}

/** @param {SparkLine['fan']} fan  @param {Box} box  @param {number} from  newest value, NaN for none
 * @param {(v: number) => number} y  @returns {{fan: string, middle: string}} */
function fanPaths(fan, box, from, y) {
    if (!fan) return { fan: '', middle: '' };
    const start = Number.isNaN(from) ? [] : [`${round(box.now)} ${y(from)}`];
    /** @param {number[]} values */
    const points = (values) =>
        values.map((v, i) => `${round(box.now + fan.x[i] * (box.right - box.now))} ${y(v)}`);

    return {
        fan: `M${[...start, ...points(fan.high), ...points(fan.low).reverse()].join('L')}Z`,
        middle: `M${[...start, ...points(fan.middle)].join('L')}`,
    };
}
