import numpy as np
import pytest

from cloudchamber.studies.surface_array.array.detector import Detector


def test_a_pulse_of_one_vem_has_the_area_of_one_vem() -> None:
    detector = Detector()
    phases = np.linspace(0, 1, 200, endpoint=False)[:, None]
    t = detector.step_ns * (np.arange(200) + phases)
    area = detector.counts_per_vem_peak * (np.exp(-t / detector.fall_ns) - np.exp(-t / detector.rise_ns)).sum(axis=1)
    assert area.mean() == pytest.approx(50.0, rel=5e-3)
    assert np.ptp(area) < 0.15 * area.mean()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"area_m2": 0.0}, "area_m2: 0.0 must be above 0"),
        ({"noise_counts": -1.0}, "noise_counts: -1.0 must not be negative"),
        ({"fall_ns": 5.0}, "fall_ns: 5.0 must be above rise_ns, 8.0"),
        ({"pre_samples": 256}, r"pre_samples: 256 is outside the allowed \[16, 256\)"),
    ],
)
def test_bad_settings_are_named(settings: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Detector(**settings)
