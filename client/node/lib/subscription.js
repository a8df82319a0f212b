/* subscription.js - subscribe(): the sockets, the stream of items, what concerns several endpoints.
 *
 * Messages are worked off only while the caller waits for an item: so what was given out was handled
 * when a position or a confirmation says so, and nothing piles up here behind a slow caller. */
import { randomUUID } from 'node:crypto';
import { Dealer, Subscriber } from 'zeromq';

import { Follower } from './follower.js';
import { checkKeys } from './keys.js';
import { Seen } from './seen.js';
import { isWard } from './wire.js';

const TICK_MS = 50;
const NOT_COVERED_MS = 1500; // a shard that moves is shown by neither instance until both have sent a heartbeat
const RECONNECT_MS = 5000;
const SUSPENDED_MS = 1000;

/* A network that swallows packets is noticed by the kernel's probes. Not by ZMQ_HEARTBEAT: a socket
 * that is full reads no pings and is taken for dead (docs/alert1.md, step 7). */
function socketOptions(keys) {
    const curve = keys && {
        curveServerKey: keys.server,
        curvePublicKey: keys.public,
        curveSecretKey: keys.secret,
    };

    return {
        linger: 0,
        ipv6: true,
        receiveHighWaterMark: 20000,
        reconnectInterval: 100,
        reconnectMaxInterval: 1000,
        connectTimeout: 3000,
        tcpKeepalive: 1,
        tcpKeepaliveIdle: 1,
        tcpKeepaliveInterval: 1,
        tcpKeepaliveCount: 3,
        tcpMaxRetransmitTimeout: 4000,
        maxMessageSize: 1 << 20,
        ...curve,
    };
}

/** The two sockets of an endpoint, and what is known of it. */
class Connection {
    notCovered = false;
    uncoveredSince = null;
    received = 0; // messages of `sub`
    #receivedAtTick = 0;

    constructor(endpoint, wards, now) {
        const options = socketOptions(endpoint.keys && checkKeys(endpoint.keys));

        this.endpoint = endpoint;
        this.connectedAt = this.tickedAt = now;
        this.sub = new Subscriber(options);
        // Requests must not wait in a queue for a pipeline that is away: they are asked anew.
        this.dealer = new Dealer({ ...options, immediate: true, sendTimeout: 0 });
        if (endpoint.keys)
            this.sub.events.on('handshake:error:auth', () => { this.keyRefused = true; });
        this.sub.subscribe(...(wards.length ? wards.map((w) => `alert/1/${w}/`) : ['alert/1/']));
        this.sub.connect(endpoint.publish);
        this.dealer.connect(endpoint.control);
    }

    send(body, failed) {
        this.dealer.send(body).catch(failed);
    }

    tick(now) {
        // Empty: nothing came since the last tick, and this process was not stopped in between.
        if (this.received === this.#receivedAtTick && now - this.tickedAt < SUSPENDED_MS)
            this.follower.drainedAt = now;
        this.#receivedAtTick = this.received;
        this.tickedAt = now;
        if (this.keyRefused) {
            this.keyRefused = false;
            this.follower.onKeyRefused();
        }
        // Something in between may be stuck that the kernel takes for alive: begin anew.
        if (this.follower.linkIsUp === false && now - this.connectedAt >= RECONNECT_MS) {
            this.connectedAt = now;
            this.sub.disconnect(this.endpoint.publish);
            this.sub.connect(this.endpoint.publish);
            this.dealer.disconnect(this.endpoint.control);
            this.dealer.connect(this.endpoint.control);
        }
        this.follower.onTick(now);
    }

    close() {
        this.sub.close();
        this.dealer.close();
    }
}

export class Subscription {
    stats = { events: 0, duplicates: 0, gaps: 0, replayed: 0, malformed: 0 };
    #items = [];
    #connections = [];
    #waiting = null; // wakes the caller that waits for an item
    #demand = []; // wakes those that hold a message until the caller waits
    #closed = false;
    #timer;

    constructor(endpoints, wards, subscriber) {
        const now = performance.now();
        const shared = { items: this.#items, seen: new Seen(), stats: this.stats };

        check(endpoints, wards, subscriber);
        try {
            endpoints.forEach((endpoint, index) => {
                const c = new Connection(endpoint, wards, now);

                this.#connections.push(c);
                c.follower = new Follower({
                    index,
                    name: endpoint.publish,
                    wards,
                    after: endpoint.after ?? null,
                    subscriber,
                    send: (body, failed) => c.send(body, failed),
                    shared,
                    now,
                });
            });
        } catch (why) {
            this.close();
            throw new Error(`cannot connect: ${why.message}`, { cause: why });
        }
        for (const c of this.#connections) {
            void this.#pump(c.sub, (frames) => {
                c.received++;
                c.follower.onPublished(frames, performance.now());
            });
            void this.#pump(c.dealer, (frames) => c.follower.onReply(frames[0], performance.now()));
        }
        // After what has arrived was read: a process that was stopped must not call the link down.
        this.#timer = setInterval(() => setImmediate(() => this.#tick()), TICK_MS);
    }

    // ---- items ----

    [Symbol.asyncIterator]() {
        return this;
    }

    async next() {
        const value = await this.receive();

        return value === null ? { done: true, value: undefined } : { done: false, value };
    }

    /** What leaving a `for await` calls. */
    async return() {
        this.close();
        return { done: true, value: undefined };
    }

