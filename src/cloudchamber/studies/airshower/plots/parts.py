"""What the figures of air showers share: a primary's colour, and the samples and statistics that they draw."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from cloudchamber.physics.gumbel import gumbel_mean, gumbel_variance
from cloudchamber.report.figures import BLUE, DASHED, DOTTED, GREEN, INK, ORANGE, PINK, QUIET, SKY_BLUE, VERMILION, Linestyle, line
from cloudchamber.schema import Table
from cloudchamber.studies.airshower.columns import MASS_NUMBER, N_DEPTH, PRIMARIES, depth_grid

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.lines import Line2D

Array = NDArray[Any]

COLOURS = {"p": VERMILION, "He": ORANGE, "N": GREEN, "Si": SKY_BLUE, "Fe": BLUE, "photon": PINK}
NAMES = {"p": "proton", "He": "helium", "N": "nitrogen", "Si": "silicon", "Fe": "iron", "photon": "photon"}
QUANTILES = (0.05, 0.5, 0.95)
FEWEST_FOR_CONTOURS = 30

DEPTH = "slant depth $X$  (g/cm²)"
XMAX = r"$X_\mathrm{max}$  (g/cm²)"
MEAN_XMAX = r"$\langle X_\mathrm{max}\rangle$  (g/cm²)"
SIGMA_XMAX = r"$\sigma(X_\mathrm{max})$  (g/cm²)"
ENERGY = r"$\lg(E/\mathrm{eV})$"


class XmaxMoments(NamedTuple):
    """Mean and standard deviation of Xmax with their statistical errors, in g/cm2, of one primary at one (mean) energy."""

    primary: str
    lg_energy_ev: float
    mean: float
    mean_error: float
    sigma: float
    sigma_error: float


def xmax_moments(theta: Table, xmax_g_cm2: Array, edges: Sequence[float] | Array) -> list[XmaxMoments]:
    """Moments of Xmax per primary and bin of lg(E/eV) between ``edges``, for bins of at least five showers.

    Each shower is moved to its bin's mean energy by the primary's slope of Xmax in lg(E), so that a bin's width does not widen sigma.
    """
    rows = []
    for primary, events in present(theta).items():
        lg, xmax = theta["lg_energy_ev"][events].astype(float), np.asarray(xmax_g_cm2, float)[events]
        lg, xmax = lg[np.isfinite(xmax)], xmax[np.isfinite(xmax)]
        steepness, place = slope(lg, xmax), np.digitize(lg, edges)
        for number in range(1, len(edges)):
            inside = place == number
            n = int(inside.sum())
            if n < 5:
                continue
            centre = lg[inside].mean()
            values = xmax[inside] - steepness * (lg[inside] - centre)
            mean, sigma = values.mean(), values.std(ddof=1)
            fourth = np.mean((values - mean) ** 4)
            sigma_error = np.sqrt(max(fourth - sigma**4, 0.0) / n) / (2 * sigma) if sigma > 0 else 0.0
            rows.append(XmaxMoments(primary, float(centre), float(mean), float(sigma / np.sqrt(n)), float(sigma), float(sigma_error)))
    return rows


def minus_gumbel(row: XmaxMoments) -> XmaxMoments:
    """The difference of a nucleus's moments from the generalised Gumbel distribution's; the errors stay."""
    ln_a = np.log(MASS_NUMBER[row.primary])
    mean, variance = gumbel_mean(ln_a, row.lg_energy_ev), gumbel_variance(ln_a, row.lg_energy_ev)
    return row._replace(mean=row.mean - float(mean), sigma=row.sigma - float(np.sqrt(variance)))


def present(table: Table) -> dict[str, Array]:
    """The indices of each primary's events, for the primaries that there are, lightest first and photons last."""
    found = {primary: np.flatnonzero(table["primary"] == code) for code, primary in enumerate(PRIMARIES)}
    return {primary: events for primary, events in found.items() if len(events)}


