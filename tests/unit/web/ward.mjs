/* ward.mjs - a session and beds for the tests of the page's pure parts. */

const channel = (name, label, unit, more = {}) => ({
    name,
    label,
    unit,
    decimals: 0,
    measured: true,
    words: null,
    low: null,
    high: null,
    validity_s: 10,
    episodic: false,
    ...more,
});

export const session = {
    pipeline: 'icu',
    version: '0',
    run: '1',
    roles: ['read'],
    now: 0,
    channels: [
        channel('hr', 'HR', '/min', { low: 45, high: 130 }),
        channel('pulse', 'Pulse', '/min'),
        channel('spo2', 'SpO2', '%', { low: 90 }),
        channel('abp_sys', 'ABP systolic', 'mmHg'),
        channel('abp_dia', 'ABP diastolic', 'mmHg'),
        channel('abp_mean', 'ABP mean', 'mmHg'),
        channel('temp', 'Temperature', '°C', { decimals: 1 }),
        channel('acvpu', 'Consciousness', '', {
            measured: false,
            words: ['A', 'C', 'V', 'P', 'U'],
            validity_s: 14400,
        }),
    ],
    forecast: { channels: ['hr', 'spo2'], horizons_s: [60, 600], quantiles: [0.1, 0.5, 0.9] },
    anomaly: { channels: ['hr', 'spo2', 'abp_sys', 'abp_mean'], threshold: 1.96 },
    score: null,
    history: { tick_s: 5, ticks: 720, minute_s: 60, minutes: 1440, forecasts: 120 },
    wards: [],
    stale_s: 10,
    beds_max: 500,
};

/** A bed whose newest row is of `log` and came at that moment. */
export function bed(log, values, more = {}) {
    return {
        key: 'k1',
        ward: 'icu-a',
        bed: 'icu-a/01',
        patient: 'p-1',
        log,
        seen: log,
        values: session.channels.map(({ name }) =>
            values[name] === undefined
                ? null
                : Array.isArray(values[name])
                  ? values[name]
                  : [values[name], 'good', '', log],
        ),
        score: null,
        forecast: null,
        anomaly: null,
        ...more,
    };
}

export function alert(more = {}) {
    return {
        seq: 1,
        key: 'k1',
        event_id: 'e.0',
        episode_id: 'e',
        phase: 'start',
        kind: 'physiological',
        priority: 'high',
        state: 'active',
        signal: { is: 'enabled' },
        rule: 'r',
        title: 'T',
        text: 't',
        time: '2026-03-01T12:00:10.000Z',
        onset: '2026-03-01T12:00:00.000Z',
        ...more,
    };
}
