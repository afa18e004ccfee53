"""Skies whose diffuse emission follows templates: those of a user's file, or three fixed Galaxies of the study's own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cloudchamber.rng import rng as generator
from cloudchamber.schema import Schema, Table
from cloudchamber.studies.galactic_centre.columns import template_columns, theta_columns, x_columns
from cloudchamber.studies.galactic_centre.diffuse.bubbles import bubble_map, draw_lobes
from cloudchamber.studies.galactic_centre.diffuse.fields import turbulence
from cloudchamber.studies.galactic_centre.diffuse.maps import Diffuse, diffuse_maps
from cloudchamber.studies.galactic_centre.diffuse.parameters import PARAMETERS as DIFFUSE
from cloudchamber.studies.galactic_centre.diffuse.parameters import from_unit
from cloudchamber.studies.galactic_centre.diffuse.sightlines import reference_region
from cloudchamber.studies.galactic_centre.sky.skies import Observation, simulated
from cloudchamber.study import NotSimulableError, simulable

Array = NDArray[Any]

NONE = "none"
"""The inverse Compton template of a background whose pi0 template holds both."""
MOST_MODULATION = 1.0
MODULATION_DEG, MODULATION_INDEX = 45.0, 6.0
"""Of the power spectrum of the modulation: waves shorter than this are damped, steeply, so that places some 10 deg apart have a correlation of one half."""
GALAXIES = MappingProxyType(
    {
        # molecular share, central zone, arms, gas height, turbulence and its index, nuclei's scale and height, electrons' scale and hole, bulge, bubbles' edge
        "thin": (0.45, 0.03, 0.3, 0.8, 0.3, 3.0, 8.0, 1.0, 8.0, 0.1, 1.0, 2.0),
        "standard": (0.3, 0.01, 0.3, 1.2, 0.3, 3.0, 15.0, 2.5, 15.0, 0.5, 0.3, 2.0),
        "thick": (0.15, 0.005, 0.3, 2.5, 0.3, 3.0, 40.0, 6.0, 40.0, 0.9, 0.1, 2.0),
    }
)
"""The backgrounds without a file: parameters of the random sky, in its order."""
SAME = 1e-3


@dataclass(frozen=True)
class TemplateSky(Observation):
    """Maps as of ``random``, with diffuse emission after templates of a ``file`` (.npz or FITS); without one, after three fixed Galaxies.

    ``pi0`` and ``inverse_compton`` name its templates, pairwise one background each; an inverse Compton name of "none" is for a pi0 template that holds both.
    ``bubbles`` names one of the Fermi bubbles, "" for random ones; ``exposure`` the template by which the others were multiplied, to divide them by it.
    ``mixing``: each event has a random mixture of the backgrounds, not one of them. ``modulation``: rms of the logarithm of a random factor of pi0 and another
    of inverse Compton emission, smooth over some 10 deg. Templates are meant as the emission is: those that hold a point spread already are spread once more.
    """

    file: str = ""
    pi0: tuple[str, ...] = ()
    inverse_compton: tuple[str, ...] = ()
    bubbles: str = ""
    exposure: str = ""
    mixing: bool = False
    modulation: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        if not 0 <= self.modulation <= MOST_MODULATION:
            raise ValueError(f"modulation: {self.modulation:g} is outside the allowed [0, {MOST_MODULATION:g}]")
        if not self.file and (self.pi0 or self.inverse_compton or self.bubbles or self.exposure):
            raise ValueError("file: templates are named, and no file that holds them: give --settings.file")
        if self.file and not all((self.pi0, *self.pi0)):
            raise ValueError(f"pi0: name the templates of pi0 decay in '{self.file}': give --settings.pi0")
        if len(self.pi0) != len(self.inverse_compton):
            raise ValueError(
                f"inverse_compton: needs one name for each of pi0, {len(self.pi0)}, got {len(self.inverse_compton)}; '{NONE}' where the pi0 template holds both"
            )

    @property
    def backgrounds(self) -> tuple[str, ...]:
        """Their names, that of the pi0 template each."""
        return self.pi0 or tuple(GALAXIES)

    @property
    def schema(self) -> Schema:
        """Theta and x of a map."""
        theta = theta_columns() | template_columns(len(self.backgrounds), not self.bubbles)
        return Schema(theta, x_columns(self.bins.bins, self.nside))

    @cached_property
    def shapes(self) -> Diffuse:
        """Of each background, (backgrounds, nside, nside), the bubbles (1, nside, nside), or none of them where they are random; ValueError as in ``ready``."""
        return self._read() if self.file else _galaxies(self.nside)

    def ready(self) -> None:
        """Read the templates; ValueError for a file that is none, for names that it lacks, and templates that are no shape."""
        _ = self.shapes

    def prior(self, n: int, rng: np.random.Generator) -> Table:
        """Draw ``n`` events' theta; where no template is of inverse Compton emission, that of pi0 takes its intensity along."""
        found = self.draw(n, rng)
        kinds = len(self.backgrounds)
        weight = rng.dirichlet(np.ones(kinds), n) if self.mixing else np.eye(kinds)[rng.integers(0, kinds, n)]
        found["background_weight"] = weight
        alone = weight @ self._with_compton() == 0
        found["pi0_cm2_s_sr"] += np.where(alone, found["inverse_compton_cm2_s_sr"], 0.0)
        found["inverse_compton_cm2_s_sr"] = np.where(alone, 0.0, found["inverse_compton_cm2_s_sr"])
        if not self.bubbles:
            found["bubble_edge_deg"] = from_unit(DIFFUSE["bubble_edge_deg"], rng.random(n))
        return {name: values.astype(np.float32) for name, values in found.items()}

    def check(self, theta: Table) -> Table:
        """Theta in its dtypes; ValueError for the first value that is none, NotSimulableError for inverse Compton emission without a template."""
        theta = simulable(theta, self.schema.theta, {})
        weight = theta["background_weight"]
        total = weight.sum(1)
        if len(strange := np.flatnonzero(np.abs(total - 1) > SAME)):
            raise ValueError(f"column 'background_weight': a sum of {total[strange[0]]:g} in event {strange[0]}; it must be 1")
        if len(strange := np.flatnonzero((weight @ self._with_compton() == 0) & (theta["inverse_compton_cm2_s_sr"] > 0))):
            value = theta["inverse_compton_cm2_s_sr"][strange[0]]
            raise NotSimulableError(
                f"column 'inverse_compton_cm2_s_sr': {value:g} in event {strange[0]}, whose backgrounds have no template of inverse Compton emission: needs 0"
            )
        return theta

    def simulate(self, theta: Table, rng: np.random.Generator) -> Table:
        """Draw x, one map for each event of ``theta``; ValueError for a bad column."""
        theta = self.check(theta)
        return simulated(theta, self.diffuse(theta, rng), self, rng)

    def diffuse(self, theta: Table, rng: np.random.Generator) -> Diffuse:
        """The shapes of each event of a checked theta, (events, nside, nside)."""
        weight = np.asarray(theta["background_weight"], np.float32)
        compton = weight * self._with_compton()
        pi0, inverse_compton = (np.tensordot(each, shape, 1) for each, shape in ((weight, self.shapes.pi0), (compton, self.shapes.inverse_compton)))
        if self.bubbles:
            bubbles = np.broadcast_to(self.shapes.bubbles, pi0.shape)
        else:
            bubbles = np.empty_like(pi0)
            for image, edge in zip(bubbles, theta["bubble_edge_deg"], strict=True):
                image[:] = bubble_map(draw_lobes(rng), float(edge), self.nside)
        if self.modulation:
            for one, two in zip(pi0, inverse_compton, strict=True):
                for image, field in zip((one, two), turbulence(MODULATION_INDEX, (MODULATION_DEG,), self.nside, rng), strict=True):
                    image *= np.exp(np.float32(self.modulation) * field[: self.nside, : self.nside])
        return Diffuse(*(_of_mean_one(each) for each in (pi0, inverse_compton, bubbles)))

    def _with_compton(self) -> Array:
        """1 for backgrounds with a template of inverse Compton emission, else 0, (backgrounds,)."""
        return np.array([name != NONE for name in self.inverse_compton or GALAXIES], np.float32)

    def _read(self) -> Diffuse:
        from cloudchamber.studies.galactic_centre.fits.templates import read_templates

        if not Path(self.file).is_file():
            raise ValueError(f"file: there is no file '{self.file}': give one of templates as --settings.file")
        names = [name for name in dict.fromkeys((*self.pi0, *self.inverse_compton, self.bubbles, self.exposure)) if name not in ("", NONE)]
        # of a cube, all that lies within the bins
        found = {
            name: values.reshape(-1, self.nside, self.nside).sum(0)
            for name, values in read_templates(self.file, self.nside, names, (self.edges_gev[0], self.edges_gev[-1])).items()
        }
        seen = found[self.exposure] if self.exposure else np.ones((self.nside, self.nside))
        region = reference_region(self.nside)
        if not (seen[region] > 0).all():
            raise ValueError(f"'{self.file}', template {self.exposure}: an exposure of 0 within 10 deg of the Galactic Centre")
        images = {name: np.where(seen > 0, values / np.where(seen > 0, seen, 1.0), 0.0) for name, values in found.items()}
        for name, image in images.items():
            if not image[region].any():
                raise ValueError(f"'{self.file}', template {name}: it is 0 everywhere at r < 10 deg, |b| > 2 deg, where intensities are meant")
        images[NONE] = np.zeros((self.nside, self.nside))
        pi0, compton, bubbles = (np.stack([images[name] for name in each]) for each in (self.pi0, self.inverse_compton, (self.bubbles or NONE,)))
        return Diffuse(*(_of_mean_one(each) for each in (pi0, compton, bubbles if self.bubbles else bubbles[:0])))


@cache
def _galaxies(nside: int) -> Diffuse:
    """The backgrounds of ``GALAXIES``, whatever the seed of a simulation."""
    parameters = dict(zip(DIFFUSE, np.array(list(GALAXIES.values())).T, strict=True))
    found = diffuse_maps(parameters, nside, generator(1, "galaxies"))
    return Diffuse(found.pi0, found.inverse_compton, found.bubbles[:0])


def _of_mean_one(images: Array) -> Array:
    """Over the reference region; images of nothing stay so."""
    mean = images[:, reference_region(images.shape[-1])].mean(axis=1, dtype=float)[:, None, None]
    return np.asarray(images / np.where(mean > 0, mean, 1.0), np.float32)
