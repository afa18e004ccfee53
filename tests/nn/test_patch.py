from __future__ import annotations

import pytest
import torch

from cloudchamber.nn.patch import TracePatch

SMALL = TracePatch(side=3, samples=32, filters=(4, 4), code=6, channels=(8,), size=10, dropout=0.0, noise=0.0)
SIZE = 9 * (5 + 64)


def test_all_detectors_share_one_encoder_and_keep_their_places() -> None:
    torch.manual_seed(0)
    body = SMALL.build(SIZE).eval()
    given = torch.randn(4, SIZE)
    assert body(given).shape == (4, 10)
    one, other = torch.zeros(1, 9, 69), torch.zeros(1, 9, 69)
    one[0, 0, 5:] = other[0, 8, 5:] = torch.randn(64)
    assert not torch.allclose(body(one.flatten(1)), body(other.flatten(1)))
    codes = [body.encoder(image[0, :, 5:].reshape(9, 2, 32)) for image in (one, other)]
    torch.testing.assert_close(codes[0][0], codes[1][8])


def test_noise_and_dropout_are_for_training_alone() -> None:
    torch.manual_seed(0)
    body = TracePatch(side=3, samples=32, filters=(4, 4), code=6, channels=(8,), size=10, dropout=0.5, noise=0.5).build(SIZE)
    given = torch.randn(4, SIZE)
    assert not torch.equal(body(given), body(given))
    body.eval()
    assert torch.equal(body(given), body(given))


def test_sizes_are_checked() -> None:
    with pytest.raises(ValueError, match="are not 9 detectors"):
        SMALL.build(9 * 64)
