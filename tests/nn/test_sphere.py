from __future__ import annotations

import copy

import healpix
import numpy as np
import pytest
import torch
from scipy.special import sph_harm_y

from cloudchamber.nn.sphere import ChebyshevConvolution, DeepSphere, equivariance_error, halvings_after, nested_pixel, pool, scaled_laplacian, statistics


def dense(nside: int, neighbours: int = 20) -> np.ndarray:
    columns, entries = scaled_laplacian(nside, neighbours)
    matrix = np.zeros((12 * nside**2, 12 * nside**2))
    np.add.at(matrix, (np.arange(len(matrix))[:, None], columns), entries)
    return matrix


def plain(nside: int, neighbours: int) -> ChebyshevConvolution:
    """The Laplacian alone, as a layer."""
    return ChebyshevConvolution(nside, 1, 1, order=1, neighbours=neighbours)


@pytest.mark.parametrize("nside, neighbours", [(2, 20), (4, 40), (8, 8)])
def test_laplacian_is_symmetric_and_fills_minus_one_to_one(nside: int, neighbours: int) -> None:
    matrix = dense(nside, neighbours)
    np.testing.assert_array_equal(matrix, matrix.T)
    values, vectors = np.linalg.eigh(matrix)
    np.testing.assert_allclose(values[[0, -1]], [-1, 1], atol=2e-4)
    # eigenvalue 0 of the Laplacian: the square root of the degrees, nearly the same everywhere
    assert np.ptp(np.abs(vectors[:, 0])) < 0.1 * np.abs(vectors[:, 0]).mean()
    assert values[1] > -0.999


def test_edges_halve_with_the_square_of_the_distance_over_their_width() -> None:
    nside = 8
    matrix, centres = dense(nside), np.stack(healpix.pix2vec(nside, np.arange(768), nest=True), -1)
    square = ((centres[:, None] - centres) ** 2).sum(-1)
    # of four siblings: the degrees of the pixels and the largest eigenvalue drop out
    i, j, k, m = np.arange(768).reshape(-1, 4).T
    ratio = matrix[i, j] * matrix[k, m] / (matrix[i, m] * matrix[j, k])
    np.testing.assert_allclose(np.log2(ratio), -(square[i, j] + square[k, m] - square[i, m] - square[j, k]) * (nside / 1.05) ** 2, rtol=1e-4, atol=1e-5)


def test_each_pixel_has_its_nearest_neighbours_and_those_as_near() -> None:
    matrix, centres = dense(8), np.stack(healpix.pix2vec(8, np.arange(768), nest=True), -1)
    distance = np.linalg.norm(centres[:, None] - centres, axis=-1)
    last = np.sort(distance, axis=1)[:, [20]]
    near = distance <= last * (1 + 1e-9)
    np.testing.assert_array_equal((matrix != 0) & ~np.eye(768, dtype=bool), (near | near.T) & ~np.eye(768, dtype=bool))


@pytest.mark.parametrize("events", [1, 3, 20])
def test_layer_is_the_sum_of_chebyshev_polynomials(events: int) -> None:
    torch.manual_seed(0)
    layer, matrix = ChebyshevConvolution(2, 3, 2, order=4), dense(2)
    x = torch.randn(events, 48, 3)
    values, vectors = np.linalg.eigh(matrix)
    weight = layer.linear.weight.detach().numpy().reshape(2, 5, 3)
    wanted = sum(
        np.einsum("pq,eqi,oi->epo", vectors @ np.diag(np.cos(k * np.arccos(np.clip(values, -1, 1)))) @ vectors.T, x.numpy(), weight[:, k]) for k in range(5)
    )
    np.testing.assert_allclose(layer(x).detach().numpy(), wanted, atol=1e-3)


def test_gradients_are_exact() -> None:
    torch.manual_seed(0)
    layer = ChebyshevConvolution(2, 1, 2, order=3, neighbours=8).double()
    assert torch.autograd.gradcheck(layer, torch.randn(2, 48, 1, dtype=torch.float64, requires_grad=True))
    layer.entries.zero_()
    x = torch.randn(1, 48, 1, dtype=torch.float64, requires_grad=True)
    (slope,) = torch.autograd.grad(layer.laplacian(x[0]).sum(), x)
    assert not slope.any()


@pytest.mark.parametrize("neighbours, least, most", [(8, 1e-3, 6e-3), (20, 5e-5, 4e-4), (40, 1e-6, 6e-5)])
def test_more_neighbours_make_the_laplacian_equivariant(neighbours: int, least: float, most: float) -> None:
    # at nside 16; at 64, with 20 neighbours, 2e-4: benchmarks/sphere_layers.py
    layer = plain(16, neighbours)
    unscaled = equivariance_error(lambda maps: maps + layer.laplacian(maps.T.contiguous()).T, 16, range(1, 17))
    assert least < unscaled < most


