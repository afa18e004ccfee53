"""What streams of bolometers cost: the same command for a short and a long file, and a slice of a focal plane of 4,000 detectors.

python benchmarks/bolometer_streams.py --days 1 10        # 7 GB, ten minutes of one core
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

YEARS, DAY_S, YEAR_D = 3, 86_400, 365.25
CHILD = """
import resource, sys
from cloudchamber.cli import main
main(["stream", "bolometer", *sys.argv[1:]])
used = resource.getrusage(resource.RUSAGE_SELF)
print(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)
"""
PLANE = ("--settings.wafers", "334", "--detectors", "0-3999", "--settings.detector.decimation", "8")


def measured(*words: str) -> tuple[float, float, float]:
    """Core seconds, wall clock in s and peak memory in MB of one process that writes a file."""
    with tempfile.TemporaryDirectory() as folder:
        began = time.perf_counter()
        command = [sys.executable, "-c", CHILD, str(Path(folder) / "tod.h5"), "--start", "2032-07-01", "--run", "bolometer/events", *words]
        said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        used, peak = said.splitlines()[-1].split()
        return float(used), time.perf_counter() - began, float(peak)


def told(name: str, seconds: float, wafers: int, *words: str) -> None:
    """A row: the cost beside the length of the data, of a wafer, and what years of it would take."""
    used, wall, peak = measured("--duration", f"{seconds:g}s", *words)
    ratio = used / seconds
    hours = ratio * YEARS * YEAR_D * DAY_S / 3600
    print(f"| {name} | {used:.1f} s | {wall:.1f} s | {ratio / wafers:.2e} | {peak:.0f} MB | {hours:,.1f} h |", flush=True)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=float, nargs="+", default=[0.1, 1.0], help="lengths of a stream of 12 bolometers")
    parser.add_argument("--plane-minutes", type=float, default=2.0, help="length of the focal plane's slice")
    asked = parser.parse_args()
    print(f"| stream | core time | wall clock | of its length, a wafer | peak memory | core time of {YEARS} years |\n| :-- | --: | --: | --: | --: | --: |")
    for days in asked.days:
        told(f"12 bolometers at 156.25 Hz, {days:g} days", days * DAY_S, 1)
    told(f"4,000 detectors at 19.53 Hz, {asked.plane_minutes:g} minutes", 60 * asked.plane_minutes, 334, *PLANE)


if __name__ == "__main__":
    main()
