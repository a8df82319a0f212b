/* test_state.mjs - what the stream says becomes beds, trends and alerts. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { EventParser } from '../../../app/web/js/sse.js';
import { State } from '../../../app/web/js/state.js';
import { Trend } from '../../../app/web/js/trend.js';
import { alert, bed, session } from './ward.mjs';

const MINUTE = 60_000;
const T = 1_772_366_400_000;

test('a stream is the same however it is cut', () => {
    const text =
        'event: heart\ndata: {"a":1}\n\n: comment\r\nevent: beds\r\ndata: one\r\ndata: two\r\n\r\ndata:bare\n\nevent: none\n\n';
    const want = [
        { name: 'heart', data: '{"a":1}' },
        { name: 'beds', data: 'one\ntwo' },
        { name: 'message', data: 'bare' },
    ];

    for (const step of [1, 2, 7, text.length]) {
        const parser = new EventParser();
        const events = [];

        for (let at = 0; at < text.length; at += step) events.push(...parser.feed(text.slice(at, at + step)));
        assert.deepEqual(events, want);
    }
});

test('a delta keeps what it does not name, a full list forgets what it does not have', () => {
    const state = new State(session);

    state.takeBeds({
        full: true,
        beds: [bed(T, { hr: 80 }, { score: { total: 3 } }), bed(T, {}, { key: 'k2' })],
    });
    const { changed } = state.takeBeds({
        full: false,
        beds: [{ key: 'k1', log: T + 1000, seen: T + 1000, values: bed(T + 1000, { hr: 90 }).values }],
    });

    assert.deepEqual([...changed], ['k1']);
    assert.equal(state.beds.get('k1').score.total, 3);
    assert.equal(state.beds.get('k1').values[0][0], 90);
    assert.equal(state.takeBeds({ full: false, beds: [{ key: 'k2', gone: true }] }).list, true);
    assert.deepEqual([...state.beds.keys()], ['k1']);
    state.takeBeds({ full: true, beds: [bed(T, {}, { key: 'k3' })] });
    assert.deepEqual([...state.beds.keys()], ['k3']);
});

test('what began while the connection was lost is told, what was there at the start is not', () => {
    const state = new State(session);
    const full = (...alerts) => state.takeAlerts({ full: true, alerts }).told.map((a) => a.episode_id);

    assert.deepEqual(full(alert({ episode_id: 'old' })), []);
    assert.deepEqual(full(alert({ episode_id: 'old' }), alert({ episode_id: 'new' })), ['new']);
});

test('alerts are told once, again when they are more urgent, and leave when they end', () => {
    const state = new State(session);
    const take = (...alerts) => state.takeAlerts({ full: false, alerts }).told.map((a) => a.event_id);

    assert.equal(state.alertsKnown, false, 'nothing is said of alerts before they came');
    assert.deepEqual(take(alert({ priority: 'medium' })), ['e.0']);
    assert.equal(state.alertsKnown, true);
    assert.deepEqual(take(alert({ seq: 2, event_id: 'e.1', priority: 'medium', phase: 'update' })), []);
    assert.deepEqual(take(alert({ seq: 3, event_id: 'e.2' })), ['e.2']);
    assert.deepEqual(
        take(alert({ seq: 1, event_id: 'e.0', state: 'inactive' })),
        [],
        'older than what is known',
    );
    assert.equal(state.alertsOf('k1').length, 1);
    assert.deepEqual(state.counts(), { high: 1, medium: 0, low: 0, none: 0 });
    take(alert({ seq: 4, event_id: 'e.3', key: 'k2' }));
    assert.deepEqual(
        [state.alertsOf('k1').length, state.alertsOf('k2').length],
        [0, 1],
        'moved to another bed',
    );
    take(alert({ seq: 5, event_id: 'e.4', key: 'k2', state: 'inactive' }));
    assert.equal(state.alerts.size, 0);
    assert.deepEqual(
        state.takeAlerts({
            full: true,
            alerts: [alert({ suppressed_by: 'budget', signal: { is: 'alarm-off' } })],
        }).told,
        [],
    );
    assert.equal(state.alertsOf('k1').length, 0);
    assert.equal(state.alerts.size, 1);
    state.heart = { alerts_known: false };
    assert.equal(state.alertsKnown, false, 'the outbox cannot be read');
});

test('what somebody did to an alert does not hide what happened to the patient', () => {
    const said = (...alerts) => {
        const state = new State(session);

        for (const a of alerts) state.takeAlerts({ full: false, alerts: [alert(a)] });
        return state.alertsOf('k1')[0].said;
    };
    const start = { text: 'HR 150 /min above 130 /min' };
    const taken = { seq: 2, phase: 'acknowledge', text: 'Acknowledged: T', signal: { is: 'acknowledged' } };
    const paused = { seq: 3, phase: 'update', reason: 'snoozed', text: 'Audio paused for 60 s' };

    assert.equal(said(start, taken, paused), 'HR 150 /min above 130 /min');
    assert.equal(
        said(start, taken, { seq: 4, phase: 'update', text: 'HR 160 /min, the highest so far' }),
        'HR 160 /min, the highest so far',
    );
    assert.equal(
        said({ ...taken, worst: { is: 'value', value: 161, unit: '/min' } }),
        'Worst value so far 161 /min',
    );
    assert.equal(said(taken), 'Acknowledged: T');
});

test('a trend has the mean of the usable values of each minute, and gaps where there are none', () => {
    const trend = new Trend(session.channels.length);
    const at = (ms, hr) => trend.add(bed(ms, { hr }));

    trend.load({ from: T - 3 * MINUTE, step_s: 60, hr: [70, null, 72] }, session.channels);
    assert.equal(trend.newest, T - MINUTE);
    assert.deepEqual([...trend.lines[0].slice(-3)], [70, NaN, 72]);
    assert.ok(trend.lines[2].every(Number.isNaN));
    at(T + 1000, 80);
    at(T + 2000, 90);
    at(T + 3000, [500, 'invalid', 'range', T]);
    assert.deepEqual([...trend.lines[0].slice(-4)], [70, NaN, 72, 85]);
    at(T + 2 * MINUTE, 60);
    assert.deepEqual([...trend.lines[0].slice(-3)], [85, NaN, 60]);
    trend.take({ from: T + MINUTE, hr: 77 }, session.channels);
    trend.take({ from: T, hr: null }, session.channels);
    assert.deepEqual([...trend.lines[0].slice(-3)], [NaN, 77, 60]);
    at(T + 300 * MINUTE, 61);
    assert.deepEqual(
        [...trend.lines[0]].filter((v) => !Number.isNaN(v)),
        [61],
    );
});
