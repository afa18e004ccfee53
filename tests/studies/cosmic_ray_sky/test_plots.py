from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from cloudchamber.physics.sphere import pixel_centres, unit_vectors
from cloudchamber.studies.cosmic_ray_sky.likelihood.sensitivity import OPTIMUM
from cloudchamber.studies.cosmic_ray_sky.plots import circle, pixel_map, place, plots, relevance_sky, sensitivity, tophat_sky
from cloudchamber.studies.cosmic_ray_sky.scans.tophat import discs, tophat_scan
from cloudchamber.studies.cosmic_ray_sky.skies.toy import Toy


def skies(n: int = 60) -> dict:
    toy, random = Toy(n=80, signal=(10, 40)), np.random.default_rng(2)
    theta = toy.prior(n, random)
    return theta | toy.simulate(theta, random)


def drawn(figure: Figure) -> Figure:
    figure.draw_without_rendering()
    return figure


def test_longitude_grows_to_the_left_and_wraps() -> None:
    x, y = place(np.array([90.0, -90.0, 270.0]), np.array([0.0, 45.0, 0.0]))
    assert np.allclose(x, [-np.pi / 2, np.pi / 2, np.pi / 2]) and np.allclose(y, [0, np.pi / 4, 0])


def test_every_figure_is_drawn_and_says_what_it_shows() -> None:
    truth = skies()
    probability = np.linspace(0.01, 0.99, 60)
    answer = truth | {"kind_probability": np.stack((1 - probability, probability), 1)}
    figures = plots(truth, {"a network": answer, "no classifier": truth})
    assert set(figures) == {"A simulated sky", "Calibration", "Verdicts"}
    lon, lat, energy = (truth[name].values[:80].astype(float) for name in ("lon_deg", "lat_deg", "energy_ev"))
    excess = tophat_scan(unit_vectors(lon, lat), energy, discs(nside=4))
    figures |= {"top-hat": tophat_sky(lon, lat, energy, excess), "relevance": relevance_sky(lon, lat, energy, lat, "caption")}
    figures["map"] = pixel_map(pixel_centres(8)[:, 2], "height", "caption")
    figures["sensitivity"] = sensitivity({OPTIMUM: (np.array([10, 20]), np.array([2.0, 6.0])), "other": (np.array([10]), np.array([1.0]))}, OPTIMUM, "caption")
    for figure in figures.values():
        assert drawn(figure).get_label()


def test_a_circle_keeps_its_distance() -> None:
    centre = unit_vectors(170.0, 60.0)
    lon, lat = circle(centre, 25.0)
    assert np.allclose(unit_vectors(lon, lat) @ centre, np.cos(np.deg2rad(25.0)))


def test_pixel_maps_show_the_right_place() -> None:
    from cloudchamber.physics.sphere import lon_lat_deg

    _, lat = lon_lat_deg(pixel_centres(16))
    image = pixel_map(lat, "latitude").axes[0].collections[0].get_array()
    assert np.asarray(image).reshape(361, 721)[-2].min() > 80
