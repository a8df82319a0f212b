/* state.js - what the page knows of the ward: beds, alerts, the newest heart, the server's clock.
 *
 * Takes the events of the stream and tells which beds they concern. It draws nothing and asks nobody,
 * so it can be tested without a browser. */
/** @typedef {import('../types').Alert} Alert */
/** @typedef {import('../types').Bed} Bed */
/** @typedef {import('../types').Heart} Heart */
/** @typedef {import('../types').Session} Session */
import { compareAlerts, isTold } from './risk.js';
import { rowsOf } from './rows.js';
import { Trend } from './trend.js';

/** @type {readonly Alert[]} */
const NO_ALERTS = [];

/** Updates about what somebody did, or about its end: their texts say nothing of the patient. */
const ABOUT_SIGNAL = new Set(['snoozed', 'muted', 'mute_over', 'acknowledge_over', 'pause_over']);

/** Whether the text of the event says what happened to the patient. @param {Alert} alert */
function saysWhat(alert) {
    return (
        alert.phase !== 'acknowledge' && !(alert.phase === 'update' && ABOUT_SIGNAL.has(alert.reason ?? ''))
    );
}

/** What the members of an event tell of the patient, when its text does not: in English, as texts are.
 * @param {Alert} alert */
function whatIsKnown(alert) {
    const { worst, observed } = alert;

    if (worst) return `Worst ${worst.is} so far ${worst.value} ${worst.unit ?? ''}`.trimEnd();
    return observed?.value === undefined ? alert.text : `${observed.value} ${observed.unit}`;
}

export class State {
    /** @type {Map<string, Bed>} */
    beds = new Map();
    /** @type {Map<string, Trend>} */
    trends = new Map();
    /** @type {Map<string, Alert>} open episodes, those that are held back included */
    alerts = new Map();
    /** @type {Heart | null} */
    heart = null;
    #alertsCame = false;
    /** The server's clock less the page's, in ms. */
    #ahead_ms = 0;
    /** @type {Map<string, Alert[]>} what is told, by bed ('' for alerts of no bed), the most urgent first */
    #told = new Map();

    /** @param {Session} session */
    constructor(session) {
        this.session = session;
        this.rows = rowsOf(session.channels);
    }

    /** Whether it is known which alerts there are. Before that a bed without alerts is not one without
     *  alerts. */
    get alertsKnown() {
        return this.#alertsCame && this.heart?.alerts_known !== false;
    }

    /** The server's time now, by its newest message. @param {number} local_ms  performance.now() */
    now(local_ms) {
        return local_ms + this.#ahead_ms;
    }

    /** @param {{now: number}} message  @param {number} local_ms */
    takeClock(message, local_ms) {
        this.#ahead_ms = message.now - local_ms;
    }

    /** @param {{full: boolean, beds: Bed[]}} message
     * @returns {{changed: Set<string>, list: boolean}} keys of the beds that changed, and whether there
     *     are others than before */
    takeBeds(message) {
        /** @type {Set<string>} */
        const changed = new Set();
        let list = false;

        if (message.full) {
            const keys = new Set(message.beds.map((bed) => bed.key));

            for (const key of [...this.beds.keys()].filter((k) => !keys.has(k)))
                list = this.#forget(key) || list;
        }
        for (const bed of message.beds) {
            list = (bed.gone ? this.#forget(bed.key) : this.#takeBed(bed)) || list;
            changed.add(bed.key);
        }
        return { changed, list };
    }

    /** @param {Bed} bed  @returns {boolean} whether it is new */
    #takeBed(bed) {
        const before = this.beds.get(bed.key);
        const now = before ? { ...before, ...bed } : bed;
        let trend = this.trends.get(bed.key);

        if (!trend) this.trends.set(bed.key, (trend = new Trend(this.session.channels.length)));
        if (bed.trend) {
            trend.load(bed.trend, this.session.channels);
            delete now.trend; // it is kept in the Trend
        }
        if (bed.log !== before?.log) trend.add(now);
        if (bed.minute) {
            trend.take(bed.minute, this.session.channels);
            delete now.minute;
        }
        this.beds.set(bed.key, now);
        return !before;
    }

    /** @param {string} key  @returns {boolean} */
    #forget(key) {
        this.trends.delete(key);
        return this.beds.delete(key);
    }

    /** @param {{full: boolean, alerts: Alert[]}} message
     * @returns {{changed: Set<string>, told: Alert[]}} beds whose alerts changed, and what people
     *     have to be told anew: it started, or became more urgent. Of the first message nothing: it is on the
     *     page. After a lost connection what began meanwhile */
    takeAlerts(message) {
        /** @type {Set<string>} */
        const changed = new Set();
        /** @type {Alert[]} */
        const told = [];
        const first = message.full && !this.#alertsCame;

        this.#alertsCame = true;
        if (message.full) {
            const open = new Set(message.alerts.map((alert) => alert.episode_id));

            for (const [episode, alert] of this.alerts) {
                if (!open.has(episode)) {
                    this.alerts.delete(episode);
                    changed.add(alert.key ?? '');
                }
            }
        }
        for (const alert of message.alerts) {
            const before = this.alerts.get(alert.episode_id);

            if (before && before.seq > alert.seq) continue;
            changed.add(alert.key ?? '');
            if (before && before.key !== alert.key) changed.add(before.key ?? '');
            if (alert.state === 'inactive') {
                this.alerts.delete(alert.episode_id);
                continue;
            }
            this.alerts.set(alert.episode_id, {
                ...alert,
                said: saysWhat(alert) ? alert.text : (before?.said ?? whatIsKnown(alert)),
            });
            if (!first && isTold(alert) && (!before || !isTold(before) || before.priority !== alert.priority))
                told.push(alert);
        }
        for (const key of changed) this.#told.delete(key);
        for (const alert of this.alerts.values()) {
            if (changed.has(alert.key ?? '') && isTold(alert))
                this.#told.set(alert.key ?? '', [...(this.#told.get(alert.key ?? '') ?? []), alert]);
        }
        for (const key of changed) this.#told.get(key)?.sort(compareAlerts);
        return { changed, told };
    }

    /** What people are told of a bed, the most urgent first. @param {string} key  '': of no bed
     * @returns {readonly Alert[]} */
    alertsOf(key) {
        return this.#told.get(key) ?? NO_ALERTS;
    }

    /** @returns {Record<string, number>} how many alerts are told, by priority */
    counts() {
        /** @type {Record<string, number>} */
        const counts = { high: 0, medium: 0, low: 0, none: 0 };

        for (const alerts of this.#told.values()) {
            for (const alert of alerts) counts[alert.priority]++;
        }
        return counts;
    }

    /** Wards, with what they are called. @returns {{name: string, title: string}[]} */
    wards() {
        const names = new Set([...this.beds.values()].map((bed) => bed.ward));

        return [...names].sort().map((name) => ({
            name,
            title: this.session.wards?.find((ward) => ward.name === name)?.title || name,
        }));
    }
}
