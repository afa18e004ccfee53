"""What streams of bolometers cost: three years of a mission from days of it, memory at two lengths, and a slice of a focal plane of 4,000 detectors.

python benchmarks/bolometer_streams.py                    # 7 GB, eight minutes of one core

Hits come twice as often at the Sun's minimum, 2031, as at its maximum, 2036: a day is made in the middle of each half year, less what a start costs.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

YEARS, DAY_S, YEAR_D = 3, 86_400, 365.25
MIDDLES = ("2032-10-01", "2033-04-01", "2033-10-01", "2034-04-01", "2034-10-01", "2035-04-01")
CHILD = """
import resource, sys
from cloudchamber.cli import main
main(["stream", "bolometer", *sys.argv[1:]])
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
"""
PLANE = ("--settings.wafers", "334", "--detectors", "0-3999", "--settings.detector.decimation", "8")


def measured(start: str, *words: str) -> tuple[float, float, float]:
    """Core seconds, wall clock in s and peak memory in MB of one process that writes a file."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        command = [sys.executable, "-c", CHILD, str(Path(folder) / "tod.h5"), "--start", start, "--run", "bolometer/events", *words]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        used, peak = said.splitlines()[-1].split()
        return float(used), time.perf_counter() - began, float(peak)


def told(name: str, start: str, seconds: float, wafers: int, *words: str) -> float:
    """A row: the cost beside the length of the data, of a wafer; its core seconds."""
    used, wall, peak = measured(start, "--duration", f"{seconds:g}s", *words)
    print(f"| {name} | {used:.1f} s | {wall:.1f} s | {used / seconds / wafers:.2e} | {peak:.0f} MB |", flush=True)
    return used


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=float, default=1.0, help="length of each stream of 12 bolometers")
    parser.add_argument("--longer-days", type=float, default=10.0, help="length of one more, for its memory")
    parser.add_argument("--plane-minutes", type=float, default=17.5, help="length of the focal plane's slice; a block of work by default")
    asked = parser.parse_args()
    print("| stream | core time | wall clock | of its length, a wafer | peak memory |\n| :-- | --: | --: | --: | --: |")
    measured(MIDDLES[0], "--duration", "60s")  # compiles
    starting = told("12 bolometers at 156.25 Hz, a minute", MIDDLES[0], 60, 1)
    days = [told(f"12 bolometers at 156.25 Hz, {asked.days:g} days from {middle} on", middle, asked.days * DAY_S, 1) for middle in MIDDLES]
    told(f"12 bolometers at 156.25 Hz, {asked.longer_days:g} days from {MIDDLES[0]} on", MIDDLES[0], asked.longer_days * DAY_S, 1)
    plane = told(f"4,000 detectors at 19.53 Hz, {asked.plane_minutes:g} minutes", MIDDLES[0], 60 * asked.plane_minutes, 334, *PLANE)
    mission_s = YEARS * YEAR_D * DAY_S
    ratio = sum(used - starting for used in days) / (len(days) * asked.days * DAY_S)
    print(f"\n{YEARS} years of 12 bolometers from 2032-07-01 on: {ratio:.2e} of their length, {ratio * mission_s / 3600:.2f} core-hours")
    print(
        f"{YEARS} years of the focal plane, at the hits of {MIDDLES[0]}: {(plane - starting) / (60 * asked.plane_minutes) * mission_s / 3600:,.0f} core-hours"
    )


if __name__ == "__main__":
    main()
