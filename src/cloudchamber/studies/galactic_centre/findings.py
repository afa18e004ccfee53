"""A user's map of the Galactic Centre: the posterior, where this sky lies among those of the training, and what the classical template fit says of it."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np

from cloudchamber.jsonable import from_json
from cloudchamber.physics.gamma.face import within
from cloudchamber.run.provenance import simulated
from cloudchamber.schema import Table
from cloudchamber.studies.galactic_centre.columns import PARAMETERS, PLANE_DEG, REGION_DEG, TARGET
from cloudchamber.studies.galactic_centre.diffuse.bubbles import USUAL_EDGE_DEG, USUAL_LOBES, bubble_map
from cloudchamber.studies.galactic_centre.diffuse.maps import Diffuse
from cloudchamber.studies.galactic_centre.diffuse.sightlines import reference_region
from cloudchamber.studies.galactic_centre.fit.components import component_templates
from cloudchamber.studies.galactic_centre.fit.source_share import SourceShare, source_share
from cloudchamber.studies.galactic_centre.fit.template_fit import TemplateFit, fit_templates
from cloudchamber.studies.galactic_centre.sky.skies import Instrument, prior_of
from cloudchamber.studies.galactic_centre.sky.template_sky import TemplateSky
from cloudchamber.study import Findings

if TYPE_CHECKING:
    from cloudchamber.run.answer import Answer
    from cloudchamber.run.trained import TrainedModel

INTERVAL = (0.16, 0.5, 0.84)
DRAWS = 2000
"""Of the posterior that is drawn."""
OFF = 4.5
"""Where half of the pixels are further off the template fit, in deviations, point sources are not what it lacks."""


class Classical(NamedTuple):
    """The best template fit: the Galaxy it took for the diffuse emission, its shapes, the fit, names of its templates, and the region (bins, nside, nside)."""

    galaxy: str
    shapes: Diffuse
    fit: TemplateFit
    names: tuple[str, ...]
    region: np.ndarray

    def chi2(self, counts: np.ndarray) -> float:
        """Pearson's, over the region's numbers less the amplitudes."""
        seen = counts[self.region].astype(float)
        return float(((seen - self.fit.expected) ** 2 / self.fit.expected).sum() / (len(seen) - len(self.names)))

    def residuals(self, counts: np.ndarray) -> np.ndarray:
        """(counts - expected) / sqrt(expected) of all bins together, (nside, nside); NaN outside the region."""
        expected = np.zeros(counts.shape)
        expected[self.region] = self.fit.expected
        expected, seen = expected.sum(0), np.where(self.region, counts, 0).sum(0)
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(np.where(self.region[0], (seen - expected) / np.sqrt(expected), np.nan))


def instrument_of(model: TrainedModel) -> Instrument:
    """Energy bins, kind of events and pixels of the maps that a run learned from; the default ones where it does not tell."""
    if model.folder is None:
        return Instrument()
    settings, known = simulated(model.folder)["settings"], [field.name for field in fields(Instrument)]
    return cast(Instrument, from_json(Instrument, {name: settings[name] for name in known if name in settings}, "settings"))


def classical_fit(counts: np.ndarray, exposure_cm2_s: np.ndarray, instrument: Instrument) -> Classical:
    """The template fit of a map (bins, nside, nside) with the likeliest of the built-in Galaxies, the published bubbles, and a smooth excess of slope 1.2."""
    nside = instrument.nside
    per_bin = np.asarray(exposure_cm2_s, float) / instrument.exposure_cm2_s
    sky = TemplateSky(nside=nside)
    bubbles = bubble_map(USUAL_LOBES, USUAL_EDGE_DEG, nside)[None]
    bubbles = bubbles / bubbles[:, reference_region(nside)].mean()
    region = np.broadcast_to(within(nside, REGION_DEG, PLANE_DEG), counts.shape)
    best: Classical | None = None
    for number, galaxy in enumerate(sky.backgrounds):
        shapes = Diffuse(sky.shapes.pi0[number : number + 1], sky.shapes.inverse_compton[number : number + 1], bubbles)
        made = component_templates(instrument, shapes, {"years": 1.0})
        if instrument.bins.bins == 1:
            # their spectrum alone tells extragalactic sources, taken as smooth, from isotropic emission
            del made["extragalactic_scale"]
        fit = fit_templates(counts[region], np.stack([(each * per_bin[:, None, None])[region] for each in made.values()]))
        if best is None or fit.log_likelihood > best.fit.log_likelihood:
            best = Classical(galaxy, shapes, fit, tuple(made), region)
    assert best is not None
    return best


def classical_share(counts: np.ndarray, exposure_cm2_s: np.ndarray, instrument: Instrument, found: Classical) -> SourceShare | None:
    """f_src of a map by the non-Poissonian fit, with the diffuse emission of its template fit; None of a map that is far off that (``OFF``)."""
    residuals = np.abs(found.residuals(counts))
    return None if np.nanmedian(residuals) > OFF else source_share(counts, exposure_cm2_s, instrument, found.shapes)


def source_shares(counts: np.ndarray, exposure_cm2_s: np.ndarray, instrument: Instrument) -> Table:
    """What the non-Poissonian template fit says of maps (events, bins, nside, nside) and exposures (events, bins), some seconds each.

    Columns (events,): f_src_mean, f_src_low and f_src_high (16 and 84 %), and log_ratio, the best fit's logarithm of the likelihood over that without sources;
    NaN of maps that are far off the template fit. The diffuse emission is that of the built-in Galaxy that is likeliest for each map.
    """
    found = [
        classical_share(seen, exposure, instrument, classical_fit(seen, exposure, instrument)) for seen, exposure in zip(counts, exposure_cm2_s, strict=True)
    ]
    columns = {"f_src_mean": "mean", "f_src_low": "low", "f_src_high": "high", "log_ratio": "log_ratio"}
    return {name: np.array([np.nan if each is None else getattr(each, of) for each in found], float) for name, of in columns.items()}


def told_of(share: SourceShare | None) -> str:
    """A line for the page."""
    if share is None:
        return f"not made: half of the pixels are more than {OFF:g} deviations off the template fit"
    at_break = share.best["source_break_cm2_s"]
    return (
        f"f_src {share.mean:.2g} ({share.low:.2g} to {share.high:.2g}, 68 %), if the Galaxy is that one; ln likelihood {share.log_ratio:.3g} above that "
        f"without sources, with the break at {at_break:.2g} {PARAMETERS['source_break_cm2_s'].unit}"
    )


class MapFinder:
    """Facts and figures of the first map."""

    def __init__(self, model: TrainedModel, seed: int) -> None:
        self.model, self.seed = model, seed
        self.first: Findings | None = None

    def look(self, answer: Answer) -> Table:
        """Nothing beside the posterior."""
        if self.first is None:
            self.first = self._of(answer)
        return {}

    def findings(self) -> Findings:
        """Of the first map."""
        return self.first or Findings()

    def _of(self, answer: Answer) -> Findings:
        # torch takes seconds
        from cloudchamber.run.network import TrainedNetwork
        from cloudchamber.studies.galactic_centre.plots import corner, residual_map, sky, strangeness

        instrument = instrument_of(self.model)
        first: Table = {name: values[:1] for name, values in answer.events.items()}
        counts, exposure = np.asarray(first["counts"][0]), np.asarray(first["exposure_cm2_s"][0])
        given = {name: first[name] for name in self.model.given}
        drawn = self.model.answer(given, DRAWS, self.seed, outside="answer").draws
        draws = {name: np.asarray(drawn[name][0], float) for name in TARGET if name in drawn}
        facts: dict[str, str | int | float] = {
            "photons": int(counts.sum()),
            "exposure": f"{float(np.mean(exposure)):.3g} cm2 s at the Galactic Centre, mean of the bins",
        }
        if "familiarity" in answer.known:
            facts["as strange, of skies like the training's"] = f"{float(answer.known['familiarity'][0]):.1%}"
        for name, values in draws.items():
            low, middle, high = np.quantile(values, INTERVAL)
            truth = f"; simulated: {float(first[name][0]):.3g}" if name in first else ""
            facts[name] = f"{middle:.3g} ({low:.3g} to {high:.3g}, 68 %{truth}) {PARAMETERS[name].unit}".strip()
        figures = {"The sky": sky(counts)}
        if isinstance(self.model, TrainedNetwork) and (lies := self.model.strangeness(given)) is not None:
            figures["Place among skies of the training"] = strangeness(float(lies[0][0]), lies[1])
        if len(draws) > 1:
            figures["Posterior"] = corner(draws, prior_of(instrument.bins), {name: float(first[name][0]) for name in draws if name in first})
        if counts.shape == (instrument.bins.bins, instrument.nside, instrument.nside):
            found = classical_fit(counts, exposure, instrument)
            told = zip(found.names, found.fit.amplitudes, found.fit.errors, strict=True)
            facts["template fit"] = ", ".join(f"{name} {value:.3g} ± {error:.1g}" for name, value, error in told)
            facts["of it, chi2 a number"] = (
                f"{found.chi2(counts):.3g}, with the diffuse emission of the built-in Galaxy '{found.galaxy}', the likeliest of three"
            )
            facts["non-Poissonian template fit"] = told_of(classical_share(counts, exposure, instrument, found))
            figures["Residuals of the template fit"] = residual_map(found.residuals(counts))
        return Findings(facts, figures)
