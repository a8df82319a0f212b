#!/usr/bin/env python3
"""What alerts charted vitals must give under charted limits: computed from the CSV alone.

Shares nothing with Vigil but the definitions. A limit holds from its chart time on, for the entries
of that time too, until the channel's limits are charted anew, for a week at most; the side that is not
charted with the other stays. What no limit can be is refused, changes nothing and is a technical
alert: outside the plausible range, each by itself, or a low one that is not below the high one, both
together. An entry beyond a limit in force is an alert; those that follow it are the same one until an
entry is not beyond. An impossible entry says nothing about the patient.
"""
import collections
import csv
import datetime
import gzip

WEEK_S = 7 * 86400
# vital: channel, plausible range, whether 0 is a measurement
VITALS = {"hr": ("hr", 0, 350, True), "spo2": ("spo2", 0, 100, False),
          "resp": ("rr", 0, 150, True), "temp_c": ("temp", 14, 47, False),
          "abp_sys": ("abp_sys", -40, 375, False), "abp_dia": ("abp_dia", -40, 375, False),
          "abp_mean": ("abp_mean", -40, 375, False), "nbp_sys": ("nibp_sys", 10, 375, False),
          "nbp_dia": ("nibp_dia", 10, 375, False), "nbp_mean": ("nibp_mean", 10, 375, False)}
LIMITS = {f"alarm_{vital}_{short}": (VITALS[vital][0], side)
          for vital in ("hr", "spo2", "resp") for short, side in (("lo", "low"), ("hi", "high"))}
RANGE = {channel: (low, high) for channel, low, high, _ in VITALS.values()}

Entry = collections.namedtuple("Entry", "line t name text")


def read(path):
    """{stay: [Entry]} by time, t in seconds from the first entry of the stay that is looked at."""
    stays = collections.defaultdict(list)
    with gzip.open(path, "rt", newline="") as file:
        for line, row in enumerate(csv.DictReader(file), 2):
            if row["vital"] in VITALS or row["vital"] in LIMITS:
                t = datetime.datetime.strptime(row["charttime"], "%Y-%m-%d %H:%M:%S")
                stays[row["icustay_id"]].append((line, t, row["vital"], row["valuenum"]))
    return {stay: from_first(lines) for stay, lines in stays.items()}


def from_first(lines):
    first = min(t for _, t, _, _ in lines)
    return sorted((Entry(line, int((t - first).total_seconds()), name, text)
                   for line, t, name, text in lines), key=lambda e: (e.t, e.line))


class Monitor:
    """The limits of a stay as they are charted."""

    def __init__(self):
        self.limit = collections.defaultdict(dict)  # channel: {side: value}
        self.charted = {}                           # channel: t
        self.orders = 0
        self.refused = []                           # lines
        self.told = []                              # (t, channel, limits) of a refused order

    def chart(self, t, entries):
        """All limits of one channel that are charted at t: [(line, side, value)]."""
        channel = LIMITS[entries[0].name][0]
        low, high = RANGE[channel]
        new = {}
        for e in entries:
            side, value = LIMITS[e.name][1], float(e.text)
            if low <= value <= high:
                new[side] = (e.line, value)
            else:
                self.refused.append(e.line)
                self.tell(t, channel, {side: value})
        both = {**self.in_force(t, channel), **{side: value for side, (_, value) in new.items()}}
        if not new:
            return
        if both.get("low", -1e9) >= both.get("high", 1e9):
            self.refused += [line for line, _ in new.values()]
            self.tell(t, channel, both)
            return
        self.limit[channel], self.charted[channel] = both, t
        self.orders += 1

    def tell(self, t, channel, limits):
        """An order by itself, which is refused and told."""
        self.orders += 1
        self.told.append((t, channel, limits))

    def in_force(self, t, channel):
        return self.limit[channel] if t < self.charted.get(channel, -1e9) + WEEK_S else {}


class Count:
    """Of one stay."""

    def __init__(self, entries):
        self.entries = entries
        self.monitor = Monitor()
        self.limits = sum(e.name in LIMITS and e.text != "" for e in entries)
        self.under_limit = collections.Counter()  # rule: readings with that limit in force
        self.beyond = []                          # (rule, t)
        self.episodes = []                        # (rule, start, end or None)
        self.impossible = []                      # (channel, t)
        at = collections.defaultdict(list)
        for e in entries:
            if e.text != "":
                at[e.t].append(e)
        open_since = {}
        for t in sorted(at):
            self.chart(t, [e for e in at[t] if e.name in LIMITS])
            for e in at[t]:
                if e.name in VITALS:
                    self.look(t, e, open_since)
        self.episodes += [(rule, start, None) for rule, start in open_since.items()]
        self.end = max(e.t for e in entries if e.name in VITALS)

    def chart(self, t, limits):
        by_channel = collections.defaultdict(list)
        for e in limits:
            by_channel[LIMITS[e.name][0]].append(e)
        for entries in by_channel.values():
            self.monitor.chart(t, entries)

    def look(self, t, entry, open_since):
        channel, low, high, zero = VITALS[entry.name]
        value = float(entry.text)
        if not low <= value <= high or (value == 0 and not zero):
            self.impossible.append((channel, t))
            return
        limit = self.monitor.in_force(t, channel)
        for side in ("low", "high"):
            rule = f"{channel}_{side}"
            self.under_limit[rule] += side in limit
            if side in limit and (value < limit[side] if side == "low" else value > limit[side]):
                self.beyond.append((rule, t))
                open_since.setdefault(rule, t)
            elif rule in open_since:
                self.episodes.append((rule, open_since.pop(rule), t))


def count(path):
    """{stay: Count}"""
    return {stay: Count(entries) for stay, entries in read(path).items()}
