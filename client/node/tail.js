#!/usr/bin/env node
/* tail.js - alerts, notices and replies of pipelines as NDJSON on standard output.
 *
 * Options are those of `vigil alerts`, and so are the lines. Exit code 1: refused, or the events of a
 * pipeline that is gone are not complete; 2: usage; 69: no connection. */
import { parseArgs } from 'node:util';

import { loadKeys, subscribe } from './index.js';

const EXIT_REFUSED = 1, EXIT_USAGE = 2, EXIT_UNAVAILABLE = 69;
const TURN_MS = 200;

const OPTIONS = {
    connect: { type: 'string', multiple: true, default: [] },
    control: { type: 'string', multiple: true, default: [] },
    'server-key': { type: 'string' }, // the pipeline's .pub
    key: { type: 'string' }, // this client's .key
    ward: { type: 'string', multiple: true, default: [] },
    after: { type: 'string' }, // begin with a replay; 0: all
    subscriber: { type: 'string' }, // confirm what was received, under this name
    count: { type: 'string' }, // end after so many events
    'until-closed': { type: 'boolean', default: false }, // end with the pipeline
    timeout: { type: 'string', default: '10' }, // seconds to connect in
    ack: { type: 'string' }, // acknowledge this episode, and end
    by: { type: 'string' },
    note: { type: 'string' },
};

function line(item) {
    if (item.type === 'notice') {
        const { endpoint, kind, text, shard } = item;

        return { type: 'notice', notice: kind, endpoint, text, shard };
    }
    if (item.type === 'reply')
        return { type: 'reply', ok: item.ok, code: item.code, message: item.message };
    const { seq, prevSeq, origin, endpoint, event } = item;

    return { type: 'event', seq, prev_seq: prevSeq, ward: event.ward, origin, endpoint, event };
}

function show(item) {
    process.stdout.write(JSON.stringify(line(item)) + '\n');
}

function whole(options, name) {
    if (options[name] === undefined)
        return undefined;
    if (!/^[0-9]{1,15}$/.test(options[name]))
        throw new Error(`--${name} ${options[name]}: expected a whole number`);
    return Number(options[name]);
}

function open(options) {
    const after = whole(options, 'after');

    if (options.connect.length === 0 || options.connect.length !== options.control.length)
        throw new Error('expected as many --control as --connect, and at least one');
    if (Boolean(options['server-key']) !== Boolean(options.key))
        throw new Error('--server-key and --key go together');
    if (options.ack && !options.by)
        throw new Error('--ack needs --by');
    const keys = options.key ? loadKeys(options['server-key'], options.key) : undefined;

    return subscribe({
        endpoints: options.connect.map(
            (publish, i) => ({ publish, control: options.control[i], keys, after })),
        ward: options.ward,
        subscriber: options.subscriber,
    });
}

/** Asks every instance: the one that has the episode says ok. */
async function acknowledge(alerts, options) {
    let open = options.connect.length;

    for (let endpoint = 0; endpoint < open; endpoint++)
        alerts.acknowledge(options.ack, { by: options.by, note: options.note, endpoint });
    for await (const item of alerts) {
        if (item.type !== 'reply')
            continue;
        open--;
        if (item.ok || open === 0) {
            show(item);
            return item.ok ? 0 : EXIT_REFUSED;
        }
    }
    return 0;
}

async function follow(alerts, options) {
    const giveUp = performance.now() + 1000 * Number(options.timeout);
    const count = whole(options, 'count') ?? Infinity;
    let events = 0, connected = false, refused = false, gone = false;

    while (events < count) {
        if (options['until-closed'] && alerts.closing && (gone || alerts.complete))
            return alerts.complete ? 0 : EXIT_REFUSED;
        if (!connected && performance.now() > giveUp)
            return refused ? EXIT_REFUSED : EXIT_UNAVAILABLE;
        const item = await alerts.receive(TURN_MS);

        if (item === null)
            continue;
        show(item);
        events += item.type === 'alert' ? 1 : 0;
        connected ||= item.kind === 'link_up' || item.kind === 'synced';
        refused ||= item.kind === 'refused';
        gone ||= item.kind === 'link_down' && alerts.closing;
    }
    return 0;
}

async function main() {
    let alerts, options;

    try {
        options = parseArgs({ options: OPTIONS }).values;
        alerts = open(options);
    } catch (why) {
        console.error(`tail.js: ${why.message}`);
        return EXIT_USAGE;
    }
    try {
        return options.ack ? await acknowledge(alerts, options) : await follow(alerts, options);
    } finally {
        alerts.close();
    }
}

process.exitCode = await main();