def alike(truth: Table) -> tuple[dict[str, Array], Array]:
    """Similar events of the lightest and the heaviest nucleus (of photons where there is no nucleus), and the depths that all of them reach.

    The half decade of energy with most of these events, or all energies where it holds fewer than 100; of them the 60 % that go deepest above the ground.
    """
    there = present(truth)
    nuclei = [primary for primary in there if MASS_NUMBER[primary]]
    chosen = {primary: there[primary] for primary in dict.fromkeys([nuclei[0], nuclei[-1]] if nuclei else there)}
    events, lg = np.concatenate(list(chosen.values())), truth["lg_energy_ev"]
    starts = np.arange(15.0, 20.0, 0.25)
    counts = [int(np.sum((lg[events] >= start) & (lg[events] < start + 0.5))) for start in starts]
    if max(counts) >= 100:
        start = starts[int(np.argmax(counts))]
        chosen = {primary: some[(lg[some] >= start) & (lg[some] < start + 0.5)] for primary, some in chosen.items()}
        chosen = {primary: some for primary, some in chosen.items() if len(some)}
    deepest = reach(truth)
    last = int(np.quantile(deepest[np.concatenate(list(chosen.values()))], 0.4, method="lower"))
    chosen = {primary: some[deepest[some] >= last] for primary, some in chosen.items()}
    # the last depth itself is left out, as a rounded zenith angle may put it below the ground
    return {primary: some for primary, some in chosen.items() if len(some)}, depth_grid()[:last]


def reach(table: Table) -> Array:
    """The index of the last depth above the ground, (events,)."""
    return N_DEPTH - 1 - np.argmax(table["n_electron"][:, ::-1] > 0, axis=1)


def per_gev(theta: Table, profile: Array, events: Array, depths: int) -> Array:
    """The first ``depths`` points of these events' profiles over their energy, (events, depths) in 1/GeV.

    Profiles that are not finite are left out; where none is, the answer is one of NaN.
    """
    particles = profile[events, :depths] / 10.0 ** (theta["lg_energy_ev"][events, None].astype(float) - 9)
    good = np.isfinite(particles).all(axis=1)
    return particles[good] if good.any() else np.full((1, depths), np.nan)


def quantile_errors(values: Array) -> Array:
    """Statistical errors of ``QUANTILES`` along the first axis, (quantiles, ...), from the order statistics one binomial deviation to both sides."""
    shares = np.array(QUANTILES)
    deviation = np.sqrt(shares * (1 - shares) / len(values))
    low, high = (np.quantile(values, np.clip(shares + sign * deviation, 0, 1), axis=0) for sign in (-1, 1))
    return (high - low) / 2


def slope(x: Array, y: Array) -> float:
    """Slope of the straight line of least squares, zero where it is undefined; y that is not finite is left out."""
    good = np.isfinite(y)
    if good.sum() < 3 or np.ptp(x[good]) == 0:
        return 0.0
    offset = x[good] - x[good].mean()
    return float(np.sum(offset * (y[good] - y[good].mean())) / np.sum(offset**2))


def correlation(points: Array) -> float:
    """Pearson's coefficient of (2, events), NaN where it is undefined."""
    if points.shape[1] < 3 or np.any(np.ptp(points, axis=1) == 0):
        return np.nan
    return float(np.corrcoef(points)[0, 1])


def finite(values: Array) -> Array:
    """The finite ones."""
    return values[np.isfinite(values)]


def span(values: Array, tail: float, margin: float = 0.08) -> tuple[float, float]:
    """Limits of an axis that leave ``tail`` of the values out on either side, with a relative margin."""
    low, high = np.quantile(values, [tail, 1 - tail]) if len(values) else (0.0, 1.0)
    width = margin * (high - low) if high > low else 0.05 * abs(high) or 1.0
    return float(low - width), float(high + width)


