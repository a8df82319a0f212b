/* spark.js - the small trends of a tile on one canvas: the last hour of each row, and its forecast.
 *
 * Three quarters of the width are the hour, the rest the time that the forecast reaches; between them
 * is now. A minute without a value is a gap. Each line has its own scale: the limits when they are
 * near, at least a span below which a line would show noise as if it were news. */
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

/** @typedef {{ink: string[], limit: string, now: string}} SparkColours  ink: of each line */

/** Draws the lines of a tile below each other, each in a band of equal height.
 * @param {CanvasRenderingContext2D} pen  @param {number} width  @param {number} height  CSS pixels
 * @param {SparkLine[]} lines  @param {SparkColours} colours */
export function drawSparks(pen, width, height, lines, colours) {
    const band = height / Math.max(1, lines.length);
    const now = lines.some((s) => s.fan) ? width * HISTORY_SHARE : width - 2;

    pen.clearRect(0, 0, width, height);
    lines.forEach((s, i) =>
        drawOne(
            pen,
            { left: 1, now, right: width - 1, top: i * band + 3, bottom: (i + 1) * band - 3 },
            s,
            colours.ink[i],
            colours.limit,
        ),
    );
    pen.fillStyle = colours.now;
    pen.fillRect(now, 0, 1, height);
}

/** @param {CanvasRenderingContext2D} pen
 * @param {{left: number, now: number, right: number, top: number, bottom: number}} box
 * @param {SparkLine} s  @param {string} ink  @param {string} limit */
function drawOne(pen, box, s, ink, limit) {
    const scale = scaleOf(s);

    if (!scale) return;
    const [least, most] = scale;
    /** @param {number} v */
    const y = (v) => box.bottom - ((v - least) / (most - least)) * (box.bottom - box.top);

    pen.strokeStyle = limit;
    pen.lineWidth = 1;
    pen.setLineDash([2, 3]);
    pen.beginPath();
    for (const v of [s.low, s.high]) {
        if (v !== null && v >= least && v <= most) {
            pen.moveTo(box.left, y(v));
            pen.lineTo(box.right, y(v));
        }
    }
    pen.stroke();
    pen.setLineDash([]);
    drawLine(pen, box, s.line, y, ink);
    if (s.fan) drawFan(pen, box, s.fan, lastOf(s.line), y, ink);
}

/** @param {Float32Array} line */
function lastOf(line) {
    return line[line.length - 1];
}

/** @param {CanvasRenderingContext2D} pen  @param {{left: number, now: number}} box
 * @param {Float32Array} line  @param {(v: number) => number} y  @param {string} ink */
function drawLine(pen, box, line, y, ink) {
    const step = (box.now - box.left) / (line.length - 1);
    let drawing = false;

    pen.strokeStyle = pen.fillStyle = ink;
    pen.lineWidth = 1.5;
    pen.lineJoin = 'round';
    pen.beginPath();
    for (let i = 0; i < line.length; i++) {
        const v = line[i];
        const x = box.left + i * step;

        if (Number.isNaN(v)) {
            drawing = false;
            continue;
        }
        if (drawing) {
            pen.lineTo(x, y(v));
        } else if (Number.isNaN(line[i + 1] ?? NaN)) {
            // alone between gaps
            pen.fillRect(x - 1, y(v) - 1, 2, 2);
        } else {
            pen.moveTo(x, y(v));
        }
        drawing = true;
    }
    pen.stroke();
}

/** @param {CanvasRenderingContext2D} pen  @param {{now: number, right: number}} box
 * @param {NonNullable<SparkLine['fan']>} fan  @param {number} from  newest value, NaN for none
 * @param {(v: number) => number} y  @param {string} ink */
function drawFan(pen, box, fan, from, y, ink) {
    const x = fan.x.map((at) => box.now + at * (box.right - box.now));
    const start = Number.isNaN(from) ? null : y(from);

    pen.globalAlpha = 0.3;
    pen.fillStyle = ink;
    pen.beginPath();
    if (start !== null) pen.moveTo(box.now, start);
    fan.high.forEach((v, i) => pen.lineTo(x[i], y(v)));
    for (let i = fan.low.length - 1; i >= 0; i--) pen.lineTo(x[i], y(fan.low[i]));
    pen.closePath();
    pen.fill();
    pen.globalAlpha = 1;
    pen.strokeStyle = ink;
    pen.setLineDash([3, 2]);
    pen.beginPath();
    if (start !== null) pen.moveTo(box.now, start);
    fan.middle.forEach((v, i) =>
        i === 0 && start === null ? pen.moveTo(x[i], y(v)) : pen.lineTo(x[i], y(v)),
    );
    pen.stroke();
    pen.setLineDash([]);
}
