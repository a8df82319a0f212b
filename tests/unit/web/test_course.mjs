/* test_course.mjs - courses, forecasts against what came, the timeline, scales of small trends. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { forecastColumns, horizonsOf, layFan, padded, spanOf, timesOf } from '../../../app/web/js/course.js';
import { scaleOf } from '../../../app/web/js/spark.js';
import { BURSTS, isDue } from '../../../app/web/js/sound.js';
import { lanesOf } from '../../../app/web/js/timeline.js';
import { alert } from './ward.mjs';

const T = 1_772_366_400_000;
const S = T / 1000;
const forecast = (at_s, values, more = {}) => ({
    at: T + at_s * 1000,
    channel: 'hr',
    horizon_s: 600,
    values,
    ...more,
});

test('a forecast stands at the time it is about, with lines between minutes and gaps in pauses', () => {
    const history = {
        step_s: 60,
        from: T,
        n: 3,
        forecasts: [
            forecast(-600, [1, 2, 3]),
            forecast(-540, [2, 3, 4]),
            forecast(0, [7, 8, 9]),
            forecast(0, [5, 5, 5], { horizon_s: 300 }),
            forecast(60, [1, null, 3]),
        ],
    };
    const times = timesOf(history, 600);
    const [low, middle] = forecastColumns(history, 'hr', 600, times);

    assert.deepEqual(times.length, 13);
    assert.deepEqual(middle.slice(0, 3), [2, 3, null]);
    assert.deepEqual(low[10], 7);
    assert.deepEqual(
        low.filter((v) => v !== null),
        [1, 2, 7],
    );
    assert.deepEqual(horizonsOf(history), [300, 600]);
});

test('between two forecasts lies a straight line', () => {
    const history = {
        step_s: 15,
        from: T,
        n: 5,
        forecasts: [forecast(-600, [0, 10, 20]), forecast(-540, [4, 14, 24])],
    };
    const [low, , high] = forecastColumns(history, 'hr', 600, timesOf(history, 0));

    assert.deepEqual(low, [0, 1, 2, 3, 4]);
    assert.deepEqual(high, [20, 21, 22, 23, 24]);
});

test('from now on the newest forecast stands, from the newest value to each horizon', () => {
    const times = [0, 10, 20, 30, 40, 50].map((s) => S + s);
    const columns = [0, 1, 2].map(() => [1, 1, 1, 1, 1, 1]);

    layFan(
        columns,
        times,
        S + 10,
        [10, 30],
        [
            [70, 80, 90],
            [60, 80, 100],
        ],
        80,
    );
    assert.deepEqual(columns, [
        [1, 1, 70, 65, 60, null],
        [1, 1, 80, 80, 80, null],
        [1, 1, 90, 95, 100, null],
    ]);
    layFan(columns, times, S + 10, [10, 30], null, 80);
    assert.deepEqual(columns[0], [1, 1, null, null, null, null]);
});

test('columns that are short end in gaps', () => {
    assert.deepEqual(padded([1, null], 3), [1, null, null]);
    assert.deepEqual(padded(undefined, 2), [null, null]);
});

test('an open episode lasts until now, one that is over until its end', () => {
    assert.deepEqual(spanOf(alert(), S + 60), [S, S + 60]);
    assert.deepEqual(spanOf(alert({ state: 'inactive' }), S + 60), [S, S + 10]);
});

test('the timeline has a lane for each bed, what is urgent over the rest, and nothing from before', () => {
    const lanes = lanesOf(
        [
            alert({ bed: 'b/10', state: 'inactive' }),
            alert({ bed: 'b/9' }),
            alert({ bed: 'b/9', priority: 'low' }),
            alert({
                bed: 'b/1',
                state: 'inactive',
                onset: '2026-02-01T00:00:00Z',
                time: '2026-02-01T00:00:01Z',
            }),
            alert({ bed: 'b/2', suppressed_by: 'mute' }),
        ],
        T - 3_600_000,
        T + 60_000,
    );

    assert.deepEqual(
        lanes.map((lane) => lane.name),
        ['b/9', 'b/10'],
    );
    assert.deepEqual(
        lanes[0].bars.map((bar) => bar.alert.priority),
        ['low', 'high'],
    );
    assert.equal(lanes[0].bars[0].to, 1);
});

test('a small trend shows near limits, leaves out far ones, and does not blow up noise', () => {
    const line = Float32Array.of(NaN, 97, 97.5);

    assert.deepEqual(scaleOf({ line, low: null, high: null, span: 6, fan: null }), [94.25, 100.25]);
    assert.equal(scaleOf({ line, low: 92, high: null, span: 6, fan: null })[0] <= 92, true);
    assert.equal(scaleOf({ line, low: 50, high: null, span: 6, fan: null })[0] > 90, true);
    assert.equal(scaleOf({ line: Float32Array.of(NaN), low: 90, high: null, span: 6, fan: null }), null);
});

test('bursts come in their own time, and high does not wait for the pause of another', () => {
    assert.equal(isDue(null, null, 0), false);
    assert.equal(isDue('none', null, 0), false);
    assert.equal(isDue('medium', null, 0), true);
    assert.equal(isDue('medium', { priority: 'medium', at_s: 0 }, 14.9), false);
    assert.equal(isDue('medium', { priority: 'medium', at_s: 0 }, 15), true);
    assert.equal(isDue('high', { priority: 'medium', at_s: 0 }, 1), true);
    assert.deepEqual(
        [BURSTS.high.pulses.length, BURSTS.medium.pulses.length, BURSTS.low.pulses.length],
        [10, 3, 1],
    );
});
