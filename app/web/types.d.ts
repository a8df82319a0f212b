/* types.d.ts - what the server sends (docs/http.md, docs/alert1.md). For the type checker only. */

export interface Channel {
    name: string;
    label: string;
    unit: string;
    decimals: number;
    low: number | null;
    high: number | null;
    measured: boolean;
    validity_s: number;
    episodic: boolean;
    words: string[] | null;
}

export interface Session {
    pipeline: string;
    version: string;
    run: string;
    roles: string[];
    now: number;
    channels: Channel[];
    forecast: { channels: string[]; horizons_s: number[]; quantiles: number[] } | null;
    anomaly: { channels: string[]; threshold: number } | null;
    score: { name: string; parameters: string[] } | null;
    history: { tick_s: number; ticks: number; minute_s: number; minutes: number; forecasts: number };
    wards: { name: string; title: string }[];
    stale_s: number;
    beds_max: number;
}

/** Value, name of its quality, name of the reason, time of the device in ms. */
export type Value = [number | null, string, string, number | null];

export interface Bed {
    key: string;
    gone?: boolean;
    ward: string;
    bed: string;
    patient: string;
    log: number | null;
    seen: number | null;
    values: (Value | null)[];
    score: { name: string; total: number; highest: number; low_bound: boolean; missing: string[]; at: number } | null;
    forecast: { at: number; values: ((number | null)[][] | null)[] } | null;
    anomaly: { at: number; score: number | null; share: (number | null)[] } | null;
    limits?: Record<string, [number | null, number | null]>;
    standing?: 'admitted' | 'standby';
    trend?: { from: number; step_s: number } & Record<string, unknown>;
    minute?: { from: number } & Record<string, number | null>;
}

export type Priority = 'high' | 'medium' | 'low' | 'none';

export interface Alert {
    seq: number;
    wall?: number;
    key: string | null;
    event_id: string;
    episode_id: string;
    phase: string;
    kind: string;
    priority: Priority;
    state: string;
    signal: { is: string; until?: string };
    rule: string;
    title: string;
    text: string;
    /** Set by the page: the newest text that says what happened to the patient. */
    said?: string;
    patient?: string;
    bed?: string;
    ward?: string;
    time: string;
    onset: string;
    duration_s?: number;
    channel?: string;
    reason?: string;
    suppressed_by?: string;
    acknowledged_by?: string;
    by?: string;
    note?: string;
    observed?: { value?: number; unit: string; quality: string; time: string };
    limit?: { low?: number; high?: number; unit: string; origin: string };
    worst?: { is: string; value: number; unit?: string; time: string };
    anomaly?: { score: number; threshold: number; contributions: { channel: string; share: number }[] };
    score?: { name: string; total: number; lowest: number; highest: number; known: number; of: number };
    forecast?: Record<string, unknown>;
}

export interface Heart {
    now: number;
    state: string;
    ready: boolean;
    stalled: boolean;
    reasons: string[];
    left_out: number;
    lost: number;
    /** When a row was lost last; null: none was. */
    lost_at: number | null;
    /** false: the outbox could not be read. */
    alerts_known?: boolean;
    partitions: { partition: number; state?: string; log: number | null; mark_age_s: number | null }[];
}

export interface BedHistory {
    step_s: number;
    from: number;
    n: number;
    gaps: [number, number][];
    /** Of five seconds: raw, clean, quality; of a minute: mean, low, high, share. */
    channels: Record<string, {
        raw?: (number | null)[]; clean?: (number | null)[]; quality?: string;
        mean?: (number | null)[]; low?: (number | null)[]; high?: (number | null)[]; share?: number[];
    }>;
    anomaly: (number | null)[];
    forecasts: { at: number; channel: string; horizon_s: number; values: (number | null)[] }[];
    episodes: Alert[];
    episodes_known?: boolean;
    notes: { at: number; channel: string; value: number }[];
}

export type LinkState = 'connecting' | 'live' | 'stalled' | 'lost' | 'refused';

/** One line of a tile: one vital sign, or the two or three pressures of one place. */
export interface Row {
    id: string;
    label: string;
    unit: string;
    /** Indices into session.channels: one, or systolic, diastolic and mean, -1 for none. */
    parts: number[];
    /** Index of the channel whose trend is drawn. */
    line: number;
}
