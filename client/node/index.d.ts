/* index.d.ts - the types of vigil-alerts. docs/alert1.md of Vigil says what each member means.
 *
 * A subscription belongs to one event loop; nothing is global. Vigil is not a medical device. */

export type Phase =
    'start' | 'update' | 'escalate' | 'deescalate' | 'continue' | 'acknowledge' | 'end' | 'reset';
export type Kind = 'physiological' | 'technical' | 'advisory';
export type Priority = 'high' | 'medium' | 'low' | 'none';
export type State = 'active' | 'data-lost' | 'latched' | 'inactive';

export interface Signal {
    is: 'enabled' | 'audio-paused' | 'alarm-paused' | 'alarm-off' | 'acknowledged';
    until?: string;
}

export interface Window {
    from: string;
    to: string;
    for_s?: number;
    at_least?: number;
    of?: number;
    over_s?: number;
    falls_by?: number;
    rises_by?: number;
    by?: number;
    below_by?: number;
    above_by?: number;
    unit?: string;
    share?: boolean;
    confidence?: number;
    usual?: number;
    within_s?: number;
    longer_than_s?: number;
}

export interface Score {
    name: string;
    total: number;
    lowest: number;
    highest: number;
    known: number;
    of: number;
    spo2_scale?: number;
    parts: {
        channel: string;
        value?: number | string;
        points?: number;
        least?: number;
        most?: number;
        age_s?: number;
    }[];
}

/** Members that do not apply are absent. A later pipeline may send others besides. */
export interface Event {
    event_id: string;
    episode_id: string;
    phase: Phase;
    kind: Kind;
    priority: Priority;
    state: State;
    signal: Signal;
    rule: string;
    title: string;
    text: string;
    patient?: string;
    bed?: string;
    ward: string;
    time: string;
    onset: string;
    duration_s?: number;
    delays?: { condition_s: number; generation_s?: number };
    channel?: string;
    observed?: { value?: number; unit?: string; quality?: string; time?: string };
    limit?: { low?: number; high?: number; unit?: string; origin?: string };
    worst?: {
        is: 'value' | 'change' | 'forecast' | 'score' | 'points';
        value: number;
        unit?: string;
        time: string;
    };
    window?: Window;
    forecast?: {
        channel: string;
        horizon_s: number;
        quantiles: Record<string, number>;
        limit?: number;
        crossing_s?: number;
        probability?: number;
    };
    anomaly?: {
        score: number;
        threshold: number;
        contributions: { channel: string; share: number }[];
    };
    score?: Score;
    /** null: no usable value came in that minute. */
    hour?: { channel: string; unit: string; from: string; step_s: number; values: (number | null)[] };
    reason?: string;
    suppressed_by?: string;
    acknowledged_by?: string;
    by?: string;
    note?: string;
    position?: {
        topic?: string;
        partition?: number;
        offset?: number;
        index?: number;
        due?: string;
        ordinal?: number;
    };
    config: string;
    model?: { name: string; sha256: string };
}

/** An event, given out once. Events of one ward come in order, whatever their origin. */
export interface Alert {
    type: 'alert';
    endpoint: number; // index of the one it came from
    origin: 'live' | 'replay' | 'snapshot';
    seq: number | null; // in the endpoint's outbox; null for one of a snapshot
    prevSeq: number | null; // of the event before it in the same ward
    repeat: boolean; // the pipeline may have published it before a restart
    publishedNs: bigint | null; // wall time of a live event, ns since 1970
    event: Event;
    kind?: undefined;
}

export type NoticeKind =
    | 'link_up' // first heartbeat, or heartbeats again
    | 'link_down' // no heartbeat for 3 s: alerts may not arrive
    | 'stalled' // a shard has not moved through the whole chain for more than 5 s
    | 'moving' // no longer stalled
    | 'not_covered' // no reachable instance processes one of the partitions
    | 'covered' // every partition is processed again
    | 'state' // the pipeline changed its state; the text holds it and its reasons
    | 'synced' // the snapshot or first replay is complete
    | 'new_outbox' // the pipeline has another outbox; a snapshot follows
    | 'history_lost' // events that were asked for are no longer held
    | 'unreadable' // an event cannot be understood and was skipped
    | 'refused'; // the pipeline refuses what this client needs: its key, a ward

