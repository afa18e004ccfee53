"""Signal cosmic rays of 1000 that each method needs for 5 sigma, beside the exact optimum.

$ python benchmarks/cosmic_ray_sky_sensitivity.py He mixed jf12-He jf12-mixed --runs cosmic_ray_sky/events runs/deepsphere

Significances are medians over skies, their p-values importance-sampled with the exact Bayes factors: nothing is extrapolated. A law's result stays in the
folder `--out`, so that an interrupted run goes on with the next law; figures and a table in markdown are drawn of all that are there.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path

import numpy as np
import tyro

import cloudchamber as cc
from cloudchamber.physics.exposure import exposure_at
from cloudchamber.physics.sphere import pixel_centres, unit_vectors
from cloudchamber.schema import Table
from cloudchamber.studies.cosmic_ray_sky.lens_likelihood import LensDensity
from cloudchamber.studies.cosmic_ray_sky.lensed import Lensed
from cloudchamber.studies.cosmic_ray_sky.likelihood import log_bayes_factor
from cloudchamber.studies.cosmic_ray_sky.plots import sensitivity
from cloudchamber.studies.cosmic_ray_sky.sensitivity import OPTIMUM, Sample, classical_methods, draw_sample, draw_skies, measure, tagging
from cloudchamber.studies.cosmic_ray_sky.toy import Toy
from cloudchamber.studies.cosmic_ray_sky.toy_likelihood import log_bayes_factors, source_probabilities
from cloudchamber.studies.cosmic_ray_sky.verdict import log_odds, relevance_of_events

LAWS: dict[str, tuple[Toy | Lensed, tuple[int, ...]]] = {
    "He": (Toy(composition="He"), (10, 16, 22, 26, 30, 36)),
    "mixed": (Toy(composition="mixed"), (16, 26, 34, 38, 42, 48)),
    "He-auger": (Toy(composition="He", exposure="auger"), (18, 22, 26, 30, 38)),
    "He-coherent-2.79": (Toy(composition="He", coherent_rad_ev=2.79), (22, 26, 30, 36)),
    "He-coherent-10": (Toy(composition="He", coherent_rad_ev=10.0), (24, 28, 32, 40)),
    "jf12-He": (Lensed(composition="He", lens="cached"), (16, 22, 28, 36, 48)),
    "jf12-mixed": (Lensed(composition="mixed", lens="cached"), (24, 32, 40, 52, 68)),
    "uf23-He": (Lensed(composition="He", field="uf23-base", lens="cached"), (16, 22, 28, 36, 48)),
}


TAGGED_SKIES = 40


@dataclass(frozen=True)
class Options:
    """What to measure."""

    laws: tyro.conf.Positional[tuple[str, ...]]
    """Laws: He, mixed, He-auger, He-coherent-2.79, He-coherent-10, jf12-He, jf12-mixed, uf23-He; none: only draw what is there."""
    runs: tuple[str, ...] = ()
    """Networks: studies with packaged weights, or run folders."""
    skies: int = 200
    """Skies at each number of signal cosmic rays, and isotropic ones."""
    seed: int = 1
    """Seed of the skies."""
    out: Path = field(default_factory=lambda: Path("reports/sensitivity"))
    """Folder of results and figures."""


def bayes_factors(law: Toy | Lensed, skies: Table, n_signal: int) -> np.ndarray:
    """ln BF of each sky."""
    if isinstance(law, Toy):
        return log_bayes_factors(law, skies, n_signal)
    density = lens_density(law)
    each = zip(skies["lon_deg"], skies["lat_deg"], skies["energy_ev"], strict=True)
    return np.array([log_bayes_factor(density, unit_vectors(lon, lat), energy.astype(float), n_signal) for lon, lat, energy in each])


@cache
def lens_density(law: Lensed) -> LensDensity:
    """The lens of a law, with what it says of single cosmic rays."""
    return LensDensity(law)


def sample_of(name: str, options: Options) -> Sample:
    """The skies of a law with their Bayes factors, which are kept in the folder: they take the longest, and do not depend on the methods."""
    law, counts = LAWS[name]
    path, key = options.out / f"{name}.npz", f"{law!r} {counts} {options.skies} {options.seed}"
    if path.exists():
        kept = np.load(path)
        if str(kept["key"]) == key:
            return draw_sample(law, lambda skies, n_signal: kept["log_bf"][:, 1 + counts.index(n_signal)], counts, options.skies, options.seed)
    sample = draw_sample(law, partial(bayes_factors, law), counts, options.skies, options.seed)
    np.savez(path, key=key, log_bf=sample.log_bf)
    return sample


def tag(law: Toy, count: int, options: Options) -> dict[str, float]:
    """Area under the curve of single cosmic rays by relevance, beside the exact posterior's, at ``count`` signal cosmic rays."""
    skies = draw_skies(law, count, TAGGED_SKIES, options.seed + 1)
    found = {f"{OPTIMUM}, {count} signal": tagging(skies, source_probabilities(law, skies, count))}
    return found | {run: tagging(skies, relevance_of_events(cc.load(run), skies)[0]) for run in options.runs}