def darker(primary: str) -> tuple[float, ...]:
    """A primary's colour at half its brightness."""
    from matplotlib.colors import to_rgb

    return tuple(0.5 * part for part in to_rgb(COLOURS[primary]))


def tag(axis: Axes, primary: str, note: str) -> None:
    """The primary's name and a note in the panel's upper right corner."""
    axis.text(0.97, 0.955, NAMES[primary], color=COLOURS[primary], weight="bold", ha="right", va="top", fontsize=11, transform=axis.transAxes)
    axis.text(0.97, 0.865, note, color=QUIET, ha="right", va="top", fontsize=8.5, linespacing=1.35, transform=axis.transAxes)


def answer_styles(answers: Mapping[str, Table]) -> list[dict[str, Any]]:
    """A line style for each answer: four, then again from the first."""
    styles: list[tuple[Linestyle, str]] = [("-", INK), (DASHED, INK), (DOTTED, INK), ("-", "#98a2ad")]
    return [{"linestyle": styles[number % 4][0], "color": styles[number % 4][1]} for number in range(len(answers))]


def density(values: Array, edges: Array) -> Array:
    """Histogram in 1e-3 per unit; values outside the edges count in the norm."""
    return 1e3 * np.histogram(values, edges)[0] / (max(len(values), 1) * np.diff(edges))


def contours(axis: Axes, points: Array, limits: Sequence[tuple[float, float]], **style: Any) -> None:
    """Lines around 68 and 95 % of the points (2, events), by kernel density; nothing for few events or where they all lie on one line."""
    from scipy.stats import gaussian_kde

    if points.shape[1] < FEWEST_FOR_CONTOURS or not abs(correlation(points)) < 0.999:
        return
    # a little wider than Scott's rule, as the outer contour lies where points are few
    kernel = gaussian_kde(points[:, :1500], bw_method=lambda kde: 1.3 * kde.scotts_factor())
    at_points = kernel(points[:, :1500])
    grid = np.meshgrid(*(np.linspace(low, high, 60) for low, high in limits))
    height = kernel(np.stack([part.ravel() for part in grid])).reshape(grid[0].shape)
    levels = [level for level in np.quantile(at_points, [0.05, 0.32]) if height.min() < level < height.max()]
    if levels:
        axis.contour(*grid, height, levels=levels, **style)


def gumbel_lines(axes: Sequence[Axes], primaries: Sequence[str], low: float, high: float) -> None:
    """Mean (first panel) and sigma (second) of the generalised Gumbel distribution of Sibyll 2.3d for the nuclei among the primaries."""
    lg = np.linspace(low, high, 60)
    for primary in primaries:
        if MASS_NUMBER[primary]:
            ln_a = np.log(MASS_NUMBER[primary])
            axes[0].plot(lg, gumbel_mean(ln_a, lg), color=COLOURS[primary], linewidth=1.2)
            axes[1].plot(lg, np.sqrt(gumbel_variance(ln_a, lg)), color=COLOURS[primary], linewidth=1.2)


def gumbel_key(primaries: Iterable[str]) -> list[Line2D]:
    """The legend of ``gumbel_lines``; nothing where there are only photons."""
    return [line(QUIET, "Gumbel, Sibyll 2.3d", linewidth=1.8)] if any(MASS_NUMBER[primary] for primary in primaries) else []


def moment_points(axes: Sequence[Axes], rows: Sequence[XmaxMoments], nudge: float, filled: bool) -> None:
    """Mean (first panel) and sigma (second) with errors, circles where ``filled``, else open squares, ``nudge`` to the right in lg(E)."""
    for row in rows:
        colour = COLOURS[row.primary]
        marker, face = ("o", colour) if filled else ("s", "white")
        for axis, value, error in zip(axes, (row.mean, row.sigma), (row.mean_error, row.sigma_error), strict=True):
            axis.errorbar(row.lg_energy_ev + nudge, value, error, fmt=marker, color=colour, markersize=5, markerfacecolor=face, elinewidth=1.1)
