from typing import Any

import numpy as np
import pytest

from cloudchamber.studies.surface_array.fit.flags import FitFlag
from cloudchamber.studies.surface_array.fit.quality import Cuts, passes


def event(**changes: Any) -> dict[str, np.ndarray]:
    covariance = np.zeros((1, 7, 7))
    covariance[0, 4, 4] = changes.pop("s800_error", 0.1) ** 2
    good = {"zenith_deg": 30.0, "direction_error_deg": 1.0, "chi2_time": 8.0, "chi2_signal": 9.0, "ndf_time": 6, "ndf_signal": 7, "stations": 10, "flags": 0}
    return {f"fit_{name}": np.array([value]) for name, value in {**good, **changes}.items()} | {"fit_covariance": covariance}


def test_a_good_event_passes() -> None:
    assert passes(event()).tolist() == [True]
    assert passes(event(flags=int(FitFlag.SATURATED | FitFlag.TIME_OUTLIER))).all()


@pytest.mark.parametrize(
    "change",
    [
        {"zenith_deg": 46.0},
        {"direction_error_deg": 5.5},
        {"chi2_time": 30.0},
        {"chi2_signal": 30.0},
        {"stations": 4},
        {"s800_error": 0.3},
        {"flags": int(FitFlag.NOT_CONVERGED)},
    ],
)
def test_one_bad_number_fails(change: dict[str, Any]) -> None:
    assert not passes(event(**change)).any()


def test_the_limits_can_be_moved() -> None:
    assert passes(event(zenith_deg=50.0), Cuts(max_zenith_deg=55.0)).all()
