/* chart.js - the course of one vital sign, drawn by uPlot: raw and cleaned values, what was forecast,
 * limits as lines, episodes as bands, gaps and notes.
 *
 * All charts of a bed have one axis of time and one cursor. uPlot draws the columns; what has no
 * column (bands, limits, notes) is drawn in its hooks, so nothing is drawn twice. */
/** @typedef {import('../types').BedHistory} BedHistory */
/** @typedef {import('../types').Row} Row */
import uPlot from '../vendor/uPlot.esm.js';
import { forecastColumns, layFan, padded, spanOf, timesOf } from './course.js';
import { clockText, numberText, shortClockText, text } from './language.js';
import { limitsOf } from './tilemodel.js';
import { isUsable } from './trend.js';

const HEIGHT = 150;
const LANE = 5;
const CURSOR = 'bed';
/** Columns that the legend has no entry for. */
const EDGE = 'edge';
/** How the parts of a pressure differ without colours: systolic, diastolic, mean. */
const DASHES = [[], [6, 3], [2, 3]];

/** @typedef {{app: import('./app.js').App, bed: import('../types').Bed, history: BedHistory,
 *     horizon_s: number, raw: boolean, now_s: number}} ChartContext */

/** Columns and their looks for one row. @param {Row} row  @param {ChartContext} context */
export function chartColumns(row, { app, bed, history, horizon_s, raw, now_s }) {
    const { channels, forecast } = app.state.session;
    const times = timesOf(history, forecast ? horizon_s : 0);
    const ink = app.colours.inkOf(row.id);
    const parts = row.parts.length === 1 ? row.parts : row.parts.filter((c) => c >= 0);
    /** @type {any[]} */
    const data = [times];
    /** @type {any[]} */
    const series = [
        {
            label: text('time'),
            value: (/** @type {any} */ _, /** @type {number | null} */ at) =>
                at === null ? '--' : clockText(at * 1000),
        },
    ];
    /** @type {any[]} */
    const bands = [];

    for (const [i, c] of parts.entries()) {
        const channel = channels[c];
        const kept = history.channels[channel.name];
        const label = parts.length > 1 ? channel.name.split('_')[1] : '';
        /** @param {any} value */
        const shown = (/** @type {any} */ _, /** @type {number | null} */ value) =>
            value === null || value === undefined ? '--' : numberText(value, channel.decimals);
        /** @param {any} column  @param {any} look */
        const add = (column, look) => {
            data.push(column);
            series.push({ value: shown, spanGaps: false, points: { show: false }, ...look });
            return data.length - 1;
        };

        if (horizon_s > 0 && forecast?.channels.includes(channel.name)) {
            const columns = forecastColumns(history, channel.name, horizon_s, times);
            const [low, middle, high] = columns;
            const values = bed.forecast?.values[forecast.channels.indexOf(channel.name)] ?? null;
            const value = bed.values[c];

            layFan(
                columns,
                times,
                (bed.forecast?.at ?? 0) / 1000 || now_s,
                forecast.horizons_s,
                values,
                value && isUsable(value[1]) ? value[0] : null,
            );
            const top = add(high, { stroke: 'transparent', class: EDGE });
            const bottom = add(low, { stroke: 'transparent', class: EDGE });
            /** "94 (91–97)": the edges of the band have no entry of their own.
             * @param {any} plot  @param {number | null} at  @param {any} _  @param {number} i */
            const fan = (plot, at, _, i) =>
                typeof at === 'number'
                    ? `${shown(_, at)} (${shown(_, plot.data[bottom][i])}–${shown(_, plot.data[top][i])})`
                    : '--';

            bands.push({ series: [top, bottom], fill: withAlpha(ink, 0.22) });
            add(middle, {
                stroke: ink,
                width: 1,
                dash: [4, 3],
                label: `${label} ${text('forecast')}`,
                value: fan,
            });
        }
        if (kept?.mean) {
            const top = add(padded(kept.high, times.length), { stroke: 'transparent', label: `${label} max` });
            const bottom = add(padded(kept.low, times.length), { stroke: 'transparent', label: `${label} min` });

            bands.push({ series: [top, bottom], fill: withAlpha(ink, 0.3) });
            add(padded(kept.mean, times.length), {
                stroke: ink,
                width: 1.5,
                dash: DASHES[i],
                label: `${label} Ø`,
            });
            continue;
        }
        if (raw)
            add(padded(kept?.raw, times.length), {
                stroke: app.colours.get('raw'),
                width: 1,
                points: { show: true, size: 3 },
                label: `${label} ${text('raw_line')}`,
            });
        add(padded(kept?.clean, times.length), {
            stroke: ink,
            width: 1.5,
            dash: DASHES[i],
            label: `${label} ${text('main_line')}`,
            points: { show: channel.episodic, size: 5 },
        });
    }
    return { data, series, bands };
}