def test_equivariance_error_is_that_of_rotated_maps() -> None:
    # the definition itself: maps of spherical harmonics to degree 5, filtered, their harmonics to degree 13 turned exactly
    nside, top, wide = 8, 5, 13
    layer = plain(nside, 8)
    centres = np.stack(healpix.pix2vec(nside, np.arange(12 * nside**2), nest=True), -1)

    def operator(maps: np.ndarray) -> np.ndarray:
        return maps + layer.laplacian(torch.from_numpy(maps).float()).detach().numpy()

    def harmonics(vectors: np.ndarray, degree: int) -> np.ndarray:
        polar, azimuth = np.arccos(np.clip(vectors[:, 2], -1, 1)), np.arctan2(vectors[:, 1], vectors[:, 0])
        both = [(n, m, sph_harm_y(n, abs(m), polar, azimuth)) for n in range(degree + 1) for m in range(-n, n + 1)]
        return np.stack([y.real * (1 if m == 0 else 2**0.5) if m >= 0 else y.imag * 2**0.5 for _, m, y in both], -1)

    generator, apart, size = np.random.default_rng(1), 0.0, 0.0
    analyse = np.linalg.pinv(harmonics(centres, wide))
    for _ in range(8):
        turned = centres @ np.linalg.qr(generator.normal(size=(3, 3)))[0]
        coefficients = generator.normal(size=((top + 1) ** 2, 4))
        coefficients[0] = 0
        filtered = operator(harmonics(centres, top) @ coefficients)
        then_turned = harmonics(turned, wide) @ (analyse @ filtered)
        # what no harmonic holds would turn into something else of the same size
        lost = ((filtered - harmonics(centres, wide) @ (analyse @ filtered)) ** 2).sum()
        apart += ((then_turned - operator(harmonics(turned, top) @ coefficients)) ** 2).sum() + lost
        size += (filtered**2).sum()
    found = equivariance_error(lambda maps: torch.from_numpy(operator(maps.numpy().T).T), nside, range(1, top + 1), maps=16)
    assert found == pytest.approx(apart / size, rel=0.15)


