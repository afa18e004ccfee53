"""The scan's compiled loops against slow plain numpy: the grid search by table, the norm's lattice, and what the refinements climb."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from cloudchamber.physics.sphere import pixel_centres, random_rotation, tangent_basis
from cloudchamber.studies.cosmic_ray_sky.scans.lr_kernel import _angle, _norm, refine, refine_radial, search

POLE = np.array([0.0, 0.0, 1.0])
ALL = (-1.0, 1.0)
FLAT = np.ones((3, 3))
"""A norm that is the same everywhere."""


def test_angles_are_right_to_five_thousandths() -> None:
    true = np.linspace(-np.pi, np.pi, 4001)[:-1]
    found = np.array([_angle(np.float32(np.sin(a)), np.float32(np.cos(a))) for a in true])
    assert np.abs((found - true + np.pi) % (2 * np.pi) - np.pi).max() < 0.0052
    assert _angle(np.float32(0), np.float32(0)) == 0


@pytest.mark.parametrize("position_angles", [1, 8])
def test_the_search_is_the_sum_over_the_table(position_angles: int) -> None:
    random = np.random.default_rng(1)
    n, rows, distances, levels = 60, 3, 46, 2
    directions = (pixel_centres(2) @ random_rotation(random).T)[random.permutation(48)[:n]]
    directions = np.concatenate([directions, random.normal(size=(n - len(directions), 3))])
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    row, reach = random.integers(0, rows, n), np.cos(np.radians([180.0, 90.0, 40.0]))
    # the law's terms are the same on both sides of its position angle; smooth in distance, as rounding may take a neighbouring line
    half = random.uniform(size=(levels, rows, 1, position_angles))
    table = np.exp(-np.linspace(0, np.pi, distances))[:, None] * (half + half[..., -np.arange(position_angles) % position_angles])
    sources = pixel_centres(1)
    east, north = tangent_basis(sources)
    frames = np.stack((sources, north, east), axis=1)
    level, bonus = random.integers(0, levels, (12, position_angles)), random.normal(scale=0.3, size=(12, position_angles))
    doubled = np.ascontiguousarray(np.concatenate((table, table), axis=-1)).astype(np.float32)
    best, turn = search(directions.T.astype(np.float32), row, frames.astype(np.float32), level, reach, doubled, bonus)
    away = []
    for s in range(12):
        near = np.flatnonzero(directions @ sources[s] >= reach[row])
        line = np.round(np.arccos(directions[near] @ sources[s]) * (distances - 1) / np.pi).astype(int)
        # from north through east
        position = np.arctan2(directions[near] @ east[s], directions[near] @ north[s])
        step = np.round(position * position_angles / (2 * np.pi)).astype(int)
        value = [table[level[s, j], row[near], line, (step - j) % position_angles].sum() + bonus[s, j] for j in range(position_angles)]
        away.append(abs(best[s] - max(value)))
        assert value[turn[s]] > max(value) - 1
    # an angle of 0.005 rad beside the middle of two may fall to the other one
    assert np.sum(np.array(away) < 0.02) >= 8 and max(away) < 1
    assert np.ptp(best) > 1


def test_the_norm_is_bilinear_and_its_slopes_are_its_own() -> None:
    sines = np.linspace(-1, 1, 9)
    plane = 1.5 + 0.4 * sines[:, None] - 0.3 * sines + 0.2 * sines[:, None] * sines
    for source, way in [(0.13, -0.57), (-0.9, 0.99), (1.0, 1.0), (-1.0, -1.0)]:
        norm, slope, slope_way = _norm(source, way, plane)
        assert norm == pytest.approx(1.5 + 0.4 * source - 0.3 * way + 0.2 * source * way)
        assert (slope, slope_way) == (pytest.approx(0.4 + 0.2 * way), pytest.approx(-0.3 + 0.2 * source))
    assert _norm(1.2, 0.0, plane)[0] == _norm(1.0, 0.0, plane)[0], "beyond the end, the end"
    assert _norm(0.5, 0.3, plane[:, :1])[0] == pytest.approx(np.interp(0.5, sines, plane[:, 0]))


def sky(n: int = 150, signal: int = 60, seed: int = 2) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Directions, rows and terms (4, 2, 1) of two energies; source and way that the signal was drawn from."""
    random = np.random.default_rng(seed)
    source = random.normal(size=3)
    source /= np.linalg.norm(source)
    way = np.cross(source, random.normal(size=3))
    way /= np.linalg.norm(way)
    alpha, kappa = np.radians([25.0, 10.0]), np.array([40.0, 150.0])
    row = random.integers(0, 2, n)
    centre = np.cos(alpha[row])[:, None] * source + np.sin(alpha[row])[:, None] * way
    directions = np.where(np.arange(n)[:, None] < signal, centre + random.normal(size=(n, 3)) / np.sqrt(kappa[row])[:, None], random.normal(size=(n, 3)))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    terms = np.stack((np.cos(alpha), np.sin(alpha), kappa, 2 * kappa))[..., None]
    return directions, row, terms, source, way


def ln_ratio(directions: np.ndarray, row: np.ndarray, terms: np.ndarray, source: np.ndarray, way: np.ndarray, share: float) -> float:
    """ln L by its definition."""
    cosine, sine, kappa, factor = terms[:, row, 0]
    ratio = factor * np.exp(kappa * (cosine * (directions @ source) + sine * (directions @ way) - 1))
    return float(np.log1p(share * (ratio - 1)).sum())


