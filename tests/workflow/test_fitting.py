"""``cc.fit``: from arrays, or a simulator and its prior, to a posterior that can be believed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from astropy import units
from astropy.table import Table as AstropyTable
from scipy import stats

import cloudchamber as cc
from cloudchamber import workflow
from cloudchamber.cli import main
from cloudchamber.workflow.fitting import as_table

SIGMA = 0.5
QUICK = {"fit": {"epochs": 6, "batch_size": 256}}


def events(n: int, seed: int) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """A number with a normal prior, seen twice."""
    random = np.random.default_rng(seed)
    a = random.normal(size=n)
    return {"a": a}, {"x": a[:, None] + SIGMA * random.normal(size=(n, 2))}


@pytest.fixture(scope="module")
def run() -> workflow.fitting.Run:  # type: ignore[name-defined]
    return cc.fit(*events(4000, 1), overrides=QUICK)


def test_a_posterior_is_that_of_theory(run: cc.TrainedModel, tmp_path: Path) -> None:
    """Normal prior, normal noise: mean and width are known."""
    x = np.array([0.8, 1.2])
    draws = run.posterior({"x": x}, 4000)["a"]
    precision = 1 + 2 / SIGMA**2
    assert draws.shape == (4000,)
    assert draws.mean() == pytest.approx(x.sum() / SIGMA**2 / precision, abs=0.15 * precision**-0.5)
    assert draws.std() == pytest.approx(precision**-0.5, rel=0.15)
    assert run.posterior(x[None], 7)["a"].shape == (1, 7)
    assert run.log_prob(*events(5, 2)).shape == (5,)
    with pytest.raises(ValueError, match="missing column 'x'; needed: x, given: y"):
        run.posterior({"y": x}, 3)


def test_it_is_validated_saved_and_loaded(run: cc.TrainedModel, tmp_path: Path) -> None:
    found = run.validate(*events(1200, 2), out=tmp_path / "page")
    assert {"68% coverage of a", "ranks of a", "joint 90% coverage", "joint ranks", "log score"} <= {check.name for check in found.checks}
    # six epochs, and six hundred events to compare
    assert all(check.value < (check.limit or 0.0) + 3 * abs(check.floor) for check in found.checks) and found.report.exists()
    place = run.save(tmp_path / "runs" / "mine")
    np.testing.assert_array_equal(cc.load(place).sample(events(5, 3)[1], 1)["a"], run.model.sample(events(5, 3)[1], 1)["a"])
    with pytest.raises(FileExistsError, match="exists"):
        run.save(place)
    # the commands take it as any other run
    seen = events(20, 4)[1]["x"]
    (tmp_path / "seen.csv").write_text("x[0],x[1]\n" + "".join(f"{a},{b}\n" for a, b in seen))
    main(["infer", str(place), str(tmp_path / "seen.csv"), "--out", str(tmp_path / "found")])
    assert len((tmp_path / "found" / "answers.csv").read_text().splitlines()) == 21
    with pytest.raises(ValueError, match="was trained on events of these arrays"):
        run.validate(*events(4000, 1), out=tmp_path / "again")


def test_units_are_kept_and_masks_refused() -> None:
    theta, x = events(400, 1)
    run = cc.fit({"a": theta["a"] * units.GeV}, {"x": x["x"] * units.m}, overrides=QUICK)
    assert run.model.schema.theta["a"].unit == "GeV"
    one = {"x": np.array([0.3, 0.4])}
    for same in ({"x": one["x"] * 100 * units.cm}, {"x": (one["x"] * 100 * units.cm)[None]}, one["x"] * 100 * units.cm):
        np.testing.assert_allclose(np.ravel(run.posterior(same, 5)["a"]), run.posterior(one, 5)["a"], rtol=1e-4)
    with pytest.raises(ValueError, match="column 'x' is in m, got GeV"):
        run.posterior({"x": one["x"] * units.GeV}, 5)
    with pytest.raises(ValueError, match="column 'x': no value in event 0, entry"):
        run.posterior({"x": np.ma.masked_array(one["x"], [False, True])}, 5)
    with pytest.raises(ValueError, match="column 'a': no value in event 2"):
        cc.fit({"a": np.ma.masked_array(theta["a"], np.arange(400) == 2)}, x)


def test_a_simulator_and_its_prior() -> None:
    def simulate(theta: cc.Table, random: np.random.Generator) -> np.ndarray:
        return theta["b"] + 0.1 * random.normal(size=len(theta["b"]))

    run = cc.fit(simulate=simulate, prior=cc.Uniform({"b": (0.0, 1.0)}), n=1000, overrides=QUICK)
    draws = run.posterior({"x": np.array(0.02)}, 2000)["b"]
    # at the prior's edge no draw is beyond it, or heaped on it
    assert draws.min() > 0 and draws.max() < 1 and len(np.unique(draws)) > 1990 and draws.mean() < 0.3


def test_a_surrogate_and_a_class_beside_a_number() -> None:
    theta, x = events(1000, 5)
    surrogate = cc.fit(theta, x, direction="surrogate", overrides=QUICK)
    assert surrogate.sample({"a": np.array(0.5)}, 10)["x"].shape == (10, 2)
    random = np.random.default_rng(1)
    kind = random.choice(["p", "Fe"], 1000, p=[0.8, 0.2])
    both = cc.fit({"a": theta["a"], "kind": kind.astype("S")}, {"x": x["x"], "y": (kind == "Fe") + 0.1 * random.normal(size=1000)}, overrides=QUICK)
    drawn = both.posterior({"x": np.zeros(2), "y": np.array(1.0)}, 200)
    assert both.model.schema.theta["kind"].categories == ("Fe", "p") and (drawn["kind"] == 0).mean() > 0.9


def test_counts_and_booleans_are_drawn_as_what_they_are(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    strong = random.uniform(size=3000) < 0.5
    count, flag = random.poisson(np.where(strong, 5.0, 3.0)), random.uniform(size=3000) < np.where(strong, 0.8, 0.1)
    seen = strong + 0.01 * random.normal(size=3000)
    run = cc.fit({"count": count, "flag": flag}, {"x": seen}, overrides={"fit": {"epochs": 10, "batch_size": 128}})
    drawn = run.posterior({"x": np.array(0.0)}, 20_000)
    assert drawn["count"].dtype == np.int64 and drawn["flag"].dtype == bool and drawn["count"].min() >= 0
    # 1500 events teach each share to 0.012, twenty numbers are looked at
    expected = stats.poisson.pmf(np.arange(9), 3.0)
    assert np.bincount(drawn["count"], minlength=9)[:9] / 20_000 == pytest.approx(expected, abs=0.06) and drawn["flag"].mean() == pytest.approx(0.1, abs=0.05)
    # probabilities are those of the draws, and sum to one
    pairs = {"count": np.tile(np.arange(20), 2), "flag": np.repeat([False, True], 20)}
    stated = np.exp(run.log_prob(pairs, {"x": np.zeros(40)}))
    assert stated.sum() == pytest.approx(1.0, abs=0.03)
    assert stated.reshape(2, 20).sum(0)[:6] == pytest.approx(np.bincount(drawn["count"], minlength=6)[:6] / 20_000, abs=0.03)
    model = cc.load(run.save(tmp_path / "counts"))
    np.testing.assert_array_equal(model.sample({"x": seen[:50]}, 1)["count"], run.model.sample({"x": seen[:50]}, 1)["count"])
    found = run.validate({"count": count[:400], "flag": flag[:400]}, {"x": seen[:400] + 1e-4}, out=tmp_path / "page")
    assert found.report.exists() and run.advice


def test_a_count_without_knowledge_keeps_its_shares() -> None:
    random = np.random.default_rng(2)
    run = cc.fit({"count": random.poisson(3.0, 4000)}, {"x": random.normal(size=4000)}, overrides={"fit": {"epochs": 4}})
    drawn = run.posterior({"x": random.normal(size=400)}, 10)["count"].ravel()
    shares = np.append(stats.poisson.pmf(np.arange(8), 3.0), stats.poisson.sf(7, 3.0))
    counts = np.bincount(np.minimum(drawn, 8), minlength=9)
    # as many events taught as were drawn
    assert stats.chi2.sf((((counts - 4000 * shares) ** 2) / (2 * 4000 * shares)).sum(), 8) > 1e-6


def test_a_class_beside_a_number_and_a_count_keeps_its_shares() -> None:
    random = np.random.default_rng(3)
    kind = random.choice(["He", "Fe", "p"], 3000, p=[0.21, 0.58, 0.21])
    theta = {"kind": kind, "a": random.normal(size=3000), "count": random.poisson(np.where(kind == "Fe", 6.0, 1.0))}
    run = cc.fit(theta, {"x": random.normal(size=3000)}, overrides={"fit": {"epochs": 8}})
    drawn = {name: values.ravel() for name, values in run.posterior({"x": random.normal(size=300)}, 10).items()}
    seen = np.array([(drawn["kind"] == run.model.schema.theta["kind"].categories.index(name)).sum() for name in ("He", "Fe", "p")])
    expected = 3000 * np.array([0.21, 0.58, 0.21])
    # as many events taught as were drawn
    assert stats.chi2.sf(((seen - expected) ** 2 / (2 * expected)).sum(), 2) > 1e-6
    iron = run.model.schema.theta["kind"].categories.index("Fe")
    means = [drawn["count"][(drawn["kind"] == iron) == chosen].mean() for chosen in (True, False)]
    assert means[0] == pytest.approx(6.0, abs=0.7) and means[1] == pytest.approx(1.0, abs=0.4)


def test_what_would_go_wrong_is_refused() -> None:
    theta, x = events(200, 1)
    with pytest.raises(ValueError, match="column 'n': the transform 'whole' takes whole numbers up to 16777216"):
        cc.fit({"n": np.arange(200) + 2**25}, x)
    with pytest.raises(ValueError, match="column 'a' holds 1 NaN"):
        cc.fit({"a": np.where(np.arange(200) == 3, np.nan, theta["a"])}, x)
    with pytest.raises(ValueError, match="column 'kind': None in event 1 is no text"):
        cc.fit({"kind": np.array(["p", None] * 100)}, x)
    with pytest.raises(ValueError, match="50 events are too few"):
        cc.fit(*events(50, 1))
    with pytest.raises(ValueError, match="direction must be"):
        cc.fit(theta, x, direction="backwards")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="theta has no column 'b'"):
        cc.fit(theta, x, bounds={"b": (0, 1)})
    with pytest.raises(ValueError, match="a simulator needs a prior"):
        cc.fit(simulate=lambda theta: theta)
    with pytest.raises(ValueError, match="bounds of 'a' must be finite and rise"):
        cc.Uniform({"a": (1.0, 0.0)})


def test_tables_of_other_packages() -> None:
    assert list(as_table(np.zeros((3, 2)), "theta")) == ["theta_0", "theta_1"] and as_table(np.zeros((3, 2)), "x")["x"].shape == (3, 2)
    assert as_table(AstropyTable({"a": [1.0], "b": [2.0]}), "theta")["b"][0] == 2.0
    pandas = pytest.importorskip("pandas")
    assert as_table(pandas.DataFrame({"a": [1.0], "b": ["p"]}), "theta")["b"].tolist() == ["p"]
    random = np.random.default_rng(1)
    a = random.normal(size=400)
    # as pandas reads them: an index of its own, integers and text that it keeps as objects of its own kind
    theta = pandas.DataFrame({"a": a, "kind": np.where(a > 0, "Fe", "p")}, index=random.permutation(400))
    x = pandas.DataFrame({"x": a + 0.1 * random.normal(size=400), "hits": random.poisson(5, 400)}, index=theta.index)
    run = cc.fit(theta, x, overrides=QUICK)
    drawn = run.posterior(x.iloc[:3], 20)
    assert run.model.schema.theta["kind"].categories == ("Fe", "p") and drawn["a"].shape == (3, 20)
    by_hand = cc.fit({name: theta[name].to_numpy() for name in theta}, {name: x[name].to_numpy() for name in x}, overrides=QUICK)
    np.testing.assert_array_equal(drawn["a"], by_hand.posterior({name: x[name].to_numpy()[:3] for name in x}, 20)["a"])
