from __future__ import annotations

import errno
from pathlib import Path

import pytest
import torch
from torch import nn

from cloudchamber.run.weights import read_weights, write_weights


def test_weights_and_buffers_come_back(tmp_path: Path) -> None:
    torch.manual_seed(0)
    first, second = nn.BatchNorm1d(3), nn.BatchNorm1d(3)
    first(torch.randn(9, 3))
    write_weights(tmp_path / "w", first)
    read_weights(tmp_path / "w", second)
    for name, value in first.state_dict().items():
        assert torch.equal(value, second.state_dict()[name])
    assert [path.name for path in tmp_path.iterdir()] == ["w"]


def test_broken_files_are_refused(tmp_path: Path) -> None:
    path, net = tmp_path / "w.safetensors", nn.Linear(8, 8)
    write_weights(path, net)
    whole = path.read_bytes()
    for cut in (0, 5, 100, len(whole) - 1):
        path.write_bytes(whole[:cut])
        with pytest.raises(ValueError, match=r"w\.safetensors: truncated or no safetensors file"):
            read_weights(path, net)
    flipped = bytearray(whole)
    flipped[-3] ^= 1
    path.write_bytes(flipped)
    with pytest.raises(ValueError, match=r"w\.safetensors: the checksum does not match"):
        read_weights(path, net)
    path.write_bytes(whole)
    with pytest.raises(ValueError, match=r"'weight' needs shape \(4, 8\), the file has \(8, 8\)"):
        read_weights(path, nn.Linear(8, 4))
    with pytest.raises(ValueError, match="'bias' needs shape None"):
        read_weights(path, nn.Linear(8, 8, bias=False))


def test_a_failed_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, old = tmp_path / "w.safetensors", nn.Linear(2, 2)
    write_weights(path, old)
    before = path.read_bytes()

    def full(handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match=r"could not write it \(No space left on device\)"):
        write_weights(path, nn.Linear(2, 2))
    assert [each.name for each in tmp_path.iterdir()] == ["w.safetensors"]
    assert path.read_bytes() == before


def test_weights_have_ordinary_permissions(tmp_path: Path) -> None:
    write_weights(tmp_path / "w", nn.Linear(2, 2))
    (tmp_path / "plain").write_text("")
    assert (tmp_path / "w").stat().st_mode == (tmp_path / "plain").stat().st_mode