/** @param {string} colour  #rrggbb  @param {number} alpha */
function withAlpha(colour, alpha) {
    return (
        colour +
        Math.round(alpha * 255)
            .toString(16)
            .padStart(2, '0')
    );
}

export class Chart {
    #row;
    #context;
    #plot;
    #frame;

    /** @param {HTMLElement} frame  takes its width  @param {Row} row  @param {ChartContext} context */
    constructor(frame, row, context) {
        const { data, series, bands } = chartColumns(row, context);
        const { colours } = context.app;
        const axis = {
            stroke: colours.get('muted'),
            grid: { stroke: colours.get('grid'), width: 1 },
            ticks: { stroke: colours.get('grid'), width: 1 },
        };

        this.#row = row;
        this.#context = context;
        this.#frame = frame;
        this.#plot = new uPlot(
            {
                width: this.#width(),
                height: HEIGHT,
                scales: { x: { time: true }, y: { range: (_, least, most) => this.#range(least, most) } },
                cursor: { sync: { key: CURSOR }, drag: { x: false, y: false }, y: false },
                legend: { show: true, live: true },
                series,
                bands,
                axes: [
                    { ...axis, size: 28, values: (_, ticks) => ticks.map((at) => shortClockText(at * 1000)) },
                    { ...axis, size: 44, space: 24 },
                ],
                hooks: { drawClear: [(plot) => this.#under(plot)], draw: [(plot) => this.#over(plot)] },
            },
            data,
            frame,
        );
    }

    /** @param {ChartContext} context */
    update(context) {
        this.#context = context;
        this.#plot.setData(chartColumns(this.#row, context).data);
    }

    resize() {
        this.#plot.setSize({ width: this.#width(), height: HEIGHT });
    }

    close() {
        this.#plot.destroy();
    }

    #width() {
        return Math.max(200, this.#frame.clientWidth);
    }

    #limits() {
        const { app, bed } = this.#context;

        return this.#row.parts
            .filter((c) => c >= 0)
            .flatMap((c) => limitsOf(app.state.session.channels[c], bed))
            .filter((limit) => limit !== null);
    }

    /** Room for the values, and for limits that are not far. @param {number | null} least
     * @param {number | null} most  @returns {[number, number]} */
    #range(least, most) {
        const limits = this.#limits();
        const low = Math.min(...limits, least ?? Infinity);
        const high = Math.max(...limits, most ?? -Infinity);

        if (!Number.isFinite(low) || !Number.isFinite(high)) return [0, 1];
        const spare = Math.max(1, (high - low) * 0.08);

        return [low - spare, high + spare];
    }

    /** Gaps and episodes lie under the lines. @param {uPlot} plot */
    #under(plot) {
        const { app, history, now_s } = this.#context;
        const names = this.#row.parts.filter((c) => c >= 0).map((c) => app.state.session.channels[c].name);

        for (const [from, to] of history.gaps)
            this.#band(plot, from / 1000, to / 1000, app.colours.get('gap'), 1);
        for (const alert of history.episodes) {
            const [from, to] = spanOf(alert, now_s);
            const own = alert.channel !== undefined && names.includes(alert.channel);

            this.#band(plot, from, to, app.colours.get(`band-${alert.priority}`), own ? 1 : 0);
        }
    }

    /** @param {uPlot} plot  @param {number} from_s  @param {number} to_s  @param {string} colour
     * @param {0 | 1} whole  1: the whole height; 0: a lane at the top */
    #band(plot, from_s, to_s, colour, whole) {
        const { left, top, width, height } = plot.bbox;
        const x = Math.max(left, plot.valToPos(from_s, 'x', true));
        const end = Math.min(left + width, plot.valToPos(to_s, 'x', true));

        if (end < left || x > left + width) return;
        plot.ctx.fillStyle = colour;
        plot.ctx.fillRect(x, top, Math.max(2, end - x), whole ? height : LANE * devicePixelRatio);
    }

    /** Limits, the present and notes lie over them. @param {uPlot} plot */
    #over(plot) {
        const { app, history, now_s } = this.#context;
        const { left, top, width, height } = plot.bbox;
        const pen = plot.ctx;

        pen.save();
        pen.lineWidth = devicePixelRatio;
        pen.strokeStyle = app.colours.get('limit');
        pen.setLineDash([6, 4]);
        pen.beginPath();
        for (const limit of this.#limits()) {
            const y = plot.valToPos(limit, 'y', true);

            pen.moveTo(left, y);
            pen.lineTo(left + width, y);
        }
        pen.stroke();
        pen.setLineDash([]);
        pen.strokeStyle = app.colours.get('muted');
        pen.beginPath();
        for (const at of [now_s, ...history.notes.map((note) => note.at / 1000)]) {
            const x = plot.valToPos(at, 'x', true);

            if (x >= left && x <= left + width) {
                pen.moveTo(x, top);
                pen.lineTo(x, top + height);
            }
        }
        pen.stroke();
        pen.restore();
    }
}
