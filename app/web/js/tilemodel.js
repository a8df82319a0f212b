/* tilemodel.js - what a tile says, as plain texts: all its decisions, and no element.
 *
 * Missing is missing: a value that is not there, is no measurement, or does not speak for the patient
 * any more is `--`, never an old number and never 0. When the bed is silent, the connection is lost or
 * the chain hangs, that holds for all values of the bed. */
/** @typedef {import('../types').Alert} Alert */
/** @typedef {import('../types').Bed} Bed */
/** @typedef {import('../types').Channel} Channel */
/** @typedef {import('../types').LinkState} LinkState */
/** @typedef {import('../types').Row} Row */
/** @typedef {import('../types').Session} Session */
import { ageOf, isSilent, silence, speaks } from './freshness.js';
import { ageText, clockText, nameText, numberText, text } from './language.js';

const NOTHING = '--';
const FRESH_S = 5;

/** @typedef {{value: string, unit: string, note: string, tone: 'good' | 'doubt' | 'gone',
 *     share: number | null, shown: boolean}} RowModel */
/** @typedef {{calm: boolean, notice: string, age: string, score: string, scoreTitle: string,
 *     anomaly: string, unusual: boolean, rows: RowModel[]}} TileModel */

/** @param {Channel} channel  @param {number} value */
export function valueText(channel, value) {
    return channel.words?.[value] ?? numberText(value, channel.decimals);
}

/** @param {Channel} channel  @param {Bed} bed  @returns {[number | null, number | null]} */
export function limitsOf(channel, bed) {
    return bed.limits?.[channel.name] ?? [channel.low, channel.high];
}

/** "50–130", "≥ 90", "". @param {[number | null, number | null]} limits  @param {Channel} channel */
export function limitsText([low, high], channel) {
    if (low !== null && high !== null) return `${valueText(channel, low)}–${valueText(channel, high)}`;
    if (low !== null) return `≥ ${valueText(channel, low)}`;
    return high === null ? '' : `≤ ${valueText(channel, high)}`;
}

/** One value as it is shown: its text, how much it is worth, and why.
 * @param {Bed} bed  @param {number} index  @param {Channel} channel  @param {number} now_ms
 * @param {boolean} current  false: nothing of this bed is current
 * @returns {{text: string, tone: 'good' | 'doubt' | 'gone', why: string, age_s: number | null}} */
export function valueModel(bed, index, channel, now_ms, current) {
    const value = bed.values[index];

    if (!value) return { text: NOTHING, tone: 'gone', why: '', age_s: null };
    const age_s = ageOf(value, bed, now_ms);

    if (!current || !speaks(value, channel, age_s)) {
        const why = value[2] && value[2] !== 'none' ? nameText('reason_', value[2]) : '';

        return { text: NOTHING, tone: 'gone', why: current ? why : '', age_s };
    }
    if (value[1] === 'good')
        return { text: valueText(channel, /** @type {number} */ (value[0])), tone: 'good', why: '', age_s };
    const reason =
        value[2] && value[2] !== 'none' ? nameText('reason_', value[2]) : nameText('quality_', value[1]);

    return { text: valueText(channel, /** @type {number} */ (value[0])), tone: 'doubt', why: reason, age_s };
}

/** "120/80 (93)" of two or three pressures, or the one text. @param {string[]} texts */
function joinParts([first, ...rest]) {
    if (rest.length === 0) return first;
    const [dia, mean] = rest;

    if ([first, dia, mean].every((part) => part === NOTHING)) return NOTHING;
    return `${first}/${dia}${mean === NOTHING ? '' : ` (${mean})`}`;
}

const WORTH = { good: 0, doubt: 1, gone: 2 };

/** @param {Row} row  @param {Bed} bed  @param {Session} session  @param {number} now_ms
 * @param {boolean} current  @returns {RowModel} */
export function rowModel(row, bed, session, now_ms, current) {
    const known = row.parts.filter((c) => c >= 0);
    const models = row.parts.map((c) =>
        c < 0
            ? { text: NOTHING, tone: /** @type {const} */ ('gone'), why: '', age_s: null }
            : valueModel(bed, c, session.channels[c], now_ms, current),
    );
    const there = models.filter((model, i) => row.parts[i] >= 0 && bed.values[row.parts[i]]);
    const worst = there.reduce((a, b) => (WORTH[b.tone] > WORTH[a.tone] ? b : a), there[0] ?? models[0]);
    const shares = known
        .map((c) => shareOf(session.channels[c].name, bed, session))
        .filter((x) => x !== null);
    const gone = models.every((model) => model.tone === 'gone');

    return {
        value: joinParts(models.map((model) => model.text)),
        unit: gone ? '' : row.unit,
        note: [worst.why, noteAge(worst.age_s, current)].filter(Boolean).join(' '),
        tone: gone ? 'gone' : worst.tone === 'good' ? 'good' : 'doubt',
        share: current && shares.length > 0 ? shares.reduce((a, b) => a + b, 0) : null,
        shown: there.length > 0,
    };
}

