import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import kstest

from cloudchamber.physics.gumbel import GUMBEL_COEFFICIENTS, gumbel_density, gumbel_mean, gumbel_parameters, gumbel_sample, gumbel_variance


@pytest.mark.parametrize(
    ("model", "mass", "lg_energy_ev", "mean", "sigma"),
    [
        ("EPOS-LHC", 1, 18, 752.4, 62.6),
        ("EPOS-LHC", 56, 18, 652.2, 17.9),
        ("QGSJetII-04", 1, 18, 738.8, 65.4),
        ("QGSJetII-04", 56, 18, 641.6, 23.4),
        ("Sibyll2.3d", 1, 17, 698.4, 72.4),
        ("Sibyll2.3d", 1, 18, 758.0, 66.9),
        ("Sibyll2.3d", 56, 17, 589.1, 26.2),
        ("Sibyll2.3d", 56, 18, 652.5, 24.4),
    ],
)
def test_published_moments(model: str, mass: int, lg_energy_ev: float, mean: float, sigma: float) -> None:
    assert gumbel_mean(np.log(mass), lg_energy_ev, model) == pytest.approx(mean, abs=0.051)
    assert gumbel_variance(np.log(mass), lg_energy_ev, model) ** 0.5 == pytest.approx(sigma, abs=0.051)


@pytest.mark.parametrize("model", GUMBEL_COEFFICIENTS)
@pytest.mark.parametrize("mass", [1, 14, 56])
def test_density_has_unit_integral_and_the_moments(model: str, mass: int) -> None:
    moments = [quad(lambda x, k=k: x**k * gumbel_density(x, np.log(mass), 18.5, model), 300, 2500, points=[700, 800], limit=200)[0] for k in range(3)]
    assert moments[0] == pytest.approx(1, abs=1e-6)
    assert moments[1] == pytest.approx(gumbel_mean(np.log(mass), 18.5, model), rel=1e-6)
    assert moments[2] - moments[1] ** 2 == pytest.approx(gumbel_variance(np.log(mass), 18.5, model), rel=1e-3)


def test_samples_follow_the_density() -> None:
    xmax = gumbel_sample(np.zeros(4000), 18.0, np.random.default_rng(3), "EPOS-LHC")
    grid = np.linspace(400, 2000, 20001)
    cumulative = np.cumsum(gumbel_density(grid, 0.0, 18.0, "EPOS-LHC")) * (grid[1] - grid[0])
    assert kstest(xmax, lambda x: np.interp(x, grid, cumulative)).pvalue > 1e-6
    assert abs(xmax.mean() - gumbel_mean(0.0, 18.0, "EPOS-LHC")) < 5 * xmax.std() / np.sqrt(4000)


def test_arguments_broadcast() -> None:
    assert gumbel_mean(np.log([[1.0], [56.0]]), [17.0, 18.0, 19.0]).shape == (2, 3)
    mu, sigma, shape = gumbel_parameters(0.0, [17.0, 19.0])
    assert mu.shape == sigma.shape == shape.shape == (2,)
    assert mu[1] == 785.852


def test_unknown_model_is_named() -> None:
    with pytest.raises(ValueError, match=r"'PYTHIA'; there are: EPOS-LHC"):
        gumbel_mean(0.0, 18.0, "PYTHIA")
