"""Numbers of the tables, times, and values in their units."""
import re
import struct

RANK = {"none": 0, "low": 1, "medium": 2, "high": 3}
FOREVER = float("inf")
START_S = 1767225600              # of a test: 2026-01-01T00:00:00Z
# unit, how long a value speaks, plausible range, and whether 0 is no measurement
CHANNELS = {
    "hr": ("/min", 10, 0, 350, False), "pulse": ("/min", 10, 0, 350, True),
    "spo2": ("%", 10, 0, 100, True), "rr": ("/min", 15, 0, 150, False),
    "abp_sys": ("mm[Hg]", 10, -40, 375, True), "abp_mean": ("mm[Hg]", 10, -40, 375, True),
    "nibp_sys": ("mm[Hg]", 3600, 10, 375, True), "temp": ("Cel", 60, 14, 47, True),
    "acvpu": ("{score}", 14400, 0, 4, False), "gcs": ("{score}", 14400, 3, 15, True),
    "oxygen": ("L/min", 14400, 0, 100, False), "fio2": ("%", 14400, 20, 100, True),
}
VALID_S = {name: row[1] for name, row in CHANNELS.items()}
UNITS = {name: row[0] for name, row in CHANNELS.items()}
NOTED = ("acvpu", "gcs", "oxygen", "fio2")  # by people; says nothing of the monitor
PROBES = {"pulse": "pulse", "spo2": "spo2", "temp": "temp",  # sensors that are always on
          "abp_sys": "abp_sys", "abp_mean": "abp_sys"}       # a line is told of as one
SENSORS = {"hr": "hr", "pulse": "spo2", "spo2": "spo2", "rr": "hr", "abp_sys": "abp_sys",
           "abp_mean": "abp_sys", "nibp_sys": "nibp_sys", "temp": "temp"}
WORDS = {"acvpu": "ACVPU"}
FACTORS = {"kPa": (7.500615758, 0), "Pa": (0.007500615758, 0), "[degF]": (0.5555555556, -17.77777778),
           "K": (1, -273.15), "/s": (60, 0), "Hz": (60, 0), "1": (100, 0)}


class Moment(int):
    """Log time of a test in whole seconds; of a row that is looked at, its number and its time."""

    def __new__(cls, t, row=None, age=0):
        self = super().__new__(cls, t)
        self.row, self.device = row, t - age
        return self

    @property
    def ms(self):
        return (START_S + int(self)) * 1000


def f32(x):
    """Values are 32-bit floats."""
    return struct.unpack("f", struct.pack("f", x))[0]


def shortest(x):
    """The fewest digits that read back to the same 32-bit float, as events have it."""
    return next(text for text in (f"{x:.{n}g}" for n in range(1, 10)) if f32(float(text)) == x)


def number(text, channel):
    """In the unit of the channel: a number, a quantity with its unit, or a word."""
    head, _, unit = str(text).partition(" ")
    if head in WORDS.get(channel, ""):
        return float(WORDS[channel].index(head))
    factor, plus = (1, 0) if unit in ("", UNITS[channel]) else FACTORS[unit]
    return f32(float(head) * factor + plus)


def amount(text, channel):
    """Of a difference: without what a unit adds."""
    head, _, unit = text.partition(" ")
    return f32(float(head) * (1 if unit == UNITS[channel] else FACTORS[unit][0]))


def seconds(text):
    count, unit = re.fullmatch(r"(\d+)(s|m|h)", text).groups()
    return int(count) * {"s": 1, "m": 60, "h": 3600}[unit]
