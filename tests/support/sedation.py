#!/usr/bin/env python3
"""What alerts the sedation recordings must give: computed from the CSV alone.

Shares nothing with Vigil but the definition of the rule (a limit with `for`): usable means a number
that is not 0 and inside the plausible range; an empty cell or a 0 drops what is pending; an episode
starts at the first usable sample that is still beyond the limit when `for` has passed since the
first one, or, when no sample came at that very second, at that second if the newest usable value is
at most `validity` old and the shard's log goes on beyond it. It ends at the first usable sample that
is not beyond the limit.
"""
import csv
import functools
import gzip
import pathlib

FOR_S = 10
VALIDITY_S = 10
LATE_AFTER_S = 30
RULES = {"spo2_low": ("spo2_pct", 90.0, 0.0, 100.0), "pulse_low": ("pulse_bpm", 50.0, 0.0, 350.0)}


@functools.lru_cache
def read(path):
    """{patient: [(t_s, clock_s, {column: float or None})]} in file order."""
    patients = {}
    with gzip.open(path, "rt", newline="") as file:
        for row in csv.DictReader(file):
            values = {c: float(row[c]) if row[c] != "" else None
                      for c in ("spo2_pct", "pulse_bpm", "tcco2_mmhg")}
            clock = float(row["clock_s"]) if row["clock_s"] != "" else None
            patients.setdefault(row["patient"], []).append((float(row["t_s"]), clock, values))
    return patients


def murmur2(data):
    """Kafka's default partitioner hash (org.apache.kafka.common.utils.Utils.murmur2)."""
    m, mask = 0x5BD1E995, 0xFFFFFFFF
    h = 0x9747B28C ^ len(data)
    whole = len(data) // 4 * 4
    for i in range(0, whole, 4):
        k = int.from_bytes(data[i:i + 4], "little") * m & mask
        k = (k ^ k >> 24) * m & mask
        h = (h * m & mask) ^ k
    rest = data[whole:]
    if rest:
        h = (h ^ int.from_bytes(rest, "little")) * m & mask
    h = (h ^ h >> 13) * m & mask
    return h ^ h >> 15


def partition(patient, partitions):
    return (murmur2(patient.encode()) & 0x7FFFFFFF) % partitions


def is_late(t, clock):
    return clock is not None and t - clock > LATE_AFTER_S


def episodes(rows, column, limit, low, high, log_end, device_clock):
    """[(onset_s, start_s, end_s or None)] of one rule on one patient."""
    found = []
    onset = newest = start = None
    for t, clock, values in rows:
        # The timer at onset + FOR_S fires before the first row of a later second.
        if onset is not None and start is None and t > onset + FOR_S:
            if onset + FOR_S - newest <= VALIDITY_S:
                start = onset + FOR_S
        if device_clock and is_late(t, clock):
            continue
        value = values[column]
        usable = value is not None and value != 0 and low <= value <= high
        if not usable:
            if start is None:
                onset = None
            continue
        newest = t
        if value < limit:
            if onset is None:
                onset = t
            if start is None and t >= onset + FOR_S:
                start = t
        else:
            if start is not None:
                found.append((onset, start, t))
            onset = start = None
    if onset is not None and start is None and log_end > onset + FOR_S:
        if onset + FOR_S - newest <= VALIDITY_S:
            start = onset + FOR_S
    if start is not None:
        found.append((onset, start, None))
    return found


def expected(path, partitions, device_clock=False):
    """{(patient, rule, onset_s, start_s, end_s or None)}."""
    patients = read(path)
    log_end = {}
    for patient, rows in patients.items():
        p = partition(patient, partitions)
        log_end[p] = max(log_end.get(p, 0.0), max(t for t, _, _ in rows))
    found = set()
    for patient, rows in patients.items():
        end = log_end[partition(patient, partitions)]
        for rule, (column, limit, low, high) in RULES.items():
            for onset, start, stop in episodes(rows, column, limit, low, high, end, device_clock):
                found.add((patient, rule, onset, start, stop))
    return found


def clock_trouble(path):
    """Patients whose device clock is more than 5 s ahead or 30 s behind, absent, or does not move
    on from one row to the next."""
    troubled = set()
    for patient, rows in read(path).items():
        before = None
        for t, clock, _ in rows:
            if (clock is None or clock - t > 5 or t - clock > LATE_AFTER_S
                    or (before is not None and clock <= before)):
                troubled.add(patient)
            before = clock if clock is not None else before
    return troubled


def probe_off(path):
    """{(patient, channel)} with at least one zero that is no measurement."""
    found = set()
    for patient, rows in read(path).items():
        for _, _, values in rows:
            for column, channel in (("spo2_pct", "spo2"), ("pulse_bpm", "pulse")):
                if values[column] == 0:
                    found.add((patient, channel))
    return found


if __name__ == "__main__":
    import sys
    source = pathlib.Path(sys.argv[1])
    alerts = expected(source, 4)
    print(len(alerts), "alerts;", len(clock_trouble(source)), "patients with clock trouble;",
          len(probe_off(source)), "probes off")
