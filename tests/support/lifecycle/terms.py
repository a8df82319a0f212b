"""Numbers of the tables, and times."""
import re

RANK = {"none": 0, "low": 1, "medium": 2, "high": 3}
VALID_S = {"hr": 10, "pulse": 10, "spo2": 10, "rr": 15}
PROBES = ("pulse", "spo2")       # a 0 of these is no measurement but a probe that is off
UNITS = {"hr": "/min", "pulse": "/min", "spo2": "%", "rr": "/min"}
FOREVER = float("inf")


def seconds(text):
    count, unit = re.fullmatch(r"(\d+)(s|m|h)", text).groups()
    return int(count) * {"s": 1, "m": 60, "h": 3600}[unit]