/** The channel's part of the anomaly, 0 to 1; null when it has none.
 * @param {string} name  @param {Bed} bed  @param {Session} session  @returns {number | null} */
export function shareOf(name, bed, session) {
    const of = session.anomaly?.channels.indexOf(name) ?? -1;

    return of < 0 ? null : bed.anomaly?.share?.[of] || null;
}

/** @param {number | null} age_s  @param {boolean} current */
function noteAge(age_s, current) {
    if (!current || age_s === null) return '';
    return age_s <= FRESH_S ? '' : ageText(age_s);
}

/** An age that no line break parts from its unit. @param {number} seconds */
function inOnePiece(seconds) {
    return ageText(seconds).replace(' ', '\u00a0');
}

/** What is wrong with the connection or the bed, in words; '' when all is well.
 * @param {Bed} bed  @param {LinkState} link  @param {number} silent_s  since the connection last spoke
 * @param {number} now_ms  @param {Session} session */
export function noticeOf(bed, link, silent_s, now_ms, session) {
    if (link === 'lost' || link === 'refused') return text('lost_short', { age: inOnePiece(silent_s) });
    if (link === 'stalled') return text('stalled_short');
    if (!isSilent(bed, now_ms, session.stale_s)) return '';
    const s = silence(bed, now_ms);

    const what = s === null ? text('no_data_yet') : text('no_data', { age: inOnePiece(s) });

    return bed.standing === 'standby' ? `${text('standby')}: ${what}` : what;
}

/** @param {Bed} bed  @param {Row[]} rows  @param {Session} session  @param {LinkState} link
 * @param {number} silent_s  since the connection last spoke  @param {number} now_ms
 * @returns {TileModel} */
export function tileModel(bed, rows, session, link, silent_s, now_ms) {
    const notice = noticeOf(bed, link, silent_s, now_ms, session);
    const calm = notice === '';
    const s = silence(bed, now_ms);
    const score = calm ? bed.score : null;
    const anomaly = calm ? (bed.anomaly?.score ?? null) : null;
    const threshold = session.anomaly?.threshold ?? null;

    return {
        calm,
        notice,
        age: s === null ? '' : s <= FRESH_S ? text('now') : ageText(s),
        score: score ? `${score.name} ${score.low_bound ? '≥ ' : ''}${score.total}` : '',
        scoreTitle: score?.low_bound
            ? `${text('score_partial')}: ${text('missing_inputs', { inputs: score.missing.map((name) => name.replaceAll('_', ' ')).join(', ') })}`
            : '',
        anomaly:
            anomaly === null || threshold === null
                ? ''
                : text('anomaly_value', {
                      score: numberText(anomaly, 2),
                      sign: anomaly > threshold ? '>' : '≤',
                      threshold: numberText(threshold, 2),
                  }),
        unusual: anomaly !== null && threshold !== null && anomaly > threshold,
        rows: rows.map((row) => rowModel(row, bed, session, now_ms, calm)),
    };
}

/** What has become of the alert: "Acknowledged by ...", "Sound paused until 12:04:10"; '' when it
 *  still asks for somebody. @param {Alert} alert */
export function signalText(alert) {
    const until = alert.signal?.until
        ? ` ${text('until', { time: clockText(Date.parse(alert.signal.until)) })}`
        : '';

    switch (alert.signal?.is ?? 'enabled') {
        case 'acknowledged':
            return (
                (alert.acknowledged_by
                    ? text('acknowledged_by', { by: alert.acknowledged_by })
                    : text('acknowledged')) + until
            );
        case 'audio-paused':
            return text('audio_paused') + until;
        case 'alarm-paused':
            return text('alarm_paused') + until;
        case 'alarm-off':
            return text('alarm_off');
        default:
            return alert.state === 'latched'
                ? text('latched')
                : alert.state === 'data-lost'
                  ? text('data_lost')
                  : '';
    }
}
