"""A user's map of the Galactic Centre: the posterior, where this sky lies among those of the training, and what the classical template fit says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from cloudchamber.schema import Table
from cloudchamber.studies.galactic_centre.columns import EDGES_GEV, PARAMETERS, TARGET
from cloudchamber.studies.galactic_centre.diffuse.maps import Diffuse
from cloudchamber.studies.galactic_centre.fit.components import component_templates
from cloudchamber.studies.galactic_centre.fit.template_fit import TemplateFit, fit_templates
from cloudchamber.studies.galactic_centre.formats import PLANE_DEG, REGION_DEG
from cloudchamber.studies.galactic_centre.sky.excess import within
from cloudchamber.studies.galactic_centre.sky.skies import Instrument
from cloudchamber.studies.galactic_centre.sky.template_sky import TemplateSky
from cloudchamber.study import Findings

if TYPE_CHECKING:
    from cloudchamber.run.answer import Answer
    from cloudchamber.run.trained import TrainedModel

INTERVAL = (0.16, 0.5, 0.84)
DRAWS = 2000
"""Of the posterior that is drawn."""


class Classical(NamedTuple):
    """The best template fit: the Galaxy it took for the diffuse emission, the fit, names of its templates, and the region (bins, nside, nside)."""

    galaxy: str
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


def classical_fit(counts: np.ndarray, exposure_cm2_s: np.ndarray) -> Classical:
    """The template fit of a map (bins, nside, nside) in the default bins with the likeliest of the built-in Galaxies; a smooth excess of slope 1.2."""
    nside = counts.shape[-1]
    instrument = Instrument(nside=nside)
    per_bin = np.asarray(exposure_cm2_s, float) / instrument.exposure_cm2_s
    sky = TemplateSky(nside=nside)
    region = np.broadcast_to(within(nside, REGION_DEG, PLANE_DEG), counts.shape)
    best: Classical | None = None
    for number, galaxy in enumerate(sky.backgrounds):
        shapes = Diffuse(*(np.ones((1, nside, nside)) if not each.size else each[number : number + 1] for each in sky.shapes))
        made = component_templates(instrument, shapes, {"years": 1.0})
        names = tuple(name for name in made if name != "bubbles_cm2_s_sr" or sky.shapes.bubbles.size)
        fit = fit_templates(counts[region], np.stack([(made[name] * per_bin[:, None, None])[region] for name in names]))
        if best is None or fit.log_likelihood > best.fit.log_likelihood:
            best = Classical(galaxy, fit, names, region)
    assert best is not None
    return best


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
        from cloudchamber.studies.galactic_centre.plots import corner, residual_map, sky

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
        if len(draws) > 1:
            figures["Posterior"] = corner(draws, {name: float(first[name][0]) for name in draws if name in first})
        if len(counts) == len(EDGES_GEV) - 1:
            found = classical_fit(counts, exposure)
            told = zip(found.names, found.fit.amplitudes, found.fit.errors, strict=True)
            facts["template fit"] = ", ".join(f"{name} {value:.3g} ± {error:.1g}" for name, value, error in told)
            facts["of it, chi2 a number"] = (
                f"{found.chi2(counts):.3g}, with the diffuse emission of the built-in Galaxy '{found.galaxy}', the likeliest of three"
            )
            figures["Residuals of the template fit"] = residual_map(found.residuals(counts))
        return Findings(facts, figures)
