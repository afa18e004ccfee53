"""Pulses in streams of Planck-like bolometers: how many a network and the matched filter find, how many are real, and how well they are told.

$ python benchmarks/bolometer_glitches.py --markdown glitches.md

Streams have seeds that no training has seen. The matched filter is taken at the significance from which on it is as pure as the network above ``LEVEL``, and
both are compared on the same true pulses. Errors are binomial (Wilson), of one sigma. Costs are CPU seconds of one thread, compilation left out.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")

import time
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
import tyro
from tables import markdown, show

from cloudchamber.hub import load
from cloudchamber.schema import Table, check_table, concatenate
from cloudchamber.stream import samples_between, start_s
from cloudchamber.studies.bolometer.detector import PLANCK
from cloudchamber.studies.bolometer.glitches.candidates import Truth, candidates, glitch_codes
from cloudchamber.studies.bolometer.glitches.columns import FAMILIES, SCHEMA
from cloudchamber.studies.bolometer.glitches.matched import noise_of
from cloudchamber.studies.bolometer.glitches.scores import (
    LEVEL,
    Said,
    Share,
    by_filter,
    by_network,
    completeness,
    confusion,
    cut_of_equal_purity,
    purity,
    truths,
)
from cloudchamber.studies.bolometer.glitches.view import AFTER_MARGIN, MARGIN, STRETCH
from cloudchamber.studies.bolometer.streams.data import WaferStream

EDGES = np.array([0.5, 2, 3, 4, 5, 7, 10, 20, 50, 200, 1e4])
THRESHOLD = 3.5


@dataclass(frozen=True)
class Options:
    """What to run."""

    run: str = "bolometer/glitches"
    """A run folder or study/recipe."""
    stretches: int = 100
    """Stretches of 91 s of two bolometers."""
    noise_w: float = 5e-17
    """White noise of a sample / W."""
    seed: int = 1_000_003
    draws: int = 100
    markdown: Path | None = None
    """File for the tables."""


def seen(options: Options) -> tuple[Table, float, float]:
    """Candidates of all stretches with their truth, how long the data are, and what the filter took."""
    stream = WaferStream(detector=PLANCK, noise_w=options.noise_w)
    parts, seconds, spent = [], 0.0, 0.0
    first, _ = samples_between(stream.rate_hz, start_s("2010-01-01"), start_s("2000-01-02"))
    for number in range(-1, options.stretches):
        begin = first + max(number, 0) * (MARGIN + STRETCH + AFTER_MARGIN)
        piece = stream.make(options.seed, begin, begin + MARGIN + STRETCH + AFTER_MARGIN)
        hits = stream.hits_between(options.seed, begin, begin + MARGIN + STRETCH + AFTER_MARGIN)
        height = hits.starts.amplitude_w.sum(axis=2)[np.arange(len(hits.starts.time_s)), hits.hits.bolometer]
        truth = Truth(hits.starts.time_s * stream.rate_hz - begin, hits.hits.bolometer, height, glitch_codes(hits.hits.family))
        data = np.asarray(piece.values, float)
        began = time.process_time()
        found = candidates(data, noise_of(data), PLANCK, stream.rate_hz, THRESHOLD, (MARGIN, MARGIN + STRETCH), truth)
        # the first one compiles
        if number >= 0:
            spent += time.process_time() - began
            seconds += STRETCH / stream.rate_hz
            parts.append(found)
    return check_table(concatenate(parts), SCHEMA.columns), seconds, spent


def cell(value: float, error: float) -> str:
    """A share in percent."""
    return "" if np.isnan(value) else f"{100 * value:.1f} ± {100 * error:.1f}"


def curves(named: dict[str, Share]) -> str:
    """A row a bin of height."""
    heads = ["height / sigma", "pulses", *named]
    first = next(iter(named.values()))
    rows = [
        [f"{low:g} to {high:g}", str(first.of[k]), *(cell(each.value[k], each.error[k]) for each in named.values())]
        for k, (low, high) in enumerate(pairwise(EDGES))
    ]
    return markdown(heads, rows)


def errors(events: Table, said: Said, accepted: np.ndarray) -> list[str]:
    """68 % of starts (samples) and of heights (%) are nearer than this, and how often the family is wrong."""
    mine = accepted & (events["glitch"] > 0)
    lag = np.abs(said.lag_s - events["lag_s"])[mine] * events["rate_hz"][mine]
    height = np.abs(said.height_w / np.maximum(np.asarray(events["height_w"], float), 1e-30) - 1)[mine]
    wrong = np.mean(said.family[mine] != events["glitch"][mine] - 1)
    return [f"{np.quantile(lag, 0.68):.3f}", f"{100 * np.quantile(height, 0.68):.1f}", cell(float(wrong), float(np.sqrt(wrong * (1 - wrong) / mine.sum())))]


def main() -> None:
    options = tyro.cli(Options)
    events, seconds, spent = seen(options)
    model = load(options.run)
    given = {name: events[name] for name in model.given}
    model.answer(given, 2, 1, outside="answer")
    began = time.process_time()
    said = by_network(model.answer(given, options.draws, 1, outside="answer").table)
    network_s = time.process_time() - began
    matched, true = by_filter(events), truths(events)
    accepted = said.score > LEVEL
    pure = float(np.mean(true.real[accepted]))
    cut = cut_of_equal_purity(matched.score, true.real, pure)
    believed = matched.score >= cut
    noise = np.asarray(events["noise_w"], float)
    named = {"network: found %": completeness(true, accepted, EDGES), "matched filter: found %": completeness(true, believed, EDGES)}
    parts = [curves(named)]
    named = {
        "network: real %": purity(true, accepted, said.height_w / noise, EDGES),
        "matched filter: real %": purity(true, believed, matched.height_w / noise, EDGES),
    }
    parts.append(curves(named))
    rows = []
    for name, who, chosen in ((f"network, probability > {LEVEL:g}", said, accepted), (f"matched filter, > {cut:.2f} sigma", matched, believed)):
        found = np.mean((true.candidate >= 0) & chosen[np.maximum(true.candidate, 0)])
        spread = float(np.sqrt(found * (1 - found) / len(true.candidate)))
        real = float(np.mean(true.real[chosen]))
        rows.append([name, cell(float(found), spread), cell(real, float(np.sqrt(real * (1 - real) / chosen.sum()))), *errors(events, who, chosen)])
    parts.append(markdown(["", "found %", "real %", "start, 68 % / samples", "height, 68 % / %", "family wrong %"], rows))
    both = accepted & believed
    rows = [
        [f"{true_name}, {who}", *(f"{100 * value:.1f}" for value in row)]
        for who, each in (("network", said), ("matched filter", matched))
        for true_name, row in zip(FAMILIES, confusion(events, each, both), strict=True)
    ]
    parts.append(markdown(["true family, who says", *(f"{name} %" for name in FAMILIES)], rows))
    strength = [f"{len(true.candidate)} true pulses in {seconds:.0f} s of 2 bolometers, {len(true.real)} candidates above {THRESHOLD:g} sigma"]
    strength.append(f"cost over the length of the data, 2 bolometers: matched filter {spent / seconds:.2g}, network {network_s / seconds:.2g}")
    show("\n\n".join([*parts, *strength]), options.markdown)


if __name__ == "__main__":
    main()
