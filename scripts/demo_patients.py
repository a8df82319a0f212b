"""Simulated patients on a grid of ticks, for train_demo_models.py.

The patients are those of `vigil simulate`, so that the models are trained on what the demo shows
them. What follows here is what the stages clean and resample make of the rows: implausible values
and zeros of probes are dropped, and a tick takes the median of its interval. Shapes: P patients, T
ticks, C channels.
"""
import re
import subprocess
from typing import NamedTuple

import numpy as np

CHANNELS = ("hr", "rr", "spo2", "abp_sys", "abp_dia", "abp_mean", "temp", "etco2")
UNITS = {"hr": "/min", "rr": "/min", "spo2": "%", "abp_sys": "mm[Hg]", "abp_dia": "mm[Hg]",
         "abp_mean": "mm[Hg]", "temp": "Cel", "etco2": "mm[Hg]"}
# core/channels.def: plausible range, and whether 0 is a value
PLAUSIBLE = {"hr": (0, 350, True), "rr": (0, 150, True), "spo2": (0, 100, False),
             "abp_sys": (-40, 375, False), "abp_dia": (-40, 375, False),
             "abp_mean": (-40, 375, False), "temp": (14, 47, False), "etco2": (0, 150, True)}
TICK_S = 10
START = "2026-03-01T00:00:00Z"
SCENARIOS = ("apnoea", "opioid", "haemorrhage", "af", "vagal", "sepsis", "pneumothorax",
             "pneumothorax-ventilated", "hypertension", "fever")
ROW = re.compile(rb'"patient":"[a-z-]*(\d+)".*?"time":"[0-9-]*T(\d\d):(\d\d):(\d\d)')
VALUE = [re.compile(rb'"%s":(-?[0-9.]+)' % name.encode()) for name in CHANNELS]


class Ticks(NamedTuple):
    values: np.ndarray  # [P, T, C], NaN where there is none
    age: np.ndarray  # [P, T, C], seconds from the newest value to the tick's end; inf: none yet


class Events(NamedTuple):
    ticks: Ticks
    name: list  # [P] scenario
    onset: np.ndarray  # [P] tick


def rows(vigil, beds, hours, seed, artefact_rate, effects):
    """[P, seconds, C] as the monitors show them."""
    command = [vigil, "simulate", "--to", "-", "--beds", str(beds), "--duration", f"{hours}h",
               "--seed", str(seed), "--start", START, "--artefact-rate", str(artefact_rate)]
    values = np.full((beds, hours * 3600, len(CHANNELS)), np.nan, np.float32)
    with subprocess.Popen(command + effects, stdout=subprocess.PIPE,
                          stderr=subprocess.DEVNULL) as run:
        for line in run.stdout:
            bed, h, m, s = map(int, ROW.search(line).groups())
            cell = values[bed - 1, h * 3600 + m * 60 + s]
            for c, pattern in enumerate(VALUE):
                if found := pattern.search(line):
                    cell[c] = float(found[1])
    if run.returncode != 0:
        raise SystemExit(f"{' '.join(command)} failed; is it built?")
    return values


def clean(values):
    for c, name in enumerate(CHANNELS):
        low, high, zero_is_value = PLAUSIBLE[name]
        x = values[..., c]
        bad = (x < low) | (x > high) | ((x == 0) & (not zero_is_value))
        x[bad] = np.nan
    return values


def resample(values):
    beds, seconds, channels = values.shape
    grouped = np.sort(values.reshape(beds, seconds // TICK_S, TICK_S, channels), 2)  # NaN last
    n = np.isfinite(grouped).sum(2, keepdims=True)
    low = np.take_along_axis(grouped, np.maximum((n - 1) // 2, 0), 2)
    high = np.take_along_axis(grouped, np.minimum(n // 2, TICK_S - 1), 2)
    second = np.where(np.isfinite(values), np.arange(seconds)[None, :, None], -np.inf)
    newest = np.maximum.accumulate(second, 1)[:, TICK_S - 1 :: TICK_S]
    end = TICK_S * np.arange(1, seconds // TICK_S + 1)[None, :, None]
    middle = np.where(n > 0, (low + high) / 2, np.nan)[:, :, 0]
    return Ticks(middle.astype(np.float32), (end - newest).astype(np.float32))


def stable(vigil, patients, hours, seed, artefact_rate):
    return resample(clean(rows(vigil, patients, hours, seed, artefact_rate, [])))


def scenarios(vigil, patients, hours, seed, artefact_rate):
    """Each patient has one scenario, in turn, that begins in the middle half of the time."""
    onset_s = np.random.default_rng(seed).integers(hours * 900, hours * 2700, patients)
    names = [SCENARIOS[p % len(SCENARIOS)] for p in range(patients)]
    effects = []
    for p, (name, onset) in enumerate(zip(names, onset_s)):
        effects += ["--scenario", f"{name}@{p + 1}:{onset}s"]
    values = rows(vigil, patients, hours, seed, artefact_rate, effects)
    return Events(resample(clean(values)), names, onset_s // TICK_S)
