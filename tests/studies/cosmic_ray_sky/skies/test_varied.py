from __future__ import annotations

import numpy as np
import pytest

from cloudchamber.studies.cosmic_ray_sky.skies.varied import Varied


def test_size_does_not_tell_the_kind() -> None:
    varied, random = Varied(exposures=("uniform",)), np.random.default_rng(1)
    theta = varied.prior(300, random)
    sky = varied.simulate(theta, random)
    from scipy.stats import ks_2samp

    n = np.diff(sky["lon_deg"].offsets)
    assert n.min() >= 150 and n.max() <= 3000 and len(np.unique(n)) > 100
    assert ks_2samp(n[theta["kind"] == 0], n[theta["kind"] == 1]).pvalue > 1e-6
    lowest = [energy.min() for energy in sky["energy_ev"]]
    assert min(lowest) >= 3e19 and max(lowest) > 4.5e19
    assert np.array_equal([signal.sum() for signal in sky["from_source"]], theta["n_signal"])


def test_sources_are_looked_at_by_those_who_see_them() -> None:
    varied, random = Varied(exposures=("auger", "ta"), n=(150, 200)), np.random.default_rng(2)
    theta = varied.prior(12, random)
    sky = varied.simulate(theta, random)
    assert all(exposure.min() > 0 for exposure in sky["exposure"])


@pytest.mark.parametrize("settings", [{"n": (100, 50)}, {"signal": (10, 200)}, {"strength": (0.0, 5.0)}, {"compositions": ("X",)}, {"exposures": ("hess",)}])
def test_bad_settings_are_refused(settings: dict) -> None:
    with pytest.raises(ValueError, match=r"range|fit|composition|exposure|element"):
        Varied(**settings)
