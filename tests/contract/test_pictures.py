#!/usr/bin/env python3
"""The timelines in docs/pictures show what this build does."""
import os
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent

sys.exit(subprocess.run([ROOT / "scripts/timelines.py", "--check"], check=False,
                        env={**os.environ, "VIGIL": f"{os.environ['VIGIL_BUILD']}/vigil"}).returncode)