@pytest.mark.parametrize("nside", [1, 2, 64, 512])
def test_pixels_are_those_of_healpix(nside: int) -> None:
    vectors = np.random.default_rng(2).normal(size=(100_000, 3))
    # the neighbourhoods of the poles too, down to 1e-9 rad
    vectors[:20_000, :2] *= 10.0 ** -np.linspace(0, 9, 20_000)[:, None]
    found = nested_pixel(nside, *torch.from_numpy(vectors.T.copy()))
    np.testing.assert_array_equal(found, healpix.vec2pix(nside, *vectors.T, nest=True))
    pixels = np.arange(0, 12 * nside**2, 1 + nside // 100)
    np.testing.assert_array_equal(nested_pixel(nside, *(torch.from_numpy(c) for c in healpix.pix2vec(nside, pixels, nest=True))), pixels)


def test_directions_on_the_edges_of_pixels_fall_into_one_of_them() -> None:
    nside, step = 4, 1e-7
    lon, lat = (x.ravel() for x in np.meshgrid(np.deg2rad(np.arange(-180, 181, 22.5)), np.arcsin([-1, -2 / 3, -1 / 3, 0, 1 / 3, 2 / 3, 1])))
    found = nested_pixel(nside, *torch.from_numpy(np.stack((np.cos(lat) * np.cos(lon), np.cos(lat) * np.sin(lon), np.sin(lat)))))
    touching = [
        np.asarray(healpix.vec2pix(nside, np.cos(b) * np.cos(a), np.cos(b) * np.sin(a), np.sin(b), nest=True))
        for a, b in ((lon + s * step, lat + t * step) for s in (-1, 0.3, 1) for t in (-1, 0.3, 1))
    ]
    pole = np.abs(lat) > 1.5
    assert np.all((found.numpy() == np.stack(touching)).any(0) | pole)
    # the pole itself is the corner of four pixels
    corners = np.asarray(healpix.vec2pix(nside, *np.array([[1, 1, -1, -1], [1, -1, 1, -1], [1e7] * 4]), nest=True))
    assert set(found.numpy()[lat > 1.5]) <= set(corners)


def test_pooling_joins_the_four_children() -> None:
    x = torch.arange(2 * 192 * 3.0).view(2, 192, 3)
    family = np.asarray(healpix.vec2pix(2, *healpix.pix2vec(4, np.arange(192), nest=True), nest=True))
    for pooling, joined in (("average", np.mean), ("max", np.max)):
        wanted = np.stack([joined(x.numpy()[:, family == parent], axis=1) for parent in range(48)], 1)
        np.testing.assert_allclose(pool(x, 4, pooling).numpy(), wanted, rtol=1e-6)
    assert pool(x, 1) is x


def test_statistics_are_mean_and_deviation_and_have_a_slope_at_zero_spread() -> None:
    x = torch.randn(3, 48, 5)
    torch.testing.assert_close(statistics(x), torch.cat((x.mean(1), x.std(1, correction=0)), 1))
    flat = torch.ones(1, 48, 2, requires_grad=True)
    statistics(flat).sum().backward()
    assert flat.grad is not None and bool(torch.isfinite(flat.grad).all())


@pytest.mark.parametrize("nside, layers, wanted", [(64, 6, [1, 1, 1, 1, 1, 0]), (64, 3, [3, 2, 0]), (8, 6, [1, 1, 0, 0, 0, 0]), (16, 1, [3]), (2, 2, [0, 0])])
def test_pooling_ends_at_48_pixels(nside: int, layers: int, wanted: list[int]) -> None:
    assert halvings_after(nside, layers) == wanted


def small(**changes: object) -> DeepSphere:
    return DeepSphere(**({"nside": 8, "order": 3, "channels": (4, 8), "dropout": 0.0} | changes))  # type: ignore[arg-type]


@pytest.mark.parametrize("pooling", ["average", "max"])
@pytest.mark.parametrize("activation", ["leaky_relu", "relu", "elu"])
def test_body_gives_features_and_learns_everywhere(pooling: str, activation: str) -> None:
    torch.manual_seed(0)
    body = small(pooling=pooling, activation=activation).build(2 * 768)
    features = body(torch.randn(5, 2 * 768))
    assert features.shape == (5, body.size) == (5, 16)
    features.square().sum().backward()
    assert all(p.grad is not None and bool((p.grad != 0).any()) for p in body.parameters())


def test_an_event_does_not_depend_on_its_batch() -> None:
    torch.manual_seed(0)
    body, maps = small().build(2 * 768).eval(), torch.randn(19, 2 * 768)
    torch.testing.assert_close(body(maps)[3:4], body(maps[3:4]))


def test_features_keep_still_under_a_symmetry_of_the_pixels() -> None:
    # a quarter turn about the poles maps pixels onto pixels
    torch.manual_seed(0)
    body, maps = small().build(768).eval(), torch.randn(4, 768)
    x, y, z = healpix.pix2vec(8, np.arange(768), nest=True)
    turned = maps[:, healpix.vec2pix(8, y, -x, z, nest=True)]
    still, moved = body(maps), body(maps.roll(1, 1))
    torch.testing.assert_close(body(turned), still, rtol=1e-4, atol=1e-5)
    assert not torch.allclose(moved, still, rtol=1e-2, atol=1e-3)


@pytest.mark.filterwarnings("ignore:.torch.jit.trace:DeprecationWarning")
def test_a_traced_body_gives_the_same_features_for_any_number_of_maps() -> None:
    torch.manual_seed(0)
    body = small().build(2 * 768).eval()
    traced, maps = torch.jit.trace(body, torch.randn(3, 2 * 768), check_trace=False), torch.randn(5, 2 * 768)
    torch.testing.assert_close(traced(maps), body(maps))


def test_the_graph_stays_out_of_the_weights_and_is_rebuilt() -> None:
    body = small().build(768)
    names = set(body.state_dict())
    assert not any(name.endswith(("neighbours", "entries")) for name in names)
    other = small().build(768)
    other.load_state_dict(body.state_dict())
    maps = torch.randn(2, 768)
    torch.testing.assert_close(copy.deepcopy(body).eval()(maps), other.eval()(maps))
    assert other.blocks[0].convolution.entries.data_ptr() == body.blocks[0].convolution.entries.data_ptr()


@pytest.mark.parametrize(
    "settings, given, message",
    [
        ({"nside": 12}, 1728, "nside must be a power of two, at least 2, got 12"),
        ({}, 1000, "maps of nside 8 have 768 pixels a channel: 1000 numbers"),
        ({"channels": ()}, 768, "channels names no layer"),
        ({"order": -1}, 768, "order must be at least 0, got -1"),
        ({"neighbours": 9}, 768, "neighbours must be one of 8, 20, 40"),
    ],
)
def test_impossible_settings_are_refused(settings: dict[str, object], given: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        small(**settings).build(given)