/** Something about the pipeline or the link. Conditions come in pairs, raised and cleared. */
export interface Notice {
    type: 'notice';
    endpoint: number;
    kind: NoticeKind;
    text: string; // one sentence for people
    shard?: number; // of stalled and not_covered: one that is affected
}

/** The answer to an acknowledgement or a command. */
export interface Reply {
    type: 'reply';
    endpoint: number;
    ticket: number;
    ok: boolean; // durable in the pipeline
    code: string; // if not: of docs/alert1.md, or "timeout"; it may still come true
    message: string;
    kind?: undefined;
}

export type Item = Alert | Notice | Reply;

/** Where to resume: every event of the outbox up to seq was given out. Store both. */
export interface Position {
    outbox: string;
    seq: number;
}

/** The pipeline's public key and this client's pair, each the 40 characters of Z85. */
export interface Keys {
    server: string;
    public: string;
    secret: string;
}

/** One pipeline, or one of the instances that share a pipeline's input. */
export interface Endpoint {
    publish: string; // what the ZeroMQ sink calls `publish`
    control: string;
    keys?: Keys;
    /** Absent: begin with a snapshot of the open episodes. A position, or a seq (0: all that the
     *  pipeline holds): begin with a replay of everything after it. */
    after?: Position | number | null;
}

export interface Stats {
    events: number; // given out
    duplicates: number; // dropped: given out before
    gaps: number; // times that events were found missing
    replayed: number; // events given out that a replay brought
    malformed: number; // messages that could not be understood
}

export interface Who {
    by: string;
    note?: string;
    endpoint?: number; // when an episode is given instead of an alert; default 0
}

export class Subscription implements AsyncIterableIterator<Item> {
    private constructor();
    readonly stats: Stats;
    [Symbol.asyncIterator](): this;
    next(): Promise<IteratorResult<Item, undefined>>;
    return(): Promise<IteratorResult<Item, undefined>>;
    /** The next item; null when the time is over, or the subscription is closed. Wait at least 100 ms:
     *  nothing is worked off while nobody waits. */
    receive(timeoutMs?: number): Promise<Item | null>;
    /** Says that `by` takes care of the alert (or episode). A Reply with the ticket that this returns
     *  comes in the stream within 10 s. Asking twice is harmless. */
    acknowledge(alert: Alert | string, who: Who): number;
    /** Pauses the audio of an alert, as a command. */
    snooze(alert: Alert | string, who: Who & { forS: number; key?: string }): number;
    /** Gives a command of docs/alert1.md. `key` is the text of the file command.key, not needed with
     *  CURVE; under the same commandId (default: a new one) it is obeyed once. */
    command(
        command: { do: string; by: string; [member: string]: unknown },
        options?: { key?: string; commandId?: string; endpoint?: number },
    ): number;
    /** Where to resume. null while the first snapshot or replay is not complete. */
    position(endpoint?: number): Position | null;
    /** Whether every event that the pipelines have announced so far was given out. */
    readonly complete: boolean;
    /** Whether all endpoints have said that they are closing. */
    readonly closing: boolean;
    /** Disconnects; the iteration ends. Twice is fine. */
    close(): void;
}

export interface Options {
    /** One or more; default: all. */
    ward?: string | string[];
    /** The name under which the pipeline is told each second what was given out. */
    subscriber?: string;
}

/** Follows one pipeline, or several endpoints whose events are merged. Throws an Error for addresses
 *  and names that cannot be. */
export function subscribe(options: Options & (Endpoint | { endpoints: Endpoint[] })): Subscription;

/** From the pipeline's .pub and this client's .key. Throws when others may read the secret. */
export function loadKeys(server: string, pair: string): Keys;
