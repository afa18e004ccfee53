"""Kill commands at random moments, start them in pairs, flip bits of what they wrote: nothing may be lost, mixed or believed.

PYTHONPATH=tests/plugin python benchmarks/robustness.py --kills 60 --pairs 10 --flips 300
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

import cloudchamber as cc

FEW = ["--fit.epochs", "3", "--accelerator", "cpu"]
UNLIKE = {"metrics.json", "log.csv", "loss.png", "run.json", "journal.log", "index.html", "best.json"}
"""Files that hold times, or names of folders."""


def command(*words: object) -> list[str]:
    return [sys.executable, "-m", "cloudchamber", *map(str, words)]


def content(path: Path) -> dict[str, str]:
    """A digest of each file below ``path`` that is the same in every repetition; whatever a writer left behind too."""
    files = [path] if path.is_file() else [each for each in sorted(path.rglob("*")) if each.is_file()]
    kept = [each for each in files if each.name not in UNLIKE and not each.name.endswith("lock")]
    return {str(each.relative_to(path)): hashlib.sha256(each.read_bytes()).hexdigest() for each in kept}


def commands(place: Path, workers: int) -> dict[str, Callable[[Path], list[str]]]:
    """What writes, by name: each takes where to write to."""
    space = place / "space.json"
    space.write_text('{"model.hidden": {"choices": [8, 16]}}')
    return {
        "simulate": lambda out: command("simulate", "toy", out, "--n", 3000, "--block-events", 100, "--workers", workers),
        "train": lambda out: command("train", "toy", place / "data", out, *FEW),
        "sample": lambda out: command("sample", place / "run", out, "--n", 60_000),
        "convert": lambda out: command("convert", "toy", place / "data", "--out", out),
        "tune": lambda out: command("tune", "toy", place / "data", out, "--space", space, "--trials", 2, "--fit.epochs", 2),
    }


def killed(make: Callable[[Path], list[str]], place: Path, kills: int, random: np.random.Generator) -> tuple[int, int]:
    """Of so many kills at moments spread over a whole run: after how many the same command ended with other content, or failed."""
    start = time.perf_counter()
    subprocess.run(make(place / "whole"), check=True, capture_output=True)
    seconds, wanted = time.perf_counter() - start, content(place / "whole")
    wrong = failed = 0
    for number in range(kills):
        out = place / f"killed-{number}"
        process = subprocess.Popen(make(out), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        time.sleep(float(random.uniform(0.3, 1.0)) * seconds)
        process.send_signal(signal.SIGKILL)
        process.wait()
        time.sleep(1.2)  # workers that outlive their parent end within a second
        done = subprocess.run(make(out), capture_output=True, text=True)
        failed += done.returncode != 0
        if done.returncode:
            print(f"after kill {number}: exit code {done.returncode}: {done.stderr[-500:]}", flush=True)
        wrong += content(out) != wanted
        shutil.rmtree(out, ignore_errors=True)
    return wrong, failed


def paired(make: Callable[[Path], list[str]], place: Path, pairs: int) -> tuple[int, int]:
    """Of so many pairs of one command: in how many the result is another than one alone gives, and how many were told to wait."""
    wanted = content(place / "whole")
    harmed = told = 0
    for number in range(pairs):
        out = place / f"pair-{number}"
        both = [subprocess.Popen(make(out), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) for _ in range(2)]
        errors = [each.communicate()[1].decode() for each in both]
        refused = ["is being written by" in " ".join(error.split()) for error in errors]
        codes = [each.returncode for each in both]
        told += sum(refused)
        harmed += content(out) != wanted or any(code != 0 and not was for code, was in zip(codes, refused, strict=True))
        shutil.rmtree(out, ignore_errors=True)
    return harmed, told


def flipped(folder: Path, read: Callable[[Path], object], flips: int, random: np.random.Generator) -> int:
    """How many of so many flipped bits, spread over all files, are believed."""
    files = [path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith(".")]
    believed = 0
    for number in range(flips):
        path = files[number % len(files)]
        whole = path.read_bytes()
        broken = bytearray(whole)
        broken[int(random.integers(len(whole)))] ^= 1 << int(random.integers(8))
        path.write_bytes(broken)
        try:
            read(folder)
            believed += 1
        except (ValueError, FileNotFoundError):
            pass
        path.write_bytes(whole)
    return believed


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--flips", type=int, default=300)
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", help="one command, such as train")
    options = parser.parse_args(arguments)
    random = np.random.default_rng(options.seed)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        subprocess.run(command("simulate", "toy", place / "data", "--n", 600, "--block-events", 200, "--workers", 1), check=True, capture_output=True)
        subprocess.run(command("train", "toy", place / "data", place / "run", *FEW), check=True, capture_output=True)
        print(f"flips believed, of {options.flips}: run {flipped(place / 'run', cc.load, options.flips, random)}", end=", ")
        print(f"store {flipped(place / 'data', lambda store: cc.Store(store).read(), options.flips, random)}", flush=True)
        for name, make in commands(place, options.workers).items():
            if options.only not in (None, name):
                continue
            own = place / name
            own.mkdir()
            wrong, failed = killed(make, own, options.kills, random)
            harmed, told = paired(make, own, options.pairs)
            said = f"{name}: of {options.kills} kills {wrong} ended differently, {failed} failed"
            print(f"{said}; of {options.pairs} pairs {harmed} harmed, {told} told to wait", flush=True)


if __name__ == "__main__":
    main()