def test_the_refinement_ends_at_a_maximum_of_the_likelihood() -> None:
    directions, row, terms, source, way = sky()
    east, _north = tangent_basis(np.array([source]))
    start = np.cos(0.1) * source + np.sin(0.1) * east[0]
    start_way = way - (way @ start) * start
    arguments = (directions, row, terms, start[None], start_way[None] / np.linalg.norm(start_way), POLE, np.array(ALL), FLAT, 0.3)
    value, found, share = refine(*arguments, False)
    assert share == 0.3 and found @ found == pytest.approx(1) and np.degrees(np.arccos(found @ source)) < 4
    assert value > ln_ratio(directions, row, terms, source, way, 0.3)

    def lower(turned: np.ndarray) -> float:
        """-ln L with source and way rotated by a vector."""
        from scipy.spatial.transform import Rotation

        turn = Rotation.from_rotvec(turned).as_matrix()
        return -ln_ratio(directions, row, terms, turn @ source, turn @ way, 0.3)

    best = minimize(lower, np.zeros(3), method="Nelder-Mead", options={"xatol": 1e-5, "fatol": 1e-6})
    assert value == pytest.approx(-best.fun, abs=0.05)
    freed, _, share = refine(*arguments, True)
    assert freed > value and share == pytest.approx(0.4, abs=0.1), "60 of 150"


def test_the_best_of_the_starts_wins_and_the_order_is_of_no_matter() -> None:
    directions, row, terms, source, way = sky()
    east, _north = tangent_basis(-source[None])
    starts, ways = np.stack([-source, source]), np.stack([east[0], way])
    one, two = (refine(directions, row, terms, starts[order], ways[order], POLE, np.array(ALL), FLAT, 0.3, False) for order in ([0, 1], [1, 0]))
    np.testing.assert_allclose(one[1], two[1])
    assert one[0] == pytest.approx(two[0]) and np.degrees(np.arccos(one[1] @ source)) < 4


def test_a_norm_that_rises_drives_the_source_down() -> None:
    """Where more of a source's events are seen, the same events tell less of it."""
    directions, row, terms, source, way = sky(signal=15)
    rising = np.exp(1.5 * np.linspace(-1, 1, 65)[:, None]) * np.ones((1, 65))
    plain, pushed = (refine(directions, row, terms, source[None], way[None], POLE, np.array(ALL), norm, 0.1, False)[1] for norm in (FLAT, rising))
    assert pushed @ POLE < plain @ POLE - 1e-3


def test_a_norm_divides_the_densities() -> None:
    directions, row, terms, source, way = sky()
    halved = terms * np.array([1, 1, 1, 0.5])[:, None, None]
    one = refine(directions, row, halved, source[None], way[None], POLE, np.array(ALL), FLAT, 0.3, False)
    two = refine(directions, row, terms, source[None], way[None], POLE, np.array(ALL), 2 * FLAT, 0.3, False)
    assert one[0] == pytest.approx(two[0]) and one[0] < ln_ratio(directions, row, terms, source, way, 0.3)


def test_sources_stay_within_their_sines() -> None:
    directions, row, terms, source, _way = sky()
    away = (-0.9, float(source @ POLE) - 0.2) if source @ POLE > 0 else (float(source @ POLE) + 0.2, 0.9)
    inside = next(vector for vector in pixel_centres(4) if away[0] < vector @ POLE < away[1])
    east, _ = tangent_basis(inside[None])
    found = refine(directions, row, terms, inside[None], east, POLE, np.array(away), FLAT, 0.3, False)[1]
    assert away[0] - 0.05 <= found @ POLE <= away[1] + 0.05


def radial_sky(signal: int, seed: int = 3) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """100 directions, ``signal`` of them about a source by Fisher's law of kappa 60; the law over chords (1, 501)."""
    random = np.random.default_rng(seed)
    source = np.array([0.6, 0.0, 0.8])
    directions = np.where(np.arange(100)[:, None] < signal, source + random.normal(size=(100, 3)) / np.sqrt(60), random.normal(size=(100, 3)))
    chord = np.linspace(0, 2, 501)
    return directions / np.linalg.norm(directions, axis=1, keepdims=True), np.zeros(100, int), 120 * np.exp(-60 * chord**2 / 2)[None], source


def test_the_radial_refinement_climbs_the_same_likelihood() -> None:
    directions, row, ratio, source = radial_sky(40)
    start = np.array([0.75, 0.1, 0.65])
    start /= np.linalg.norm(start)
    value, found, _ = refine_radial(directions, row, ratio, start[None], POLE, np.array(ALL), FLAT[:, :1], 0.3, False)

    def at(vector: np.ndarray) -> float:
        return float(np.log1p(0.3 * (120 * np.exp(60 * (directions @ vector - 1)) - 1)).sum())

    assert value == pytest.approx(at(found), abs=0.05)
    east, north = tangent_basis(source[None])
    best = max(at((v := source + a * east[0] + b * north[0]) / np.linalg.norm(v)) for a in np.linspace(-0.1, 0.1, 41) for b in np.linspace(-0.1, 0.1, 41))
    assert best - 0.1 < value < best + 0.1
    _, _, share = refine_radial(directions, row, ratio, start[None], POLE, np.array(ALL), FLAT[:, :1], 0.3, True)
    assert share == pytest.approx(0.4, abs=0.12)


def test_isotropy_has_hardly_a_share() -> None:
    directions, row, ratio, source = radial_sky(0)
    value, _, share = refine_radial(directions, row, ratio, source[None], POLE, np.array(ALL), FLAT[:, :1], 0.3, True)
    assert share < 0.1 and value < 6
