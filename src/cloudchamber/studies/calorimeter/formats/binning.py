"""The CaloChallenge's binning XML: ``<Bins><Bin pid name><Layer id r_edges n_bin_alpha/>...``, radii in mm."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from cloudchamber.studies.calorimeter.voxels import Layer, Voxels


def read_binning(path: Path | str, particle: str | None = None) -> Voxels:
    """The binning of ``particle``, or of the only one in the file; ValueError names the file and what is wrong in it."""
    path = Path(path)
    if not path.is_file():
        raise ValueError(f"no binning file '{path}'")
    try:
        root = ElementTree.parse(path).getroot()
    except ElementTree.ParseError as error:
        raise ValueError(f"'{path}' is not readable XML: {error}") from error
    entries = [entry for entry in root if entry.find("Layer") is not None]
    names = [entry.get("name", "") for entry in entries]
    if not entries:
        raise ValueError(f"'{path}' holds no binning: wanted <Bins> of one <Bin> for each particle, with its <Layer>s")
    if particle is None and len(entries) > 1:
        raise ValueError(f"'{path}' holds several binnings ({', '.join(names)}): name the particle")
    if particle is not None and names.count(particle) != 1:
        raise ValueError(f"'{path}' holds {names.count(particle)} binnings for '{particle}', wanted one; there are: {', '.join(names)}")
    entry = entries[0 if particle is None else names.index(particle)]
    try:
        layers = tuple(_layer(layer) for layer in entry.iter("Layer"))
        return Voxels(_attribute(entry, "name"), int(_attribute(entry, "pid")), layers)
    except ValueError as error:
        raise ValueError(f"'{path}': {error}") from error


def _layer(element: ElementTree.Element) -> Layer:
    number = int(_attribute(element, "id"))
    edges, angles = _attribute(element, "r_edges"), _attribute(element, "n_bin_alpha")
    try:
        return Layer(number, tuple(float(edge) for edge in edges.split(",")), int(angles))
    except ValueError as error:
        raise ValueError(f"layer {number} with r_edges='{edges}', n_bin_alpha='{angles}': {error}") from error


def _attribute(element: ElementTree.Element, name: str) -> str:
    value = element.get(name)
    if value is None:
        raise ValueError(f"<{element.tag}> lacks the attribute '{name}'; it has: {', '.join(element.keys()) or 'none'}")
    return value
