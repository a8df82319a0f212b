/* test_freshness.mjs - nothing that is old or unknown is shown as if it were current. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { bannerOf, lostText } from '../../../app/web/js/banner.js';
import { ageOf, isSilent, linkState, speaks } from '../../../app/web/js/freshness.js';
import { setLanguage } from '../../../app/web/js/language.js';
import { noticeOf, rowModel, signalText, tileModel } from '../../../app/web/js/tilemodel.js';
import { rowsOf } from '../../../app/web/js/rows.js';
import { alert, bed, session } from './ward.mjs';

const T = 1_772_366_400_000;
const rows = rowsOf(session.channels);
const row = (id) => rows.find((r) => r.id === id);
const heart = (more) => ({ stalled: false, partitions: [], ...more });

test('a connection that says nothing is lost before three seconds are over', () => {
    assert.equal(linkState(1000, 0, 3600, heart()), 'live');
    assert.equal(linkState(1000, 0, 3601, heart()), 'lost');
    assert.equal(linkState(null, 0, 2000, null), 'connecting');
    assert.equal(linkState(null, 0, 2601, null), 'lost');
});

test('a chain that hangs is stalled although the stream lives', () => {
    assert.equal(linkState(1000, 0, 1100, heart({ stalled: true })), 'stalled');
    assert.equal(
        linkState(1000, 0, 1100, heart({ partitions: [{ mark_age_s: 0.3 }, { mark_age_s: 5.1 }] })),
        'stalled',
    );
    assert.equal(linkState(1000, 0, 1100, heart({ partitions: [{ mark_age_s: null }] })), 'live');
    assert.equal(linkState(1000, 0, 9000, heart({ stalled: true })), 'lost');
});

test("a bed without rows is silent after the session's time, and from the start when none came", () => {
    assert.equal(isSilent(bed(T, {}), T + 10_000, 10), false);
    assert.equal(isSilent(bed(T, {}), T + 10_001, 10), true);
    assert.equal(isSilent(bed(T, {}, { seen: null }), T, 10), true);
});

test('the age of a value counts log time and the silence behind it', () => {
    const b = bed(T, { spo2: [97, 'good', '', T - 4000] });

    assert.equal(ageOf(b.values[2], b, T + 3000), 7);
    assert.equal(ageOf([97, 'good', '', null], b, T), null);
});

test('what is invalid, missing, too old or of unknown age does not speak', () => {
    const channel = session.channels[2];

    assert.equal(speaks([97, 'good', '', T], channel, 10), true);
    assert.equal(speaks([97, 'good', '', T], channel, 10.1), false);
    assert.equal(speaks([97, 'good', '', T], channel, null), false);
    assert.equal(speaks([null, 'good', '', T], channel, 0), false);
    assert.equal(speaks([0, 'invalid', 'probe_off', T], channel, 0), false);
    assert.equal(speaks([97, 'suspect', 'motion', T], channel, 0), true);
});

test('a value is shown with its unit, in doubt with its reason, and never as a number when it is gone', () => {
    const b = bed(T, { hr: 82, spo2: [91, 'suspect', 'motion', T], temp: [null, 'missing', '', T] });

    assert.deepEqual(rowModel(row('hr'), b, session, T, true), {
        value: '82',
        unit: '/min',
        note: '',
        tone: 'good',
        share: null,
        shown: true,
    });
    assert.equal(rowModel(row('spo2'), b, session, T, true).tone, 'doubt');
    assert.equal(rowModel(row('spo2'), b, session, T, true).note, 'movement');
    assert.deepEqual(
        [rowModel(row('temp'), b, session, T, true).value, rowModel(row('temp'), b, session, T, true).tone],
        ['--', 'gone'],
    );
    assert.equal(rowModel(row('hr'), b, session, T, false).value, '--');
    assert.equal(rowModel(row('hr'), b, session, T + 8000, true).note, '8 s');
    assert.equal(rowModel(row('pulse'), b, session, T, true).shown, false);
});

test('zero is a value and not a missing one', () => {
    assert.equal(rowModel(row('hr'), bed(T, { hr: 0 }), session, T, true).value, '0');
    assert.equal(rowModel(row('acvpu'), bed(T, { acvpu: 0 }), session, T, true).value, 'A');
});

test('the pressures of one place stand in one line, a part that is missing as such', () => {
    const b = bed(T, { abp_sys: 120, abp_dia: 80, abp_mean: 93 });
    const c = bed(T, { abp_sys: 120, abp_dia: [null, 'missing', '', T], abp_mean: [null, 'missing', '', T] });

    assert.equal(rowModel(row('abp'), b, session, T, true).value, '120/80 (93)');
    assert.equal(rowModel(row('abp'), c, session, T, true).value, '120/--');
    assert.equal(rowModel(row('abp'), c, session, T, true).tone, 'doubt');
});

test('whatever is wrong is said, and leaves no digit of the bed', () => {
    const b = bed(
        T,
        { hr: 82, spo2: 97 },
        {
            score: { name: 'NEWS2', total: 5, low_bound: true, missing: ['acvpu'] },
            anomaly: { score: 2.5, share: [1, 0, 0, 0] },
        },
    );
    const now = T + 41_000;

    assert.equal(noticeOf(b, 'live', 0, T, session), '');
    assert.equal(noticeOf(b, 'live', 0, now, session), 'No data 41\u00a0s');
    assert.equal(noticeOf(b, 'lost', 4, T, session), 'No link 4\u00a0s');
    assert.equal(noticeOf(b, 'stalled', 0, T, session), 'Stalled');
    assert.equal(tileModel(b, rows, session, 'live', 0, T).score, 'NEWS2 ≥ 5');
    assert.equal(tileModel(b, rows, session, 'live', 0, T).unusual, true);
    for (const [link, at] of [
        ['lost', T],
        ['stalled', T],
        ['live', now],
    ]) {
        const model = tileModel(b, rows, session, link, 4, at);

        assert.equal(model.calm, false);
        assert.deepEqual(
            model.rows.map((r) => r.value),
            rows.map(() => '--'),
        );
        assert.deepEqual(
            [model.score, model.anomaly, model.rows.some((r) => r.share !== null)],
            ['', '', false],
        );
    }
});

test('rows that were lost are told of until none was for five minutes, and counted after it', () => {
    const lost = (at) => ({ now: T, ready: true, left_out: 0, lost: 57, lost_at: at });
    const told = (at, now) => bannerOf('live', lost(at), now).words;

    assert.match(told(T, T), /^57 rows did not reach this page, the last at \d\d:\d\d:\d\d$/);
    assert.match(told(T, T + 300_000), /^57 rows/);
    assert.equal(told(T, T + 300_001), '');
    assert.match(told(T + 200_000, T + 300_001), /^57 rows/);
    assert.match(lostText(lost(T)), /^57 rows/);
    assert.equal(bannerOf('live', { ...lost(null), lost: 0 }, T).words, '');
    assert.equal(lostText({ ...lost(null), lost: 0 }), '');
});

test('what has become of an alert is said in words', () => {
    assert.equal(signalText(alert()), '');
    assert.equal(
        signalText(alert({ signal: { is: 'acknowledged' }, acknowledged_by: 'A. B.' })),
        'Acknowledged by A. B.',
    );
    assert.match(
        signalText(alert({ signal: { is: 'audio-paused', until: '2026-03-01T12:02:00.000Z' } })),
        /^Sound paused until \d\d:02:00$/,
    );
    assert.equal(signalText(alert({ state: 'data-lost' })), 'Data lost');
    setLanguage('de');
    assert.equal(signalText(alert({ state: 'data-lost' })), 'Daten verloren');
    setLanguage('en');
});
