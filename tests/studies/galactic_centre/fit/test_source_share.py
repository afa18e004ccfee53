"""f_src by the non-Poissonian template fit: of skies whose diffuse emission is known, of faint sources, and of another Galaxy."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.schema import Table
from cloudchamber.studies.galactic_centre.diffuse.maps import Diffuse
from cloudchamber.studies.galactic_centre.fit.components import USUAL
from cloudchamber.studies.galactic_centre.fit.source_share import ABOVE, BELOW, DISK_ABOVE, DISK_BELOW, SourceShare, source_share
from cloudchamber.studies.galactic_centre.sky.skies import simulated
from cloudchamber.studies.galactic_centre.sky.template_sky import TemplateSky

SKY = TemplateSky(edges_gev=(2.0, 6.0), nside=64, years=(5.0, 5.0))
LAWS = {
    "source_index_above": ABOVE,
    "source_index_below": BELOW,
    "disk_index_above": DISK_ABOVE,
    "disk_index_below": DISK_BELOW,
    "source_break_cm2_s": 3e-10,
    "disk_break_cm2_s": 1e-9,
    "disk_flux_cm2_s": 5e-8,
    "excess_flux_cm2_s": 3e-7,
    "extragalactic_scale": 1.0,
}


def skies(shares: list[float], seed: str, **given: float) -> tuple[Diffuse, Table]:
    """Maps of one Galaxy and these shares of point sources, and the Galaxy's shapes."""
    n = len(shares)
    theta = SKY.prior(n, rng(1, "share"))
    fixed = {name: np.full(n, value, np.float32) for name, value in {**USUAL, **LAWS, **given}.items() if name != "years"}
    theta = {name: np.repeat(values[:1], n, axis=0) for name, values in (theta | fixed).items()}
    theta |= {"f_src": np.array(shares, np.float32), "background_weight": np.tile(np.float32([0, 1, 0]), (n, 1))}
    one = SKY.diffuse({name: values[:1] for name, values in theta.items()}, rng(2))
    x = simulated(theta, Diffuse(*(np.repeat(each, n, axis=0) for each in one)), SKY, rng(3, seed))
    return one, x


def answers(shares: list[float], seed: str, galaxy: int | None = None, **given: float) -> list[SourceShare]:
    """Of the Galaxy of the maps, or another one."""
    shapes, x = skies(shares, seed, **given)
    if galaxy is not None:
        every = SKY.shapes
        shapes = Diffuse(every.pi0[galaxy : galaxy + 1], every.inverse_compton[galaxy : galaxy + 1], shapes.bubbles)
    return [source_share(counts, exposure, SKY, shapes, 24) for counts, exposure in zip(x["counts"], x["exposure_cm2_s"], strict=True)]


def test_bright_sources_are_told_from_smooth_emission() -> None:
    none, half, all_of_it = answers([0.0, 0.5, 1.0], "bright")
    assert none.low < 0.35 and none.log_ratio < 4
    assert half.low - 0.15 < 0.5 < half.high + 0.15 and half.log_ratio > 5
    assert all_of_it.mean > 0.75 and all_of_it.log_ratio > half.log_ratio
    for found in (none, half, all_of_it):
        assert 0 <= found.low < found.mean < found.high <= 1 and found.counted >= 1
        assert found.best["excess_flux_cm2_s"] == pytest.approx(3e-7, rel=0.3)


def test_of_faint_sources_it_says_that_it_does_not_know() -> None:
    (found,) = answers([0.5], "faint", source_break_cm2_s=3e-12)
    assert found.high - found.low > 0.4 and found.log_ratio < 4


def test_another_galaxy_is_taken_for_sources() -> None:
    """The known failure of the method: what the template lacks is lumpy, and lumps are sources."""
    (right,), (wrong,) = answers([0.0], "wrong"), answers([0.0], "wrong", galaxy=0)
    assert wrong.log_ratio > right.log_ratio + 5 and wrong.mean > right.mean
