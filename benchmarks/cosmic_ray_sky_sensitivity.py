"""Signal cosmic rays of 1000 that each method needs for 5 sigma, beside the exact optimum; and how it tells universes of few sources from isotropy.

$ python benchmarks/cosmic_ray_sky_sensitivity.py He mixed jf12-He universe-10 --methods cosmic_ray_sky/events runs/deepsphere tophat autocorrelation

Significances are medians over skies; nothing is extrapolated. The null tail of each method is found by multilevel splitting, once an exposure; that of the
optimum is importance-sampled with the exact Bayes factors, and so are those of the methods, as a check, where enough effective skies lie beyond the threshold.
Tails, Bayes factors and results stay in the folder ``--out``, so that an interrupted run goes on; a page and tables are made of all that are there.
"""

from __future__ import annotations

import json
import math
import time
from dataclasses import dataclass, field
from functools import cache, partial
from hashlib import blake2s
from pathlib import Path
from typing import Any

import numpy as np
import tyro
from tables import markdown

import cloudchamber as cc
from cloudchamber.physics.exposure import exposure_at
from cloudchamber.physics.sphere import pixel_centres, unit_vectors
from cloudchamber.report.page import write_rows
from cloudchamber.schema import Table
from cloudchamber.statistics.significance import direct_p_value, normalisation, p_from_sigma
from cloudchamber.statistics.splitting import SplitTail
from cloudchamber.studies.cosmic_ray_sky.likelihood.lens_likelihood import LensDensity
from cloudchamber.studies.cosmic_ray_sky.likelihood.likelihood import log_bayes_factor
from cloudchamber.studies.cosmic_ray_sky.likelihood.sensitivity import (
    CLASSICAL,
    OPTIMUM,
    Found,
    Sample,
    Score,
    by_sampling,
    by_splitting,
    classical_methods,
    draw_sample,
    draw_skies,
    null_tail,
    tagging,
)
from cloudchamber.studies.cosmic_ray_sky.likelihood.toy_likelihood import log_bayes_factors, source_probabilities
from cloudchamber.studies.cosmic_ray_sky.observables import area_under_curve
from cloudchamber.studies.cosmic_ray_sky.plots import sensitivity
from cloudchamber.studies.cosmic_ray_sky.skies.lensed import Lensed
from cloudchamber.studies.cosmic_ray_sky.skies.toy import Toy
from cloudchamber.studies.cosmic_ray_sky.skies.universe import Universe
from cloudchamber.studies.cosmic_ray_sky.verdict import log_odds, relevance_of_events

LAWS: dict[str, tuple[Toy | Lensed, tuple[int, ...], tuple[int, ...]]] = {
    "He": (Toy(composition="He"), (10, 16, 22, 26, 30, 36), (44, 56)),
    "mixed": (Toy(composition="mixed"), (16, 26, 34, 38, 42, 48), (58, 72)),
    "He-auger": (Toy(composition="He", exposure="auger"), (10, 16, 22, 26, 30, 33, 36), (44, 56)),
    "He-coherent-2.79": (Toy(composition="He", coherent_rad_ev=2.79), (10, 16, 22, 26, 30, 36), (44, 56)),
    "He-coherent-10": (Toy(composition="He", coherent_rad_ev=10.0), (10, 16, 22, 26, 30, 36), (44, 56)),
    "jf12-He": (Lensed(composition="He", lens="cached"), (6, 9, 12, 15, 18, 22), (28, 36, 48, 64)),
    "jf12-mixed": (Lensed(composition="mixed", lens="cached"), (10, 15, 20, 22, 25, 30), (38, 48, 64, 90)),
    "uf23-He": (Lensed(composition="He", field="uf23-base", lens="cached"), (), (10, 14, 18, 22, 28, 36, 48, 64)),
}
"""Numbers of signal cosmic rays with Bayes factors, and further ones: for methods that need more, and for laws where the optimum is not asked.

The weakest matter: without them importance sampling overlooks isotropic skies that resemble weak signals, and significances come out too high."""
UNIVERSES = {f"universe-{sources}": Universe(sources=sources) for sources in (10, 50, 250)}
UNIVERSES |= {f"universe-{sources}-equal": Universe(sources=sources, flux="equal") for sources in (10, 50, 250)}
"""Equal luminosities at distances of a uniform universe, and equal fluxes."""
LIMITS = {"He": 30.0, "mixed": 41.0}
INCREASES = {"uf23-He": "jf12-He", "He-coherent-2.79": "He", "He-coherent-10": "He"}
"""Laws that a method should bear nearly as well as another: at most a fifth more signal cosmic rays."""
LARGEST_INCREASE = 0.2
UNTIL_SIGMA = 5.5
TAGGED_SKIES = 40
DIRECT_SKIES = 100_000


