"""The density ratios of a lens integrate to one, and find simulated sources."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.physics.sphere import unit_vectors
from cloudchamber.schema import Ragged
from cloudchamber.studies.cosmic_ray_sky.likelihood.lens_likelihood import LensDensity
from cloudchamber.studies.cosmic_ray_sky.likelihood.likelihood import log_bayes_factor, source_probability
from cloudchamber.studies.cosmic_ray_sky.skies.lensed import Lensed


def simulated(sky: Lensed, kind: str, events: int, seed: int) -> list[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(seed)
    theta = sky.prior(4 * events, rng)
    chosen = np.flatnonzero((theta["kind"] == 1) == (kind == "signal"))[:events]
    x = sky.simulate({name: column[chosen] for name, column in theta.items()}, rng)
    columns: list[Ragged] = [x["lon_deg"], x["lat_deg"], x["energy_ev"], x["from_source"]]
    return [(unit_vectors(lon, lat), energy, source) for lon, lat, energy, source in zip(*columns, strict=True)]


@pytest.mark.parametrize("exposure", ["uniform", "auger"])
def test_ratios_average_to_one_over_isotropy(exposure: str) -> None:
    sky = Lensed(n=4000, signal=(10, 10), exposure=exposure, lens="packaged")
    density = LensDensity(sky, nside=4)
    vectors, energy, _ = simulated(sky, "isotropy", 1, 17)[0]
    ratios = density.ratios(vectors, energy, np.arange(len(density.sources)))
    assert ratios.mean() == pytest.approx(1.0, abs=0.02)
    error = ratios.std(axis=1) / np.sqrt(4000)
    assert np.all(np.abs(ratios.mean(axis=1) - 1.0) < 6.0 * error + 0.05)
    assert np.exp(density.log_prior).sum() == pytest.approx(1.0)


def test_sources_are_found() -> None:
    sky = Lensed(n=300, composition="He", signal=(40, 40), lens="packaged")
    density = LensDensity(sky, nside=8)
    signal, isotropy = (
        np.array([log_bayes_factor(density, vectors, energy, 40, binomial=True) for vectors, energy, _ in simulated(sky, kind, 6, 18)])
        for kind in ("signal", "isotropy")
    )
    assert np.median(signal) > 10
    assert np.all(isotropy < 3)
    vectors, energy, from_source = simulated(sky, "signal", 6, 18)[int(signal.argmax())]
    found = source_probability(density, vectors, energy, 40, binomial=True)
    assert found[from_source == 1].mean() > 0.5 > 5 * found[from_source == 0].mean()


def test_several_sources_are_refused() -> None:
    with pytest.raises(ValueError, match="n_sources"):
        LensDensity(Lensed(n_sources=2, lens="packaged"))
