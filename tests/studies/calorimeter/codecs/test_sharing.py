from __future__ import annotations

import numpy as np
import torch
from scipy.stats import kstest

from cloudchamber.studies.calorimeter.codecs.sharing import (
    LINE_MEV,
    OPENED_MEV,
    close_line,
    in_line,
    lift,
    lift_log_det,
    open_line,
    share,
    share_log_det,
    uniform_of,
    unlift,
    unshare,
)


def some_parts(events: int = 200, numbers: int = 4) -> tuple[torch.Tensor, torch.Tensor]:
    """Parts, and wholes that leave a rest."""
    generator = torch.Generator().manual_seed(0)
    parts = 0.05 + torch.rand(events, numbers, generator=generator, dtype=torch.float64).pow(3) * 100
    return parts, parts.sum(1, keepdim=True) + 100 * torch.rand(events, 1, generator=generator, dtype=torch.float64)


def test_shares_come_back() -> None:
    parts, whole = some_parts()
    parts[::3, 1] = 0.0
    torch.testing.assert_close(unshare(share(parts, whole), whole), parts)


def test_any_numbers_make_parts_of_the_whole() -> None:
    generator = torch.Generator().manual_seed(1)
    wild = torch.randn(2000, 6, generator=generator).mul(8).exp()
    whole = torch.rand(2000, 1, generator=generator) * 1000
    whole[:5] = 0.0
    parts = unshare(wild, whole)
    assert bool((parts >= 0).all() and parts.isfinite().all())
    assert bool((parts.sum(1, keepdim=True) <= whole * 1.00001).all())


def test_log_dets_are_the_jacobians() -> None:
    parts, whole = some_parts(20)
    there = torch.ones_like(parts, dtype=torch.bool)
    uniform = torch.full_like(parts, 0.5)
    shares = share_log_det(parts, there, whole)
    lifts = lift_log_det(share(parts, whole), there, lift(share(parts, whole), there, uniform))
    for event in range(20):
        # the whole is a coordinate of its own: parts and rest against numbers and whole
        def numbers_and_whole(values: torch.Tensor) -> torch.Tensor:
            total = values.sum()[None]
            relative = share(values[None, :-1], total[:, None])
            return torch.cat((lift(relative, there[:1], uniform[:1])[0], total))

        rest = whole[event] - parts[event].sum()
        jacobian = torch.autograd.functional.jacobian(numbers_and_whole, torch.cat((parts[event], rest)))
        torch.testing.assert_close(torch.linalg.slogdet(jacobian)[1], shares[event] + lifts[event])


def test_lifted_energies_come_back_and_what_is_not_there_is_zero() -> None:
    energies = torch.tensor([[0.001, 0.5, 30.0, 4000.0, 0.0, 0.0]])
    lifted = lift(energies, energies > 0, torch.tensor([[0.5, 0.5, 0.5, 0.5, 1e-7, 1 - 1e-7]]))
    torch.testing.assert_close(unlift(lifted), energies, rtol=1e-4, atol=0)
    assert bool((lifted[:, 4:] <= 0).all() and (lifted[:, :4] > 0).all())


def test_the_line_is_opened_and_closed_again() -> None:
    energies = torch.tensor([0.1, 0.5, 0.5109, LINE_MEV, 0.5112, 0.52, 0.6, 1000.0], dtype=torch.float64)
    assert in_line(energies).tolist() == [False, False, True, True, True, False, False, False]
    for uniform in (0.001, 0.5, 0.999):
        opened = open_line(energies, torch.full_like(energies, uniform))
        assert bool((opened.diff() >= 0).all())
        np.testing.assert_allclose(close_line(opened), torch.where(in_line(energies), LINE_MEV, energies), rtol=1e-12)
    assert float(open_line(energies, torch.ones_like(energies))[3]) == LINE_MEV + OPENED_MEV


def test_the_blob_is_counted_as_a_probability() -> None:
    uniform = (torch.arange(20000, dtype=torch.float64)[:, None] + 0.5) / 20000
    nothing, absent = torch.zeros_like(uniform), torch.zeros_like(uniform, dtype=torch.bool)
    blob = lift(nothing, absent, uniform)
    minus_log_density = lift_log_det(nothing, absent, blob)
    # the mean of 1 / density over the density itself is the blob's length
    assert abs(float(minus_log_density.exp().mean()) - float(blob.max() - blob.min())) < 0.01


def test_noise_is_uniform_and_an_event_keeps_its_own() -> None:
    generator = torch.Generator().manual_seed(2)
    events = torch.rand(4000, 25, generator=generator)
    events[:, 5:] = 0.0
    noise = uniform_of(events, 25)
    torch.testing.assert_close(noise[100:103], uniform_of(events[100:103], 25), rtol=0, atol=0)
    assert bool((noise > 0).all() and (noise < 1).all())
    assert kstest(noise.numpy().ravel(), "uniform").pvalue > 1e-6
    correlation = np.corrcoef(noise.numpy().T) - np.eye(25)
    assert np.abs(correlation).max() < 5.5 / np.sqrt(4000)