@dataclass(frozen=True)
class Options:
    """What to measure."""

    laws: tyro.conf.Positional[tuple[str, ...]]
    """Laws: He, mixed, He-auger, He-coherent-2.79, He-coherent-10, jf12-He, jf12-mixed, uf23-He, universe-10, -50, -250, ...-equal; none: only draw."""
    methods: tuple[str, ...] = ("cosmic_ray_sky/events", *CLASSICAL)
    """Networks (studies with packaged weights, or run folders), lr-scan, lr-scan-radial, tophat, autocorrelation."""
    skies: int = 200
    """Skies at each number of signal cosmic rays, and isotropic ones."""
    seed: int = 1
    """Seed of the skies."""
    particles: int = 200
    """Isotropic skies of a level and a repetition of the splitting."""
    direct: tuple[str, ...] = ()
    """Methods whose null tail is also counted in 100,000 isotropic skies."""
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
    law, counts, _ = LAWS[name]
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
    networks = [name for name in options.methods if name not in CLASSICAL]
    return found | {f"{run}, {count} signal": tagging(skies, relevance_of_events(cc.load(run), skies)[0]) for run in networks}


def methods_of(law: Toy | Lensed | Universe, options: Options) -> dict[str, Score]:
    """The statistics asked for; a scan that knows a law takes the toy's of the same composition and exposure where the law is none of the toy's."""
    exposure_map = None if law.exposure == "uniform" else exposure_at(pixel_centres(32), law.exposure)
    classical = classical_methods(law if isinstance(law, Toy) else Toy(composition=law.composition, exposure=law.exposure), exposure_map)
    return {name: classical[name] if name in classical else network(name) for name in options.methods}


@cache
def network(run: str) -> Score:
    """The log odds of a packaged network or a run."""
    return partial(log_odds, cc.load(run))


def tail_of(name: str, law: Toy | Lensed | Universe, score: Score, options: Options) -> SplitTail:
    """The null tail of a method, kept in the folder under what it depends on: the isotropic skies, and the statistic, known by four of its values."""
    null = Toy(n=law.n, emin_ev=law.emin_ev, emax_ev=law.emax_ev, spectrum=law.spectrum, exposure=law.exposure)
    values = " ".join(f"{value:.3g}" for value in score(draw_skies(null, 0, 4, 0)))
    key = f"{null!r} {options.particles} {UNTIL_SIGMA} {options.seed} {values}"
    folder = options.out / "tails"
    stem = f"{name.replace('/', '-')}-{blake2s(key.encode(), digest_size=4).hexdigest()}"
    path = folder / f"{stem}.npz"
    if path.exists():
        kept = np.load(path)
        tail = SplitTail(tuple(kept[f"curve_{i}"] for i in range(len(kept.files) - 2)), int(kept["events"]))
    else:
        start = time.process_time()
        tail = null_tail(
            null, score, options.seed, options.particles, UNTIL_SIGMA, progress=lambda level, ln_p: print(f"  {name}: level {level}, ln p {ln_p:.1f}", end="\r")
        )
        print(f"  null tail of {name}: {tail.events} skies, {time.process_time() - start:.0f} s of processor time")
        folder.mkdir(parents=True, exist_ok=True)
        part = folder / f".part-{stem}.npz"
        np.savez(part, key=key, events=tail.events, **{f"curve_{i}": curve for i, curve in enumerate(tail.curves)})
        part.replace(path)
    if name in options.direct:
        check_directly(name, null, score, tail, folder / f"{stem}.json", options.seed)
    return tail


