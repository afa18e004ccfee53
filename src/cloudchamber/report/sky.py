"""Maps on the sky, whatever pixels they have."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from cloudchamber.report.figures import new_figure
from cloudchamber.schema import Column

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WIDE_DEG = 180.0
"""Maps that span more are drawn as the whole sky, in Mollweide's projection."""
RASTER = 400


def sky_map(values: np.ndarray, column: Column, caption: str, what: str = "") -> Figure:
    """One map of a column that has a geometry, longitude to the left; entries of leading axes are summed. ``what`` labels the colours, or else the unit."""
    geometry = column.geometry
    if geometry is None:
        raise ValueError("the column has no geometry: where its pixels lie is not known")
    flat = np.asarray(values, float).reshape(-1, int(np.prod(geometry.shape))).sum(axis=0)
    lon, lat = (np.asarray(each).ravel() for each in geometry.lon_lat_deg())
    # about the middle of the map, so that a region at longitude 0 is not torn apart
    centre = np.rad2deg(np.angle(np.nanmean(np.exp(1j * np.deg2rad(lon)) * np.cos(np.deg2rad(lat)))))
    span = (lon - centre + 180.0) % 360.0 - 180.0
    wide = np.nanmax(span) - np.nanmin(span) > WIDE_DEG
    centre = 0.0 if wide else centre
    edge = np.rad2deg(np.sqrt(geometry.solid_angle_sr))
    across = (-180.0, 180.0) if wide else (np.nanmin(span) - edge, np.nanmax(span) + edge)
    along = (-90.0, 90.0) if wide else (max(np.nanmin(lat) - edge, -90.0), min(np.nanmax(lat) + edge, 90.0))
    x, y = np.meshgrid(np.linspace(across[0], across[1], 2 * RASTER), np.linspace(along[0], along[1], RASTER))
    place = geometry.place_of((x + centre) % 360.0, y)
    shown = np.where(place >= 0, flat[place], np.nan)
    figure = new_figure(7.6 if wide else 5.6, 4.2)
    axes = figure.add_subplot(projection="mollweide" if wide else None)
    if wide:
        drawn = axes.pcolormesh(np.deg2rad(-x), np.deg2rad(y), shown, cmap="viridis", shading="nearest", rasterized=True)
        axes.set_xticklabels([f"{-tick:.0f}°" for tick in np.rad2deg(axes.get_xticks())], fontsize=8, color="white")
    else:
        drawn = axes.pcolormesh(x + centre, y, shown, cmap="viridis", shading="nearest", rasterized=True)
        axes.invert_xaxis()
        axes.set_aspect(1.0 / max(np.cos(np.deg2rad(np.nanmean(lat))), 0.1))
        galactic = geometry.frame == "galactic"
        axes.set(
            xlabel="Galactic longitude (deg)" if galactic else "right ascension (deg)", ylabel="Galactic latitude (deg)" if galactic else "declination (deg)"
        )
    figure.colorbar(drawn, ax=axes, shrink=0.8, label=what or column.unit or column.doc)
    figure.set_label(caption)
    return figure