    async receive(timeoutMs) {
        let timer;

        if (this.#waiting)
            throw new Error('one receive() at a time');
        if (this.#items.length === 0 && !this.#closed) {
            await new Promise((wake) => {
                this.#waiting = wake;
                if (timeoutMs !== undefined)
                    timer = setTimeout(wake, timeoutMs);
                for (const go of this.#demand.splice(0))
                    go();
            });
            this.#waiting = null;
            clearTimeout(timer);
        }
        return this.#items.shift() ?? null;
    }

    get #wanted() {
        return this.#waiting !== null && this.#items.length === 0;
    }

    #wake() {
        if (this.#items.length > 0)
            this.#waiting?.();
    }

    async #pump(socket, take) {
        while (!this.#closed) {
            let frames;

            try {
                frames = await socket.receive();
            } catch (why) {
                if (this.#closed)
                    return;
                throw why;
            }
            while (!this.#wanted && !this.#closed)
                await new Promise((go) => this.#demand.push(go));
            if (this.#closed)
                return;
            take(frames);
            this.#wake();
        }
    }

    #tick() {
        const now = performance.now();

        if (!this.#wanted || this.#closed)
            return;
        for (const c of this.#connections)
            c.tick(now);
        for (const c of this.#connections)
            this.#watchCoverage(c, now);
        this.#wake();
    }

    // ---- several endpoints ----

    /* The first partition that no reachable instance has. When none is reachable, "link down" has
     * said it all. The first endpoint of a pipeline speaks for all. */
    #uncovered(c) {
        const instances = this.#connections.map((i) => i.follower).filter(
            (f) => f.heartbeat && f.heartbeat.pipeline === c.follower.heartbeat?.pipeline);
        const beats = instances.filter((f) => f.linkIsUp).map((f) => f.heartbeat);
        const partitions = Math.max(0, ...beats.map((b) => b.partitions));

        if (instances[0] !== c.follower)
            return null;
        for (let p = 0; p < partitions; p++) {
            if (!beats.some((b) => b.shards.has(p)))
                return p;
        }
        return null;
    }

    #watchCoverage(c, now) {
        const shard = this.#uncovered(c);
        const pipeline = c.follower.heartbeat?.pipeline;

        if (shard === null) {
            c.uncoveredSince = null;
            if (c.notCovered)
                c.follower.notify('covered', `every partition of pipeline ${pipeline} is processed again`);
            c.notCovered = false;
            return;
        }
        c.uncoveredSince ??= now;
        if (c.notCovered || now - c.uncoveredSince < NOT_COVERED_MS)
            return;
        c.notCovered = true;
        c.follower.notify('not_covered',
            `NOT COVERED: no instance of pipeline ${pipeline} processes partition ${shard}`, shard);
    }

    // ---- requests ----

    acknowledge(alert, { by, note, endpoint = 0 }) {
        const request = { do: 'acknowledge', episode: episodeOf(alert), by, note };

        return this.#order(alert.endpoint ?? endpoint, request);
    }

    snooze(alert, { by, forS, note, key, endpoint = 0 }) {
        const command = { do: 'snooze', episode: episodeOf(alert), by, for_s: forS, note };

        return this.command(command, { key, endpoint: alert.endpoint ?? endpoint });
    }

    command(command, { key = '', commandId = randomUUID(), endpoint = 0 } = {}) {
        return this.#order(endpoint, { do: 'command', command_id: commandId, key, command });
    }

    #order(endpoint, request) {
        return this.#connections[endpoint].follower.order(request, performance.now());
    }

    // ---- questions ----

    position(endpoint = 0) {
        const position = this.#connections[endpoint].follower.position();
        const waiting = this.#items.filter((i) => i.type === 'alert' && i.endpoint === endpoint);

        if (position === null || waiting.some((i) => i.seq === null))
            return null;
        return { ...position, seq: Math.min(position.seq, ...waiting.map((i) => i.seq - 1)) };
    }

    get complete() {
        return !this.#items.some((i) => i.type === 'alert') &&
            this.#connections.every((c) => c.follower.isComplete());
    }

    get closing() {
        const now = performance.now();

        return this.#connections.every((c) => c.follower.isClosing(now));
    }

    close() {
        if (this.#closed)
            return;
        this.#closed = true;
        clearInterval(this.#timer);
        for (const c of this.#connections)
            c.close();
        this.#items.length = 0;
        for (const go of this.#demand.splice(0))
            go();
        this.#waiting?.();
    }
}

function episodeOf(alert) {
    return typeof alert === 'string' ? alert : alert.event.episode_id;
}

function check(endpoints, wards, subscriber) {
    if (endpoints.length === 0)
        throw new Error('no endpoint to connect to');
    for (const { publish, control } of endpoints) {
        if (!publish || !control)
            throw new Error('an endpoint needs both addresses, publish and control');
    }
    for (const ward of wards) {
        if (!isWard(ward))
            throw new Error(`${JSON.stringify(ward)} is not a ward: expected 1 to 32 of a-z, 0-9 and -`);
    }
    if (subscriber !== undefined && !isWard(subscriber))
        throw new Error("the subscriber's name needs 1 to 32 of a-z, 0-9 and -");
}

export function subscribe({ endpoints, ward = [], subscriber, ...endpoint }) {
    return new Subscription(endpoints ?? [endpoint], [ward].flat(), subscriber);
}
