"""What a figure was measured on."""
import os
import pathlib
import time


def load():
    """The load average of the last minute: above the number of cores others were working too."""
    return os.getloadavg()[0]


def cpu_model():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return "unknown processor"


def machine():
    return (f"{cpu_model()}, {os.cpu_count()} cores, {os.uname().release}, "
            f"{time.strftime('%Y-%m-%d %H:%M')} UTC, load {load():.1f}")
