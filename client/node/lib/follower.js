/* follower.js - what is known of one endpoint, and what to ask it: ALERT/1 without sockets.
 *
 * One rule keeps every ward in order and complete, whether an event comes live or by replay: with
 * `last` the newest seq given out, an event with seq <= last is a repeat, one with prev_seq > last
 * shows a gap, any other is the next. Events behind a gap are not kept: the pipeline's outbox has
 * them, and the replay that fills the gap brings them too.
 *
 * A scope is what is asked for by one request: one subscribed ward, or all of them ("").
 * Times are milliseconds of performance.now(). */
import * as wire from './wire.js';

const LINK_DOWN_MS = 3000;
const STALLED_MS = 5000;
const BEHIND_MS = 500;
const REQUEST_TIMEOUT_MS = 2000;
const RETRY_MS = 500;
const REPLY_TIMEOUT_MS = 10000;
const CONFIRM_MS = 1000;
const CLOSING_ROUND_MS = 1000; // heartbeats of all wards are sent together
const CREDIT = 500;
const WARDS_MAX = 4096;

const SNAPSHOT = 'snapshot', REPLAY = 'replay', LIVE = 'live';

function newScope(ward, after) {
    return {
        ward,
        phase: after === null ? SNAPSHOT : REPLAY,
        base: after ?? 0, // wards that appear later start here
        cursor: after ?? 0,
        request: null, // id of the one that is not answered yet
        progress: false, // it gave out an event
        torn: false, // one of its answers was lost: what is behind has to be asked for again
        unreadable: 0, // newest seq that a replay brought and nobody could read
        heardAt: 0, // last sign of it
        notBefore: 0,
        refused: false, // and said so
        hasGap: false,
    };
}

class Ward {
    missed = 0; // newest seq of a live event that had to wait for a replay
    announced = 0; // by a heartbeat
    behindSince = null;
    heartbeatAt = null;
    closing = false;

    constructor(name, scope) {
        this.name = name;
        this.scope = scope;
        this.last = scope.base; // newest seq given out, or known to be in the snapshot
        // Complete up to here, and what the next heartbeat will show to be.
        this.proved = this.candidate = scope.base;
    }

    advance(seq) {
        this.last = seq;
        if (this.announced <= seq)
            this.behindSince = null;
    }

    isBehind(now) {
        const late = this.behindSince !== null && now - this.behindSince >= BEHIND_MS;

        return this.missed > this.last || (this.announced > this.last && late);
    }
}

export class Follower {
    heartbeat = null; // the newest
    linkIsUp = null;
    #heartbeatAt = null;
    #closingSince = null;
    #keyRefused = false;
    #stalled = false;
    #outbox = null;
    #highest = 0; // seq seen live
    #nextId = 1;
    #orders = new Map(); // id -> { body, sent, deadline }: requests that are answered with ok or an error
    #scopes;
    #wards = new Map();

    /** `send(body, failed)` sends, or calls `failed`, maybe later. `shared` has the queue `items`, the
     *  Seen and the figures of all endpoints. */
    constructor({ index, name, wards, after, subscriber, send, shared, now }) {
        const position = typeof after === 'object' ? after : { seq: after, outbox: null };

        Object.assign(this, { index, name, subscriber, send, shared });
        this.#outbox = position?.outbox ?? null;
        this.allWards = wards.length === 0;
        this.#scopes = (this.allWards ? [''] : wards).map((w) => newScope(w, position?.seq ?? null));
        for (const scope of this.#scopes) {
            if (scope.ward)
                this.#wards.set(scope.ward, new Ward(scope.ward, scope));
        }
        this.started = this.drainedAt = this.confirmedAt = now;
    }

    notify(kind, text, shard) {
        const notice = { type: 'notice', endpoint: this.index, kind, text };

        this.shared.items.push(shard === undefined ? notice : { ...notice, shard });
    }

    // ---- requests ----

    /** Asks for what the scope needs, if it needs something and nothing is on its way. */
    #drive(scope, now) {
        const waiting = scope.request !== null && now - scope.heardAt < REQUEST_TIMEOUT_MS;

        if (waiting || now < scope.notBefore)
            return;
        if (scope.phase !== LIVE) {
            this.#ask(scope, scope.ward, now);
            return;
        }
        scope.request = null;
        const gap = [...this.#wards.values()].find((w) => w.scope === scope && w.isBehind(now));

        if (gap && !scope.hasGap)
            this.shared.stats.gaps++;
        scope.hasGap = gap !== undefined;
        if (gap) {
            scope.cursor = gap.last;
            this.#ask(scope, gap.name, now);
        }
    }

    #ask(scope, ward, now) {
        const request = scope.phase === SNAPSHOT
            ? { do: 'snapshot', ward }
            : { do: 'replay', ward, after: scope.cursor, credit: CREDIT };
        const { id, body } = this.#number(request);

