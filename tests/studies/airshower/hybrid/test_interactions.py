"""The generator runs in a process of its own: one instance a process is all it allows."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.studies.airshower.hybrid.interactions import (
    HADRONS,
    NEUTRINO,
    NUCLEON,
    NUCLEON_MASS_GEV,
    PHOTON,
    PION,
    find_model,
    library_energies_gev,
    load_generator,
    merge_species,
)
from cloudchamber.studies.airshower.hybrid.tables import PACKAGED, load_tables

SCRIPT = """
import json
import numpy as np
from cloudchamber.rng import rng
from cloudchamber.studies.airshower.hybrid.interactions import LG_FRACTION_SCALE, fragmentations, generate, load_generator

generator = load_generator("Sibyll23d", seed=1)
found = {}
for name, projectile, energy, events, thinning in (
    ("low", "p", 1e3, 150, 0.0), ("high", "p", 1e9, 150, 0.0), ("again", "p", 1e9, 150, 0.0), ("thin", "p", 1e9, 150, 1e-2), ("pion", "pi+", 1e6, 150, 0.0),
):
    made = generate(generator, projectile, energy, events, thinning, rng(1, name))
    x = 10.0 ** (made.fraction_code / -LG_FRACTION_SCALE)
    weight = np.maximum(1.0, thinning / x)
    starts = made.offsets[:-1]
    found[name] = {
        "sums": np.add.reduceat(x * weight, starts).tolist(),
        "numbers": np.diff(made.offsets).tolist(),
        "counts": np.add.reduceat(weight, starts).tolist(),
        "first": x[starts].tolist(),
        "sorted": bool(all(np.all(np.diff(part.astype(int)) >= 0) for part in np.split(made.fraction_code, made.offsets[1:-1]))),
        "species": sorted(set(made.species.tolist())),
    }
broken = fragmentations(generator, 5.0, 20, rng(2))
lengths = np.diff(broken.offsets)
left = np.add.reduceat(np.append(broken.fragments.astype(int), 0), broken.offsets[:-1]) * (lengths > 0)
found["nuclei"] = {"mass": (left.reshape(57, 20) + broken.wounded).tolist(), "wounded": broken.wounded.mean(axis=1).tolist()}
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def sibyll() -> dict:
    # standard output holds nothing but what the script prints: the Fortran banner goes nowhere
    return json.loads(subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True).stdout)


@pytest.mark.parametrize("name", ["low", "high", "pion"])
def test_energy_fractions_add_up_to_one(sibyll, name):
    # a code has steps of 0.06 %
    np.testing.assert_allclose(sibyll[name]["sums"], 1.0, atol=3e-4)
    assert sibyll[name]["sorted"]
    assert set(range(HADRONS)) <= set(sibyll[name]["species"])


def test_multiplicity_grows_with_energy(sibyll):
    low, high = (np.array(sibyll[name]["numbers"]) for name in ("low", "high"))
    assert 15 < low.mean() < 60
    assert 4.0 < high.mean() / low.mean() < 15.0


def test_leading_particle_takes_its_share(sibyll):
    # the mean of the largest fraction; Sibyll 2.3d has an elasticity of 0.3 to 0.45
    assert 0.25 < np.mean(sibyll["high"]["first"]) < np.mean(sibyll["low"]["first"]) < 0.65


def test_runs_differ_while_the_generator_goes_on(sibyll):
    assert sibyll["high"]["numbers"] != sibyll["again"]["numbers"]


def test_thinning_keeps_energy_and_number_in_the_mean(sibyll):
    thin, full = sibyll["thin"], sibyll["high"]
    assert np.mean(thin["numbers"]) < 0.4 * np.mean(full["numbers"])
    for one, two in ((thin["sums"], [1.0] * 150), (thin["counts"], full["counts"])):
        assert abs(np.mean(one) - np.mean(two)) < 5.0 * np.hypot(np.std(one), np.std(two)) / np.sqrt(150)


def test_nuclei_break_up_into_their_nucleons(sibyll):
    mass = np.array(sibyll["nuclei"]["mass"])
    np.testing.assert_array_equal(mass[2:], np.broadcast_to(np.arange(2, 57)[:, None], (55, 20)))
    wounded = sibyll["nuclei"]["wounded"]
    assert 1.0 < wounded[4] < wounded[14] < wounded[56] < 30.0


def test_unknown_model_is_refused_with_what_there_is():
    for unknown in ("Sibyll99", "EposLHC"):
        with pytest.raises(ValueError, match=f"no event generator '{unknown}'.*Sibyll23d"):
            load_generator(unknown, seed=1)
    assert find_model("Sibyll23e").__name__ == "Sibyll23e"


def test_species_are_merged():
    pid = np.array([2212, -2212, 2112, 211, -211, 321, 130, 310, 22, 11, -13, 14, -16])
    kind, energy = merge_species(pid, np.full(len(pid), 10.0), rng(1))
    assert kind.tolist() == [0, 0, 0, 1, 1, 2, 3, 4, 5, 6, 7, 8, 8]
    # nucleons by kinetic energy; an antinucleon gives its rest energy back when it annihilates
    np.testing.assert_allclose(energy[:4], [10.0 - NUCLEON_MASS_GEV, 10.0, 10.0 - NUCLEON_MASS_GEV, 10.0])


def test_hyperons_decay_at_low_energy():
    pid = np.full(3000, 3122)
    kind, energy = merge_species(pid, np.full(3000, 100.0), rng(2))
    assert energy.sum() == pytest.approx(3000 * (100.0 - NUCLEON_MASS_GEV))
    assert np.count_nonzero(kind == NUCLEON) == 3000
    pions = np.count_nonzero(kind == PION)
    assert abs(pions - 2000) < 5.0 * np.sqrt(3000 * 2 / 9)
    assert np.count_nonzero(kind == PHOTON) == 2 * (3000 - pions) and NEUTRINO not in kind
    far, _ = merge_species(pid, np.full(3000, 1e6), rng(3))
    assert set(far) == {NUCLEON}


def test_cross_sections_on_air():
    table = load_tables(PACKAGED).sigma_mb
    lg_energy = np.log10(library_energies_gev())
    proton, pion, kaon = table
    assert np.all(np.diff(table, axis=1) > -1.0) and np.all(proton > pion) and np.all(pion > kaon)
    # Auger, PRL 109 (2012) 062002: 505 +- 22 (stat) +28 -36 (syst) mb at 57 TeV, lg(E/GeV) = 9.24
    assert np.interp(9.24, lg_energy, proton) == pytest.approx(505.0, abs=75.0)
    # accelerators: 260 to 290 mb at some 100 GeV
    assert np.interp(2.5, lg_energy, proton) == pytest.approx(275.0, abs=20.0)


def test_nuclear_cross_sections_grow_with_mass_and_energy():
    table = load_tables(PACKAGED).nuclear_sigma_mb
    assert table.shape == (57, 4) and np.all(table[2:] > 0)
    assert np.all(np.diff(table[[4, 14, 28, 56]], axis=0) > 0) and np.all(np.diff(table[[4, 14, 28, 56]], axis=1) > 0)
    # Bradt and Peters: pi r0^2 (56^1/3 + 14.5^1/3 - 1.1)^2 with r0 = 1.35 fm is 1.5 b
    assert 1500.0 < table[56, 0] < 2000.0
