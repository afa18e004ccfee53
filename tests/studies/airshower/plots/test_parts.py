"""What figures of showers draw: moments, quantiles, densities and contours of samples that are known."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb

from cloudchamber.physics.gumbel import gumbel_mean, gumbel_sample, gumbel_variance
from cloudchamber.report.figures import new_figure
from cloudchamber.schema import Table, take
from cloudchamber.studies.airshower.columns import N_DEPTH, PRIMARIES
from cloudchamber.studies.airshower.plots.parts import (
    COLOURS,
    NAMES,
    XmaxMoments,
    alike,
    answer_styles,
    contours,
    correlation,
    darker,
    density,
    gumbel_key,
    gumbel_lines,
    minus_gumbel,
    moment_points,
    per_gev,
    present,
    quantile_errors,
    reach,
    slope,
    span,
    tag,
    xmax_moments,
)


def axes(n: int = 1) -> list[Axes]:
    return list(new_figure(4.0 * n, 3.0).subplots(1, n, squeeze=False).flat)


def test_every_primary_has_a_name_and_a_colour_of_its_own() -> None:
    assert set(NAMES) == set(COLOURS) == set(PRIMARIES) and len(set(COLOURS.values())) == len(PRIMARIES)
    assert all(np.allclose(np.array(darker(primary)) * 2, to_rgb(COLOURS[primary])) for primary in PRIMARIES)


def test_events_that_are_drawn_together_are_alike(truth: Table) -> None:
    chosen, depth = alike(truth)
    assert list(chosen) == ["p", "Fe"]
    for events in chosen.values():
        assert np.ptp(truth["lg_energy_ev"][events]) <= 0.5
        assert (truth["n_electron"][events, 1 : len(depth)] > 0).all()
    assert 1000 < depth[-1] < 1600


def test_moments_meet_the_distribution_that_they_were_drawn_from() -> None:
    rng = np.random.default_rng(5)
    n = 20000
    theta = {"primary": np.repeat([0, 4], n), "lg_energy_ev": rng.uniform(17.0, 19.0, 2 * n)}
    ln_a = np.log(np.where(theta["primary"] == 0, 1, 56))
    rows = xmax_moments(theta, gumbel_sample(ln_a, theta["lg_energy_ev"], rng), np.linspace(17, 19, 5))
    assert [row.primary for row in rows] == ["p"] * 4 + ["Fe"] * 4
    for row in rows:
        difference = minus_gumbel(row)
        assert abs(difference.mean) < 5 * row.mean_error
        assert abs(difference.sigma) < 5 * row.sigma_error + 0.1
        assert 0.2 < row.mean_error < 1.2 and 0.1 < row.sigma_error < 1.5
    assert np.isclose(minus_gumbel(rows[0]).mean, rows[0].mean - gumbel_mean(0.0, rows[0].lg_energy_ev))
    assert np.isclose(minus_gumbel(rows[0]).sigma, rows[0].sigma - gumbel_variance(0.0, rows[0].lg_energy_ev) ** 0.5)


def test_moments_need_five_showers() -> None:
    theta = {"primary": np.zeros(9, int), "lg_energy_ev": np.array([17.1] * 5 + [18.1] * 4)}
    rows = xmax_moments(theta, np.arange(9.0), [17, 18, 19])
    assert [(row.lg_energy_ev, row.mean) for row in rows] == [(pytest.approx(17.1), pytest.approx(2.0))]


def test_quantile_errors_match_the_scatter_of_samples() -> None:
    samples = np.random.default_rng(6).normal(size=(2000, 400))
    scatter = np.quantile(samples, (0.05, 0.5, 0.95), axis=1).std(axis=1)
    assert np.allclose(quantile_errors(samples.T).mean(axis=1), scatter, rtol=0.1)


def test_slope_and_correlation() -> None:
    x = np.arange(10.0)
    assert slope(x, np.where(x == 4, np.nan, 3 * x + 1)) == pytest.approx(3)
    assert slope(np.ones(10), x) == 0 == slope(x[:2], x[:2])
    assert correlation(np.stack([x, -x])) == pytest.approx(-1)
    assert np.isnan(correlation(np.stack([x, np.ones(10)])))


def test_primaries_that_are_there(truth: Table) -> None:
    some = take(truth, np.flatnonzero(np.isin(truth["primary"], [4, 1])))
    found = present(some)
    assert list(found) == ["He", "Fe"] and sum(map(len, found.values())) == len(some["primary"])
    assert set(some["primary"][found["Fe"]]) == {4}


def test_the_deepest_point_above_the_ground(truth: Table) -> None:
    deepest = reach(truth)
    at = np.arange(len(deepest))
    assert np.all(truth["n_electron"][at, deepest] > 0) and deepest.max() < N_DEPTH
    below = np.minimum(deepest + 1, N_DEPTH - 1)
    assert np.all((truth["n_electron"][at, below] == 0) | (deepest == N_DEPTH - 1))


def test_profiles_over_energy(truth: Table) -> None:
    events = np.arange(20)
    found = per_gev(truth, truth["n_electron"], events, 60)
    # some 0.6 particles a GeV at the maximum, whatever the energy
    assert found.shape == (20, 60) and np.all(found.max(axis=1) < 0.7)
    broken = truth["n_electron"].copy()
    broken[3, 10], broken[7, 200] = np.nan, np.nan
    assert len(per_gev(truth, broken, events, 60)) == 19, "what is not drawn does not matter"
    assert np.isnan(per_gev(truth, np.full_like(broken, np.nan), events, 60)).all()


def test_a_density_counts_what_lies_outside_in_its_norm() -> None:
    values, edges = np.random.default_rng(1).uniform(0, 200, 4000), np.linspace(0, 100, 11)
    found = density(values, edges)
    assert found.sum() * 10 == pytest.approx(1e3 * np.mean(values < 100)) and found == pytest.approx(np.full(10, 5.0), abs=5 * 5.0 / np.sqrt(200))
    assert not density(np.array([]), edges).any()


def test_limits_of_an_axis_leave_the_tails_out() -> None:
    values = np.linspace(0, 100, 1001)
    assert span(values, 0.1, margin=0.1) == (pytest.approx(2.0), pytest.approx(98.0)), "from 10 to 90, and a tenth of that on either side"
    assert span(values, 0.1, margin=0.0) == (pytest.approx(10.0), pytest.approx(90.0))
    for odd in (np.full(5, 3.0), np.zeros(5), np.array([])):
        low, high = span(odd, 0.1)
        assert low < high


def test_contours_hold_their_share_of_the_points() -> None:
    [axis] = axes()
    points = np.random.default_rng(2).multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]], 1500).T
    contours(axis, points, [(-5, 5), (-5, 5)])
    [drawn] = axis.collections
    inside = sorted(float(np.mean(path.contains_points(points.T))) for path in drawn.get_paths())
    assert inside == pytest.approx([0.68, 0.95], abs=0.05)
    axis.figure.draw_without_rendering()


@pytest.mark.parametrize("points", [np.zeros((2, 500)), np.arange(20.0).reshape(2, 10), np.stack([np.arange(100.0), 2 * np.arange(100.0)])])
def test_no_contours_of_few_points_or_of_a_line(points: np.ndarray) -> None:
    [axis] = axes()
    contours(axis, points, [(0, 1), (0, 1)])
    assert not axis.collections


def test_lines_of_gumbels_distribution_are_those_of_nuclei() -> None:
    both = axes(2)
    gumbel_lines(both, ["p", "Fe", "photon"], 17.0, 19.0)
    mean, sigma = ([line.get_ydata() for line in axis.lines] for axis in both)
    assert len(mean) == len(sigma) == 2
    # about 55 g/cm2 a decade; iron higher up in the air and less spread
    assert np.all(mean[0] > mean[1] + 60) and np.all(sigma[0] > sigma[1] + 15) and np.ptp(mean[0]) == pytest.approx(110, abs=25)
    assert len(gumbel_key(["photon"])) == 0 and [line.get_label() for line in gumbel_key(["photon", "p"])] == ["Gumbel, Sibyll 2.3d"]


def test_points_of_moments_stand_where_they_were_measured() -> None:
    both, row = axes(2), XmaxMoments("Fe", 18.0, 700.0, 2.0, 25.0, 1.5)
    moment_points(both, [row], 0.02, filled=False)
    for axis, value, error in zip(both, (700.0, 25.0), (2.0, 1.5), strict=True):
        [container] = axis.containers
        point, _, [bar] = container.lines
        assert (point.get_xdata()[0], point.get_ydata()[0], point.get_marker()) == (18.02, value, "s")
        np.testing.assert_allclose(bar.get_segments()[0][:, 1], [value - error, value + error])
        assert to_rgb(point.get_markeredgecolor()) == to_rgb(COLOURS["Fe"]) and to_rgb(point.get_markerfacecolor()) == (1, 1, 1)


def test_the_tag_stands_in_the_panel() -> None:
    [axis] = axes()
    tag(axis, "photon", "1200 showers\nat 10 EeV")
    axis.figure.draw_without_rendering()
    name, note = axis.texts
    assert (name.get_text(), note.get_text()) == ("photon", "1200 showers\nat 10 EeV") and to_rgb(name.get_color()) == to_rgb(COLOURS["photon"])
    box, inside = axis.get_window_extent(), [text.get_window_extent() for text in (name, note)]
    assert all(box.x0 <= each.x0 and each.x1 <= box.x1 and each.y1 <= box.y1 for each in inside)
    assert not inside[0].overlaps(inside[1])


def test_four_answers_are_told_apart() -> None:
    styles = answer_styles({str(i): {} for i in range(5)})
    assert len({str(style) for style in styles[:4]}) == 4 and styles[4] == styles[0]