def main(options: Options) -> None:
    """Measure, keep, draw."""
    options.out.mkdir(parents=True, exist_ok=True)
    networks = {run: partial(log_odds, cc.load(run)) for run in options.runs}
    for name in options.laws:
        if name not in LAWS:
            raise SystemExit(f"unknown law '{name}'; there are: {', '.join(LAWS)}")
        law, counts = LAWS[name]
        exposure_map = None if law.exposure == "uniform" else exposure_at(pixel_centres(32), law.exposure)
        known = law if isinstance(law, Toy) else Toy(composition=law.composition, exposure=law.exposure)
        methods = {**networks, **classical_methods(known, exposure_map)}
        sample = sample_of(name, options)
        found = measure(sample, {method: score(sample.skies) for method, score in methods.items()})
        tagged = tag(law, counts[len(counts) // 2], options) if isinstance(law, Toy) else {}
        result = {
            "tagging": tagged,
            "law": repr(law),
            "skies": options.skies,
            "seed": options.seed,
            "counts": list(counts),
            "medians": {method: [float(v) if math.isfinite(v) else None for v in values] for method, values in found.medians.items()},
            "needed": {method: None if crossing is None else [crossing.signal, crossing.error] for method, crossing in found.needed.items()},
            "normalisation": {"mean": found.check.mean, "error": found.check.error, "effective_size": found.check.effective_size},
        }
        (options.out / f"{name}.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
        print(f"{name}: {result['needed']}")
    results = {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(options.out.glob("*.json"))}
    for name, result in results.items():
        curves = {method: (np.array(result["counts"]), np.array(values, dtype=float)) for method, values in result["medians"].items()}
        drawn = sensitivity(curves, OPTIMUM, f"{name}: {result['skies']} skies at each number of signal cosmic rays.")
        drawn.savefig(options.out / f"{name}.png", dpi=150)
    (options.out / "table.md").write_text(table(results), encoding="utf-8")
    print(table(results))


def table(results: dict[str, dict]) -> str:  # type: ignore[type-arg]
    """Signal cosmic rays at 5 sigma, a row a method, in markdown."""
    methods = list(dict.fromkeys(method for result in results.values() for method in result["needed"]))
    lines = [f"| 5 sigma at | {' | '.join(results)} |", f"|:--|{'--:|' * len(results)}"]
    for method in methods:
        cells = []
        for result in results.values():
            needed, medians = result["needed"].get(method), result["medians"].get(method)
            outside = "" if medians is None else f"> {result['counts'][-1]}" if (medians[-1] or 9) < 5 else "–"
            cells.append(f"{needed[0]:.1f} ± {needed[1]:.1f}" if needed else outside)
        lines.append(f"| {method} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main(tyro.cli(Options))
