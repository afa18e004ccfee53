from __future__ import annotations

import pytest

from cloudchamber.studies.airshower.constants import AIR_ELEMENTS, AIR_MASS, ATOMIC_MASS_G_MB, LIBRARY_TARGET_MASS, LIBRARY_TARGETS


def test_air_is_that_of_icru_and_of_corsika() -> None:
    """Mass fractions add up to one; by number they are the 78.5, 21.0 and 0.47 % of FZKA 6019, whose mean mass is 14.54."""
    assert sum(fraction for *_, fraction in AIR_ELEMENTS) == pytest.approx(1.0, abs=1e-6)
    by_number = [fraction / mass * AIR_MASS for _, mass, fraction in AIR_ELEMENTS]
    assert by_number == pytest.approx([0.7848, 0.2105, 0.0047], abs=3e-4)
    assert pytest.approx(14.54, abs=0.01) == AIR_MASS


def test_the_library_counts_argon_as_oxygen() -> None:
    assert sum(share for _, share in LIBRARY_TARGETS) == pytest.approx(1.0)
    assert pytest.approx(14.44, abs=0.01) == LIBRARY_TARGET_MASS


def test_a_length_of_a_barn() -> None:
    """One nucleus of mass 1 u and 1000 mb: the mean path is 1.66 g/cm2."""
    assert pytest.approx(1.66053907, rel=1e-8) == ATOMIC_MASS_G_MB / 1000.0
