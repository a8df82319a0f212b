/* wire.js - ALERT/1 as bytes: frames of PUB, messages of ROUTER. Throws Malformed for all else.
 *
 * A seq is a number: events do not reach 2^53. The wall time in nanoseconds does, and is a bigint. */
export const EVENT = 1, HEARTBEAT = 2;

const HEADER_BYTES = 48;
const PARTITIONS_MAX = 1 << 16;

export class Malformed extends Error {}

export function isWard(text) {
    return typeof text === 'string' && /^[a-z0-9-]{1,32}$/.test(text);
}

function parse(frame) {
    let value;

    try {
        value = JSON.parse(frame.toString('utf8'));
    } catch {
        throw new Malformed('not JSON');
    }
    if (!isObject(value))
        throw new Malformed('not a JSON object');
    return value;
}

function isObject(value) {
    return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function text(value, name) {
    if (typeof value[name] !== 'string')
        throw new Malformed(`${name}: expected a text`);
    return value[name];
}

export function number(value, name) {
    if (!Number.isSafeInteger(value[name]) || value[name] < 0)
        throw new Malformed(`${name}: expected a whole number`);
    return value[name];
}

function uuid(digits) {
    return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

export function outbox(value) {
    const digits = text(value, 'outbox').replaceAll('-', '').toLowerCase();

    if (!/^[0-9a-f]{32}$/.test(digits))
        throw new Malformed('outbox: expected a UUID');
    return uuid(digits);
}

export function topicWard(frame) {
    const parts = frame.toString('latin1').split('/');

    if (parts.length !== 4 || parts[0] !== 'alert' || parts[1] !== '1' || parts[3] || !isWard(parts[2]))
        throw new Malformed('not a topic alert/1/<ward>/');
    return parts[2];
}

export function header(frame) {
    if (frame.length !== HEADER_BYTES || frame.toString('latin1', 0, 4) !== 'VGA1' || frame[5] !== 0)
        throw new Malformed('not a header of ALERT/1 in JSON');
    return {
        kind: frame[4],
        repeat: (frame.readUInt16BE(6) & 1) !== 0,
        seq: Number(frame.readBigUInt64BE(8)),
        prevSeq: Number(frame.readBigUInt64BE(16)),
        outbox: uuid(frame.toString('hex', 24, 40)),
        publishedNs: frame.readBigInt64BE(40),
    };
}

export function checkEvent(value) {
    if (!isObject(value) || !isWard(value.ward))
        throw new Malformed('not an event');
    text(value, 'event_id');
    text(value, 'episode_id');
    return value;
}

export function event(frame) {
    return checkEvent(parse(frame));
}

export function heartbeat(frame) {
    const value = parse(frame);
    const { shards, reasons = [] } = value;
    const beat = {
        pipeline: text(value, 'pipeline'),
        state: text(value, 'state'),
        reasons: Array.isArray(reasons) ? reasons.join('; ') : '',
        partitions: number(value, 'partitions'),
        shards: new Set(),
        oldestMs: -1,
        oldestShard: -1,
    };

    if (!Array.isArray(shards) || beat.partitions > PARTITIONS_MAX)
        throw new Malformed('shards: expected a list, of partitions that Kafka can have');
    for (const shard of shards) {
        if (!isObject(shard) || !Number.isSafeInteger(shard.wall_age_ms))
            throw new Malformed('shards: expected objects with wall_age_ms');
        beat.shards.add(number(shard, 'shard'));
        if (shard.wall_age_ms > beat.oldestMs) {
            beat.oldestMs = shard.wall_age_ms;
            beat.oldestShard = shard.shard;
        }
    }
    return beat;
}

/** The whole object, with an id that is a text; those of this package are numbers in digits. */
export function reply(frame) {
    const value = parse(frame);

    text(value, 'id');
    return value;
}
