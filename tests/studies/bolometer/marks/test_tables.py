"""Tables draw what their networks draw, keyed by seed and chunk."""

from __future__ import annotations

import numpy as np
import pytest

from cloudchamber import workflow
from cloudchamber.hub import load
from cloudchamber.run.trained import TrainedModel
from cloudchamber.studies.bolometer.columns import FAMILIES
from cloudchamber.studies.bolometer.detector import PLANCK, Detector
from cloudchamber.studies.bolometer.marks.tables import DEPTHS, STEP_MM, HitTables, tabulate
from cloudchamber.studies.bolometer.wafer.hits import Hits, delays_s

DETECTOR = Detector()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> TrainedModel:
    """Trained a little: any networks will do."""
    folder = tmp_path_factory.mktemp("hits")
    workflow.simulate("bolometer", folder / "store", 4000, settings={"shares": [1, 1]}, seed=1)
    fit = {"fit": {"epochs": 10, "batch_size": 64, "warmup_epochs": 0.0}}
    workflow.train("bolometer", folder / "store", folder / "run", "events", seed=1, overrides=fit)
    return load(folder / "run")


@pytest.fixture(scope="module")
def tables(model: TrainedModel) -> HitTables:
    return tabulate(model, DETECTOR, 500.0)


def _line(values: np.ndarray) -> np.ndarray:
    """Logarithms where there are; places as they are."""
    values = np.asarray(values, float)
    return values if values.min() < 0 else np.log(np.maximum(values, 1e-25))


@pytest.mark.parametrize("family", ["wafer", "absorber"])
def test_hits_are_the_networks_own(model: TrainedModel, family: str) -> None:
    made = tabulate(model, DETECTOR, 500.0, [family])
    n = 20_000
    hits = made.draw(1, 0, 430.0, 100.0, n / (made.rate_per_s(430.0) * made.area.sum()))
    assert abs(len(hits.time_s) - n) < 5 * np.sqrt(n) and hits.time_s[0] >= 100 and np.all(np.diff(hits.time_s) >= 0)
    given = {"phi_mv": np.full(n, 430.0), "thickness_um": np.full(n, 500.0), "family": np.full(n, FAMILIES.index(family))}
    drawn = model.sample(given, seed=2)
    assert np.all(hits.family == FAMILIES.index(family)) and np.array_equal(np.unique(hits.bolometer), np.unique(drawn["bolometer"]))
    heights = np.asarray(hits.pulses.height_w, float)
    for found, wanted in ((hits.deposit_kev, drawn["deposit_kev"]), (heights[:, 3], drawn["amplitude_w"][:, 3]), (hits.x_mm, drawn["x_mm"])):
        one, two = (_line(values) for values in (found, wanted))
        # five deviations of a mean and of a median
        assert abs(one.mean() - two.mean()) < 5 * np.sqrt(2 / n) * two.std()
        # places on bolometers have a gap in the middle
        assert found is hits.x_mm or abs(np.median(one) - np.median(two)) < 9 * np.sqrt(2 / n) * two.std()
    share = hits.pulses.starts.amplitude_w.sum(axis=(0, 1), dtype=float) / heights.sum()
    wanted = (drawn["amplitude_w"].astype(float)[..., None] * drawn["weight"]).sum(axis=(0, 1)) / drawn["amplitude_w"].sum(dtype=float)
    np.testing.assert_allclose(share, wanted, atol=0.02)


def test_delays_follow_from_places(tables: HitTables) -> None:
    hits = tables.draw(1, 0, 430.0, 0.0, 20.0)
    n = np.zeros(len(hits.time_s))
    known = Hits(hits.family, n + 500.0, n, n, hits.x_mm.astype(float), hits.y_mm.astype(float), hits.bolometer, n, n)
    np.testing.assert_allclose(hits.pulses.starts.delay_s, delays_s(DETECTOR, known), atol=4e-6)


def test_chunks_have_random_numbers_of_their_own(tables: HitTables) -> None:
    first, again, other, later = (tables.draw(seed, chunk, 430.0, 0.0, 5.0) for seed, chunk in ((1, 0), (1, 0), (2, 0), (1, 1)))
    np.testing.assert_array_equal(first.pulses.height_w, again.pulses.height_w)
    assert not np.array_equal(first.time_s[:5], other.time_s[:5]) and not np.array_equal(first.time_s[:5], later.time_s[:5])
    assert tables.draw(1, 0, 430.0, 0.0, 0.0).pulses.height_w.shape == (0, 12)


def test_what_was_not_learned_is_refused(model: TrainedModel, tables: HitTables) -> None:
    with pytest.raises(ValueError, match=r"phi_mv: 1500 is outside what was learned, \[\d+"):
        tables.rate_per_s(1500.0)
    with pytest.raises(ValueError, match="learned another detector's hits"):
        tabulate(model, PLANCK, 500.0)
    with pytest.raises(ValueError, match="column 'thickness_um'"):
        tabulate(model, DETECTOR, 2000.0)
    with pytest.raises(ValueError, match="'airshower/matching' is no run of the recipe events"):
        tabulate(load("airshower"), DETECTOR, 500.0)


def test_the_packaged_generator_knows_the_transport() -> None:
    """By distance the simulator's heights and shares of exponentials, and its frame: what correlates bolometers."""
    found = tabulate(load("bolometer/events"), DETECTOR, 500.0, ["wafer"])
    family, phonons = DETECTOR.families[0], DETECTOR.phonons
    rows = np.arange(30, 800)
    distance = STEP_MM * (rows[:, None] + 0.5)
    near, far = (
        share(distance) * np.array(parts) * gain
        for share, parts, gain in ((phonons.near, family.near, family.near_w_per_kev), (phonons.far, family.far, family.far_w_per_kev))
    )
    bright = found.pulses.gain.T[rows] * found.lift[0, 0]
    np.testing.assert_allclose(bright.sum(axis=1), (near + far).sum(axis=1), rtol=0.01)
    np.testing.assert_allclose(bright[:, 0] / bright.sum(axis=1), near[:, 0] / (near + far).sum(axis=1), atol=0.01)
    np.testing.assert_allclose(found.width[0, rows], DETECTOR.scatter, rtol=0.05)
    assert found.lift[0, 1] / found.lift[0, 0] == pytest.approx(DETECTOR.wafer.frame_share, rel=0.01)
    depth = (np.arange(DEPTHS) + 0.5) / DEPTHS
    frame = depth < DETECTOR.wafer.frame_mm / (0.5 * DETECTOR.wafer.side_mm)
    assert found.state[0, frame].max() < 0.01 and found.state[0, ~frame].min() > 0.99
