"""Xmax and muons of air-shower profiles: those of the store, together, of the right primary and energy."""

from pathlib import Path

import numpy as np
import pytest

from cloudchamber.store.read import Store
from cloudchamber.studies.surface_array.array.profiles import draw_xmax_and_muons, read_profiles
from cloudchamber.studies.surface_array.array.showers import Showers
from cloudchamber.studies.surface_array.columns import PARTICLES
from cloudchamber.workflow.simulation import simulate

N = 4000


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """3000 parametrised air showers of 10^18 to 10^19 eV."""
    path = tmp_path_factory.mktemp("profiles") / "showers"
    prior = {"lg_energy_min": 18.0, "lg_energy_max": 19.0, "primaries": ("photon", "p", "Fe")}
    simulate("airshower", path, 3000, seed=3, simulator="parametrised", settings={"prior_range": prior}, block_events=1500)
    return str(path)


def test_events_have_the_depths_and_muons_of_the_store(folder: str) -> None:
    showers = Showers(particles=("gamma", "p", "Fe"), lg_energy_ev=(18.0, 19.0), profiles=folder)
    theta = showers.draw(N, (1200.0, 1200.0), np.random.default_rng(1))
    assert np.ptp(np.log10(theta["energy_ev"])) > 0.99
    stored = Store(folder).read(("primary", "xmax_g_cm2"))
    categories = Store(folder).schema.columns["primary"].categories
    for here, there in (("gamma", "photon"), ("p", "p"), ("Fe", "Fe")):
        mine, source = theta["xmax_g_cm2"][theta["particle"] == PARTICLES.index(here)], stored["xmax_g_cm2"][stored["primary"] == categories.index(there)]
        assert np.isin(mine, source).all()
        assert mine.mean() == pytest.approx(source.mean(), abs=5 * source.std() / np.sqrt(len(mine) / 2))


def test_muons_count_from_the_mean_proton(folder: str) -> None:
    kinds = read_profiles(folder)
    assert np.exp(kinds["p"].ln_muon_scale).mean() == pytest.approx(1, abs=1e-6)
    # no trend with the energy is left, and iron has A^0.08 to A^0.1 as many
    assert abs(np.corrcoef(kinds["p"].lg_energy_ev, kinds["p"].ln_muon_scale)[0, 1]) < 5 / np.sqrt(1000)
    assert 56**0.06 < np.exp(kinds["Fe"].ln_muon_scale).mean() < 56**0.12
    assert np.exp(kinds["gamma"].ln_muon_scale).mean() < 0.3


def test_depth_and_muons_are_of_one_shower(folder: str) -> None:
    kind = read_profiles(folder)["p"]
    known = set(zip(kind.xmax_g_cm2, kind.ln_muon_scale, strict=True))
    xmax, muons = draw_xmax_and_muons(folder, np.full(200, PARTICLES.index("p")), np.full(200, 18.5), np.random.default_rng(2))
    assert set(zip(xmax, muons, strict=True)) <= known
    assert len(set(xmax)) > 20


@pytest.mark.parametrize(
    ("particles", "energies", "problem"),
    [(("N",), (18.0, 19.0), "no shower of N; it has: gamma, p, Fe"), (("p",), (18.0, 20.0), "lie between 18.* and 1[89].*: narrow lg_energy_ev")],
)
def test_showers_that_the_store_lacks_are_refused(folder: str, particles: tuple[str, ...], energies: tuple[float, float], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Showers(particles=particles, lg_energy_ev=energies, profiles=folder).draw(N, (1200.0, 1200.0), np.random.default_rng(1))


def test_a_store_of_something_else_is_refused(tmp_path: Path) -> None:
    simulate("surface_array", tmp_path / "events", 2, block_events=2)
    with pytest.raises(ValueError, match="has no column 'primary'"):
        read_profiles(str(tmp_path / "events"))
    with pytest.raises(ValueError, match="nothing"):
        read_profiles(str(tmp_path / "nothing"))