        Object.assign(scope, { request: id, progress: false, torn: false, heardAt: now });
        this.send(body, () => {
            if (scope.request === id)
                scope.request = null;
        });
    }

    #number(request) {
        const id = String(this.#nextId++);

        return { id, body: JSON.stringify({ id, ...request }) };
    }

    /** Queues a request that is answered by a reply in the stream; returns its ticket. */
    order(request, now) {
        const { id, body } = this.#number(request);

        this.#orders.set(id, { body, sent: false, deadline: now + REPLY_TIMEOUT_MS });
        this.#sendOrders(now);
        return Number(id);
    }

    #sendOrders(now) {
        for (const [id, order] of this.#orders) {
            if (!order.sent) {
                order.sent = true;
                this.send(order.body, () => { order.sent = false; });
            }
            if (now >= order.deadline) {
                this.#orders.delete(id);
                this.#giveReply(id, false, 'timeout', 'the pipeline did not answer within 10 s');
            }
        }
    }

    #giveReply(id, ok, code, message) {
        const ticket = Number(id);

        this.shared.items.push({ type: 'reply', endpoint: this.index, ticket, ok, code, message });
    }

    // ---- live ----

    onPublished(frames, now) {
        const message = this.#read(() => {
            if (frames.length < 3)
                throw new wire.Malformed('fewer than three frames');
            const ward = wire.topicWard(frames[0]), header = wire.header(frames[1]);

            if (header.kind === wire.HEARTBEAT)
                return { ward, header, heartbeat: wire.heartbeat(frames[2]) };
            if (header.kind !== wire.EVENT)
                return null; // of a later version
            const event = wire.event(frames[2]);

            if (event.ward !== ward)
                throw new wire.Malformed('the topic has another ward');
            return { ward, header, event };
        });

        if (!message)
            return;
        const { header } = message;

        this.#checkOutbox(header.outbox);
        this.#highest = Math.max(this.#highest, header.seq);
        const ward = this.#ward(message.ward);

        if (message.heartbeat)
            this.#takeHeartbeat(ward, header.seq, message.heartbeat, now);
        else if (ward)
            this.#takeLive(ward, header, message.event, now);
    }

    /** What `parse` gives; null, and counted, when the message is malformed. */
    #read(parse) {
        try {
            return parse();
        } catch (why) {
            if (!(why instanceof wire.Malformed))
                throw why;
            this.shared.stats.malformed++;
            return null;
        }
    }

    /** Undefined when it is none of ours. */
    #ward(name) {
        if (!this.#wards.has(name) && this.allWards && this.#wards.size < WARDS_MAX)
            this.#wards.set(name, new Ward(name, this.#scopes[0]));
        return this.#wards.get(name);
    }

    #checkOutbox(outbox) {
        if (this.#outbox !== null && this.#outbox !== outbox) {
            this.#outbox = outbox;
            this.#startAnew();
        }
        this.#outbox = outbox;
    }

    /** Another outbox counts anew: nothing that is known of the old one holds. */
    #startAnew() {
        this.#highest = 0;
        for (const scope of this.#scopes)
            Object.assign(scope, { phase: SNAPSHOT, base: 0, cursor: 0, request: null, unreadable: 0, notBefore: 0 });
        for (const w of this.#wards.values()) {
            w.last = w.missed = w.announced = w.proved = w.candidate = 0;
            w.behindSince = null;
        }
        this.notify('new_outbox', `the pipeline at ${this.name} has another outbox: asking for a snapshot`);
    }

    #takeLive(w, header, event, now) {
        if (w.scope.phase !== LIVE) {
            w.missed = Math.max(w.missed, header.seq);
        } else if (header.seq <= w.last) {
            this.shared.stats.duplicates++;
        } else if (header.prevSeq > w.last) {
            w.missed = header.seq;
            this.#drive(w.scope, now);
        } else {
            w.advance(header.seq);
            this.#give(LIVE, header.seq, header.prevSeq, event, header);
        }
    }

    /** Gives the event out, unless it was before. */
    #give(origin, seq, prevSeq, event, header) {
        const { stats, seen, items } = this.shared;

        if (!seen.add(event.event_id)) {
            stats.duplicates++;
            return;
        }
        stats.events++;
        stats.replayed += origin === REPLAY ? 1 : 0;
        items.push({
            type: 'alert',
            endpoint: this.index,
            origin,
            seq,
            prevSeq,
            repeat: header?.repeat ?? false,
            publishedNs: header?.publishedNs ?? null,
            event,
        });
    }

    #takeHeartbeat(w, seq, fresh, now) {
        const closing = fresh.state === 'closing';

        this.#heartbeatAt = now;
        this.#closingSince = closing ? this.#closingSince ?? now : null;
        if (w)
            this.#takeAnnouncement(w, seq, closing, now);
        this.#noteState(fresh);
        this.heartbeat = fresh;
        this.#noteAge(fresh);
    }

    #takeAnnouncement(w, seq, closing, now) {
        Object.assign(w, { heartbeatAt: now, closing, announced: seq });
        if (seq > w.last) {
            w.behindSince ??= now;
            return;
        }
        w.behindSince = null;
        // One heartbeat later, so that a ward that is still unknown had its own in between.
        w.proved = Math.max(w.proved, w.candidate);
        w.candidate = this.#highest;
    }

    #noteState(fresh) {
        const before = this.heartbeat ?? { state: 'running', reasons: '' };

        if (before.state === fresh.state && before.reasons === fresh.reasons)
            return;
        const reasons = fresh.reasons ? `: ${fresh.reasons}` : '';

        this.notify('state', `the pipeline at ${this.name} is ${fresh.state}${reasons}`);
    }

    #noteAge(fresh) {
        const stalled = fresh.oldestMs > STALLED_MS;

        if (stalled && !this.#stalled)
            this.notify('stalled', `STALLED: shard ${fresh.oldestShard} of ${this.name} has not moved for ` +
                `${(fresh.oldestMs / 1000).toFixed(1)} s, alerts may not be raised`, fresh.oldestShard);
        else if (this.#stalled && !stalled)
            this.notify('moving', `all shards of ${this.name} move again`);
        this.#stalled = stalled;
    }

    // ---- replies ----

    onReply(frame, now) {
        this.#read(() => {
            const reply = wire.reply(frame);
            const scope = this.#scopes.find((s) => s.request === reply.id);

            if (scope) {
                scope.heardAt = now;
                this.#takeAnswer(scope, reply, now);
            } else if (this.#orders.delete(reply.id)) {
                const ok = reply.ok === true;

                this.#giveReply(reply.id, ok, ok ? '' : String(reply.error), ok ? '' : String(reply.message));
            } // else of a request that was given up, or a confirmation
        });
    }

    #takeAnswer(scope, reply, now) {
        if (reply.error !== undefined)
            this.#takeRefusal(scope, reply, now);
        else if (reply.event !== undefined)
            this.#takeStored(scope, reply);
        else if (reply.truncated === true)
            this.#skipHistory(scope, wire.number(reply, 'oldest'), now);
        else if (reply.done === true)
            this.#finish(scope, reply, now);
    }

    #takeRefusal(scope, reply, now) {
        const busy = reply.error === 'busy';

        scope.request = null;
        scope.notBefore = now + (busy ? RETRY_MS : REQUEST_TIMEOUT_MS);
        if (busy || scope.refused)
            return;
        scope.refused = true;
        const what = scope.ward ? `ward ${scope.ward}` : 'all wards';

        this.notify('refused', `the pipeline at ${this.name} refuses ${what}: ${reply.error}: ${reply.message}`);
    }

    /** An event in a reply; one that cannot be read must not stop those behind it. */
    #takeStored(scope, reply) {
        if (scope.phase !== SNAPSHOT) {
            this.#takeReplayed(scope, reply);
            return;
        }
        const event = this.#readStored(reply, 0);

        if (event)
            this.#give(SNAPSHOT, null, null, event);
    }

    #readStored(reply, seq) {
        const event = this.#read(() => wire.checkEvent(reply.event));

        if (!event)
            this.notify('unreadable', `event ${seq} of ${this.name} cannot be understood`);
        return event;
    }

    #takeReplayed(scope, reply) {
        if (scope.torn)
            return;
        const seq = wire.number(reply, 'seq');
        const prevSeq = wire.number(reply, 'prev_seq');
        const event = this.#readStored(reply, seq);
        const w = event && this.#ward(event.ward);

        if (w && prevSeq > w.last && prevSeq > scope.unreadable) {
            scope.torn = true; // a pipeline drops answers that are not taken in time
            this.shared.stats.gaps++;
            return;
        }
        scope.cursor = Math.max(scope.cursor, seq);
        if (!event)
            scope.unreadable = Math.max(scope.unreadable, seq);
        if (w && seq > w.last) {
            w.advance(seq);
            scope.progress = true;
            this.#give(REPLAY, seq, prevSeq, event);
        }
    }

    #finish(scope, reply, now) {
        const wasLive = scope.phase === LIVE;

        scope.request = null;
        if (scope.phase === SNAPSHOT)
            this.#finishSnapshot(scope, reply);
        else
            this.#finishReplay(scope, wire.number(reply, 'next'), wire.number(reply, 'last'), now);
        if (wasLive && !scope.progress) // a gap that is still there: not at once again
            scope.notBefore = now + RETRY_MS;
        this.#drive(scope, now);
    }

    #finishSnapshot(scope, reply) {
        const asOf = wire.number(reply, 'as_of');

        this.#checkOutbox(wire.outbox(reply));
        scope.base = asOf;
        for (const w of this.#wards.values()) {
            if (w.scope === scope) {
                w.advance(asOf);
                w.proved = w.candidate = asOf;
            }
        }
        this.#setLive(scope);
    }

    #finishReplay(scope, next, last, now) {
        const first = scope.phase === REPLAY;

        if (first && last < scope.cursor && !scope.ward) {
            // The position that the caller gave counts in an outbox that is gone. (The last event
            // of a single ward may well be before it.)
            this.#startAnew();
            return;
        }
        if (first && !scope.torn) {
            scope.cursor = Math.max(scope.cursor, next);
            if (next >= last)
                this.#setLive(scope);
        }
        if (!scope.progress && (scope.torn || next < last))
            scope.notBefore = now + RETRY_MS;
    }

    #setLive(scope) {
        scope.phase = LIVE;
        this.notify('synced', `in step with ${this.name}, ${scope.ward ? `ward ${scope.ward}` : 'all wards'}`);
    }

    /** Retention was faster than this subscriber. */
    #skipHistory(scope, oldest, now) {
        this.notify('history_lost', `the pipeline at ${this.name} no longer holds the events after ` +
            `${scope.cursor}; the oldest is ${oldest}`);
        scope.request = null;
        if (scope.phase === LIVE) {
            scope.phase = SNAPSHOT;
        } else {
            scope.cursor = scope.base = Math.max(oldest - 1, 0);
            for (const w of this.#wards.values()) {
                if (w.scope === scope && w.last < scope.base)
                    w.advance(scope.base);
            }
        }
        this.#drive(scope, now);
    }

    // ---- time ----

    onTick(now) {
        this.#sendOrders(now);
        this.#watchLink();
        for (const scope of this.#scopes)
            this.#drive(scope, now);
        this.#confirm(now);
    }

    onKeyRefused() {
        if (this.#keyRefused)
            return;
        this.#keyRefused = true;
        this.notify('refused', `the pipeline at ${this.name} turns this client's key away: is its .pub in ` +
            'the folder of keys, with the role read and these wards?');
    }

    /* Heartbeats that wait in the socket count: a program that was stopped itself must not call the
     * pipeline dead. So the time is that when the socket was last empty. */
    #watchLink() {
        const heard = this.allWards
            ? [this.#heartbeatAt]
            : [...this.#wards.values()].map((w) => w.heartbeatAt);
        const good = Math.max(Math.min(...heard.map((h) => h ?? 0)), this.started);
        const silent = this.drainedAt - good;

        if (this.linkIsUp !== false && silent > LINK_DOWN_MS) {
            this.linkIsUp = false;
            this.notify('link_down', `LINK DOWN: no heartbeat from ${this.name} for ` +
                `${(silent / 1000).toFixed(1)} s, alerts may not arrive`);
        } else if (!this.linkIsUp && silent <= LINK_DOWN_MS && !heard.includes(null)) {
            this.linkIsUp = true;
            this.#keyRefused = false;
            this.notify('link_up', `link to ${this.name} is up (pipeline ${this.heartbeat.pipeline})`);
        }
    }

    #confirm(now) {
        if (!this.subscriber || now - this.confirmedAt < CONFIRM_MS)
            return;
        this.confirmedAt = now;
        for (const w of this.#wards.values()) {
            const request = { do: 'confirm', subscriber: this.subscriber, ward: w.name, seq: w.last };

            if (w.scope.phase === LIVE)
                this.send(this.#number(request).body, () => {});
        }
    }

    // ---- questions ----

    position() {
        if (this.#outbox === null || this.#scopes.some((s) => s.phase !== LIVE))
            return null;
        // Of a ward that nobody has heard of yet, `last` of another one proves nothing.
        const complete = [...this.#wards.values()].map(
            (w) => (this.allWards ? w.proved : Math.max(w.proved, w.last)));

        return {
            outbox: this.#outbox,
            seq: complete.length > 0 ? Math.min(...complete) : this.#scopes[0].base,
        };
    }

    isComplete() {
        return this.#scopes.every((s) => s.phase === LIVE) &&
            [...this.#wards.values()].every((w) => w.missed <= w.last && w.announced <= w.last);
    }

    /* Heartbeats come by ward: until each has said it, a ward may still announce what is missing. One
     * that is silent, because the pipeline has forgotten it, is not waited for. */
    isClosing(now) {
        if (this.#closingSince === null)
            return false;
        return [...this.#wards.values()].every((w) => w.closing) ||
            now - this.#closingSince >= CLOSING_ROUND_MS;
    }
}
