/* test_order.mjs - which bed comes first, and that no tile moves while somebody points at it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { staying } from '../../../app/web/js/moves.js';
import { Order } from '../../../app/web/js/order.js';
import { ANOMALY_EVERY_MS, Ranking } from '../../../app/web/js/ranking.js';
import { compareAlerts, compareRisk, isTold, riskOf } from '../../../app/web/js/risk.js';
import { alert, bed } from './ward.mjs';

test('beds are sorted by the most urgent alert, then score, then anomaly, then as people count', () => {
    const beds = [
        ['calm10', null, 0, 0.5, 'icu-a/10'],
        ['calm9', null, 0, 0.5, 'icu-a/9'],
        ['unusual', null, 0, 1.5, 'icu-a/8'],
        ['score', null, 7, 0.1, 'icu-a/7'],
        ['low', 'low', 0, 0, 'icu-a/6'],
        ['high', 'high', 0, 0, 'icu-a/5'],
        ['medium', 'medium', 9, 9, 'icu-a/4'],
        ['unknown', null, null, null, 'icu-a/3'],
    ].map(([key, priority, total, score, name]) => ({
        key,
        risk: riskOf(
            bed(
                0,
                {},
                {
                    bed: name,
                    score: total === null ? null : { total },
                    anomaly: score === null ? null : { score },
                },
            ),
            priority ? alert({ priority }) : null,
        ),
    }));

    assert.deepEqual(
        beds.sort((a, b) => compareRisk(a.risk, b.risk)).map((b) => b.key),
        ['high', 'medium', 'low', 'score', 'unusual', 'calm9', 'calm10', 'unknown'],
    );
});

test('of the alerts of a bed the most urgent comes first, then what nobody has taken', () => {
    const alerts = [
        alert({ episode_id: 'old', seq: 1 }),
        alert({ episode_id: 'new', seq: 2 }),
        alert({ episode_id: 'taken', seq: 3, signal: { is: 'acknowledged' } }),
        alert({ episode_id: 'low', seq: 4, priority: 'low' }),
    ];

    assert.deepEqual(
        alerts.sort(compareAlerts).map((a) => a.episode_id),
        ['new', 'old', 'taken', 'low'],
    );
    assert.equal(isTold(alert({ signal: { is: 'alarm-off' } })), false);
    assert.equal(isTold(alert({ suppressed_by: 'refractory' })), false);
    assert.equal(isTold(alert({ state: 'latched' })), true);
});

test('an alert or a score sorts at once, an anomaly that wavers only now and then', () => {
    const ranking = new Ranking();
    const order = (anomalies, scores, alerts, at_ms) =>
        ranking
            .order(
                [...'abc'].map((key, i) =>
                    bed(
                        0,
                        {},
                        { key, bed: key, score: { total: scores[i] }, anomaly: { score: anomalies[i] } },
                    ),
                ),
                (key) => alerts[key] ?? [],
                at_ms,
            )
            .join('');

    assert.equal(order([0.3, 0.2, 0.1], [0, 0, 0], {}, 0), 'abc');
    assert.equal(order([0.1, 0.2, 0.3], [0, 0, 0], {}, 1000), 'abc');
    assert.equal(order([0.1, 0.2, 0.3], [0, 1, 0], {}, 2000), 'bac');
    assert.equal(order([0.1, 0.2, 0.3], [0, 1, 0], { c: [alert({ priority: 'low' })] }, 3000), 'cba');
    assert.equal(order([0.1, 0.2, 0.3], [0, 0, 0], {}, ANOMALY_EVERY_MS), 'cba');
});

test('a held order waits, shows new beds at its end, and is taken when somebody asks', () => {
    const order = new Order();

    assert.equal(order.propose(['a', 'b', 'c']), true);
    order.hold('pointer', true);
    assert.equal(order.propose(['c', 'a', 'b']), false);
    assert.deepEqual(
        [order.shown, order.pending],
        [
            ['a', 'b', 'c'],
            ['c', 'a', 'b'],
        ],
    );
    assert.equal(order.propose(['d', 'c', 'a', 'b']), true);
    assert.deepEqual(order.shown, ['a', 'b', 'c', 'd']);
    assert.equal(order.propose(['a', 'b', 'c', 'd']), false);
    assert.equal(order.pending, null);
    order.propose(['c', 'a', 'b']);
    assert.equal(order.take(), true);
    assert.deepEqual(order.shown, ['c', 'a', 'b']);
    assert.equal(order.take(), false);
});

test('an order is held as long as anything holds it', () => {
    const order = new Order();

    order.propose(['a', 'b']);
    order.hold('pointer', true);
    order.hold('focus', true);
    order.hold('pointer', false);
    assert.equal(order.propose(['b', 'a']), false);
    order.hold('focus', false);
    assert.equal(order.propose(['b', 'a']), true);
});

test('as few elements move as can be', () => {
    const moving = (before, after) => after.filter((x) => !staying([...before], [...after]).has(x)).length;

    assert.equal(moving('abcdef', 'abcdef'.split('')), 0);
    assert.equal(moving('abcdef', 'bcdefa'.split('')), 1);
    assert.equal(moving('abcdef', 'fabcde'.split('')), 1);
    assert.equal(moving('abcdef', 'fedcba'.split('')), 5);
    assert.equal(moving('abc', 'xabyc'.split('')), 2);
    assert.equal(moving('', 'ab'.split('')), 2);
});