def check_directly(name: str, null: Toy, score: Score, tail: SplitTail, path: Path, seed: int) -> None:
    """The tail beside one counted in 100,000 isotropic skies up to 3.5 sigma, kept in ``path``."""
    if not path.exists():
        parts = [score(draw_skies(null, 0, 1000, seed + 1000 + part)) for part in range(DIRECT_SKIES // 1000)]
        rows = []
        for sigma in (2.0, 2.5, 3.0, 3.5):
            threshold = tail.threshold(float(p_from_sigma(sigma)))
            counted, (p, error) = direct_p_value(threshold, np.concatenate(parts)), tail.p_value(threshold)
            rows.append({"sigma": sigma, "split": [p[0], error[0]], "counted": [float(counted.p_value[0]), float(counted.low[0]), float(counted.high[0])]})
        path.write_text(json.dumps({"method": name, "skies": DIRECT_SKIES, "rows": rows}, indent=1) + "\n", encoding="utf-8")
    for row in json.loads(path.read_text(encoding="utf-8"))["rows"]:
        split, counted = row["split"], row["counted"]
        print(f"  {name}, {row['sigma']} sigma: split {split[0]:.3g} +- {split[1]:.1g}, counted {counted[0]:.3g} ({counted[1]:.3g} to {counted[2]:.3g})")


def measure_signal(name: str, options: Options) -> dict[str, Any]:
    """Median significances and 5-sigma crossings under a law with a known number of signal cosmic rays."""
    law, counts, further = LAWS[name]
    sample = sample_of(name, options) if counts else None
    beyond = [draw_skies(law, count, options.skies, options.seed) for count in further]
    found = {} if sample is None else {OPTIMUM: _plain(counts, by_sampling(sample))}
    for method, score in methods_of(law, options).items():
        tail, each = tail_of(method, law, score, options), [score(skies) for skies in beyond]
        if sample is None:
            found[method] = _plain(further, by_splitting(further, each, tail))
            continue
        scores = score(sample.skies)
        each = [*(scores[sample.drawn_at == column] for column in range(1, len(counts) + 1)), *each]
        sampled = by_sampling(sample, scores).needed
        found[method] = _plain((*counts, *further), by_splitting((*counts, *further), each, tail))
        found[method]["sampled"] = None if sampled is None else [sampled.signal, sampled.error]
    if sample is None:
        return {"methods": found}
    check = normalisation(sample.log_bf, sample.drawn_at)
    tagged = tag(law, counts[len(counts) // 2], options) if isinstance(law, Toy) else {}
    check_kept = {"mean": check.mean, "error": check.error, "effective_size": check.effective_size}
    return {"methods": found, "normalisation": check_kept, "tagging": tagged}


def measure_universe(name: str, options: Options) -> dict[str, Any]:
    """Area under the curve against isotropic skies, and median significance, of universes."""
    law, found = UNIVERSES[name], {}
    skies = {count: draw_skies(law, count, options.skies, options.seed) for count in (0, law.n)}
    for method, score in methods_of(law, options).items():
        tail = tail_of(method, law, score, options)
        isotropic, universes = (score(drawn) for drawn in skies.values())
        median = by_splitting((law.n,), [universes], tail).medians[0]
        area = area_under_curve(np.concatenate([isotropic, universes]), np.arange(2 * options.skies) >= options.skies)
        found[method] = {
            "auc": area,
            "significance": float(median) if math.isfinite(median) else None,
            "known_to": float(tail.significance(np.array([tail.last]))[0]),
        }
    return {"methods": found}


def _plain(counts: tuple[int, ...], found: Found) -> dict[str, Any]:
    medians = [float(value) if math.isfinite(value) else None for value in found.medians]
    return {"counts": list(counts), "medians": medians, "needed": None if found.needed is None else [found.needed.signal, found.needed.error]}


def main(options: Options) -> None:
    """Measure, keep, draw."""
    unknown = [name for name in options.laws if name not in {**LAWS, **UNIVERSES}]
    if unknown:
        raise SystemExit(f"unknown law '{unknown[0]}'; there are: {', '.join({**LAWS, **UNIVERSES})}")
    options.out.mkdir(parents=True, exist_ok=True)
    for name in options.laws:
        print(name)
        law = LAWS[name][0] if name in LAWS else UNIVERSES[name]
        result = {"law": repr(law), "skies": options.skies, "seed": options.seed}
        result |= measure_signal(name, options) if name in LAWS else measure_universe(name, options)
        path = options.out / f"{name}.json"
        if path.exists():
            # methods of an earlier run on the same skies stay beside the new ones
            before = json.loads(path.read_text(encoding="utf-8"))
            if all(before.get(word) == result[word] for word in ("law", "skies", "seed")):
                result["methods"] = before.get("methods", {}) | result["methods"]
                result["tagging"] = before.get("tagging", {}) | result.get("tagging", {})
        path.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    results = {name: json.loads(path.read_text(encoding="utf-8")) for name in (*LAWS, *UNIVERSES) if (path := options.out / f"{name}.json").exists()}
    results = {name: result for name, result in results.items() if "methods" in result}
    rows = table(results)
    methods = list(dict.fromkeys(method for result in results.values() for method in result["methods"]))
    heads = ["", "limit", *(CLASSICAL.get(method, method) for method in methods)]
    text = markdown(heads, rows)
    (options.out / "table.md").write_text(text + "\n", encoding="utf-8")
    print(text)
    if results:
        page(results, heads, rows, options.out)


def table(results: dict[str, Any]) -> list[list[str]]:
    """A row a figure: its name, its limit, and a cell for each method, the optimum first."""
    methods = list(dict.fromkeys(method for result in results.values() for method in result["methods"]))
    laws = {name: result["methods"] for name, result in results.items() if name in LAWS}
    rows = [
        [f"{name}: signal cosmic rays at 5 sigma", f"{LIMITS[name]:g}" if name in LIMITS else "", *(needed(found.get(m)) for m in methods)]
        for name, found in laws.items()
    ]
    rows += [[f"{name}, importance-sampled", "", *(needed(found.get(m), "sampled") for m in methods)] for name, found in laws.items()]
    for name, other in INCREASES.items():
        if name in laws and other in laws:
            rows.append([f"{name}: more than for {other}", f"{LARGEST_INCREASE:.0%}", *(increase(laws[name].get(m), laws[other].get(m)) for m in methods)])
    for name in UNIVERSES:
        found = results.get(name, {}).get("methods", {})
        if found:
            rows.append([f"{name}: area under the curve", "", *(f"{found[m]['auc']:.3f}" if m in found else "" for m in methods)])
            rows.append([f"{name}: median significance", "", *(significance(found.get(m)) for m in methods)])
    for name, result in results.items():
        for count in dict.fromkeys(each.rpartition(", ")[2] for each in result.get("tagging", {})):
            cells = [result["tagging"].get(f"{m}, {count}") for m in methods]
            rows.append([f"{name}: AUC of single cosmic rays, {count}", "", *("" if cell is None else f"{cell:.3f}" for cell in cells)])
    return rows


def needed(found: dict[str, Any] | None, which: str = "needed") -> str:
    """Signal cosmic rays at 5 sigma in words."""
    if found is None or which not in found:
        return ""
    if found[which]:
        return f"{found[which][0]:.1f} ± {found[which][1]:.1f}"
    return f"> {found['counts'][-1]}" if which == "needed" and (found["medians"][-1] or 9) < 5 else "–"


def increase(found: dict[str, Any] | None, other: dict[str, Any] | None) -> str:
    """How many more signal cosmic rays one needs than the other, in per cent."""
    if not found or not other or not found["needed"] or not other["needed"]:
        return ""
    (more, more_error), (less, less_error) = found["needed"], other["needed"]
    return f"{more / less - 1:+.0%} ± {more / less * math.hypot(more_error / more, less_error / less):.0%}"


def significance(found: dict[str, Any] | None) -> str:
    """A universe's median significance in words."""
    return "" if found is None else f"> {found['known_to']:.1f}" if found["significance"] is None else f"{found['significance']:.2f}"


def curve(found: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of signal cosmic rays and median significances, the crossing of 5 sigma among them."""
    points = [(count, sigma) for count, sigma in zip(found["counts"], found["medians"], strict=True) if sigma is not None]
    points += [(found["needed"][0], 5.0)] if found["needed"] else []
    counts, sigma = np.array(sorted(points)).reshape(-1, 2).T
    return counts, sigma


def page(results: dict[str, Any], heads: list[str], rows: list[list[str]], out: Path) -> None:
    """``index.html``: all figures beside the optimum and the limits."""
    figures, said = {}, []
    for name, result in results.items():
        if name not in LAWS:
            continue
        curves = {CLASSICAL.get(method, method): curve(each) for method, each in result["methods"].items()}
        figures[name] = sensitivity(curves, OPTIMUM, f"{result['skies']} skies at each number of signal cosmic rays; lines end where the tail does.")
        figures[name].savefig(out / f"{name}.png", dpi=150)
        best = {m: each["needed"][0] for m, each in result["methods"].items() if m not in (OPTIMUM, *CLASSICAL) and each["needed"]}
        if best:
            method = min(best, key=lambda m: best[m])
            limit = f" (limit {LIMITS[name]:g}: {'kept' if best[method] <= LIMITS[name] else 'missed'})" if name in LIMITS else ""
            said.append(f"{name}: {method} needs {best[method]:.1f}{limit}")
    checks = {
        f"E[1/BF], {name}": f"{r['normalisation']['mean']:.3f} ± {r['normalisation']['error']:.3f}" for name, r in results.items() if "normalisation" in r
    }
    for path in sorted((out / "tails").glob("*.json")):
        direct = json.loads(path.read_text(encoding="utf-8"))
        shown = "; ".join(f"{row['sigma']} sigma: {row['split'][0]:.3g} ± {row['split'][1]:.1g}, counted {row['counted'][0]:.3g}" for row in direct["rows"])
        checks[f"tail of {CLASSICAL.get(direct['method'], direct['method'])}, {direct['skies']:,} skies"] = shown
    lead = "Signal cosmic rays of 1000 at which the median sky reaches 5 sigma; a dash where too few effective skies lie beyond it."
    write_rows(out / "index.html", "The cosmic-ray sky: sensitivity", "; ".join(said) + ".", checks, figures, "Figures", heads, rows, lead)


if __name__ == "__main__":
    main(tyro.cli(Options))
