from __future__ import annotations

import pytest
import torch
from events import COLUMNS, showers, tensors

from cloudchamber.studies.calorimeter.codecs.beam import ENERGY, GIVEN, IMPACT, FoldedBeam
from cloudchamber.studies.calorimeter.codecs.symmetry import fold

BEAM = {name: COLUMNS[name] for name in GIVEN}


def test_a_beam_becomes_standardised_numbers_where_networks_look_for_them() -> None:
    codec = FoldedBeam().build(BEAM)
    _, given = tensors(showers())
    codec.fit(given, {})
    flat = codec.encode(given, {})
    assert flat.shape == (400, codec.size)
    torch.testing.assert_close(flat[:, :5].mean(0), torch.zeros(5), atol=1e-4, rtol=0)
    torch.testing.assert_close(flat[:, :5].std(0, correction=0), torch.ones(5), atol=1e-4, rtol=0)
    for places, values in ((ENERGY, given["energy_mev"].log()), (IMPACT[:1], fold(given).impact_x_mm)):
        assert abs(float(torch.corrcoef(torch.stack((flat[:, places[0]], values)))[0, 1])) > 0.9999
    torch.testing.assert_close(flat[:, -len(BEAM["particle"].categories) :].argmax(1), given["particle"])


def test_alike_beams_are_the_same_numbers() -> None:
    codec = FoldedBeam().build(BEAM)
    _, given = tensors(showers())
    codec.fit(given, {})
    other = given | {"impact_x_mm": given["impact_y_mm"], "impact_y_mm": given["impact_x_mm"], "azimuth_deg": 90 - given["azimuth_deg"]}
    torch.testing.assert_close(codec.encode(given, {}), codec.encode(other, {}), atol=2e-4, rtol=1e-4)


def test_a_missing_column_is_named_and_there_is_no_way_back() -> None:
    with pytest.raises(ValueError, match="needs the column 'polar_deg'"):
        FoldedBeam().build({name: column for name, column in BEAM.items() if name != "polar_deg"})
    codec = FoldedBeam().build(BEAM)
    with pytest.raises(ValueError, match="given columns only"):
        codec.decode(torch.zeros(1, codec.size), {})
    with pytest.raises(ValueError, match="no density"):
        codec.log_det({}, {})
