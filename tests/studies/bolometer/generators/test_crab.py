"""The talk's networks, to the parameter."""

from __future__ import annotations

import pytest
import torch

from cloudchamber.studies.bolometer.generators.crab import CrabNetworks, layer_parameters, trainable

GENERATOR = {
    "dense": 26765,
    "layers.0.layer": 88,
    "layers.1.layer": 1296,
    "layers.2.layer": 5152,
    "norms.0": 16,
    "norms.1": 32,
    "norms.2": 64,
    "depthwise": 320,
    "pointwise": 33,
}
DISCRIMINATOR = {
    "layers.0": 168,
    "layers.1": 648,
    "layers.2": 1296,
    "layers.3": 5152,
    "norms.0": 16,
    "norms.1": 16,
    "norms.2": 32,
    "norms.3": 64,
    "dense": 3393,
}


def test_each_layer_has_the_talk_s_parameters() -> None:
    networks = CrabNetworks()
    networks.check(1060)
    generator, discriminator = networks.generator(102, 1060), networks.critic(1060, 2)
    # its table counts the separable convolution as one layer of 353
    assert layer_parameters(generator) == GENERATOR and GENERATOR["depthwise"] + GENERATOR["pointwise"] == 353
    assert layer_parameters(discriminator) == DISCRIMINATOR
    assert (trainable(generator), trainable(discriminator)) == (33_766, 10_785)
    # and its batch norms with their moving mean and variance: 32, 64 and 128
    moving = {name: buffer.numel() for name, buffer in generator.named_buffers() if "running" in name}
    assert [GENERATOR[f"norms.{i}"] + sum(n for name, n in moving.items() if name.startswith(f"norms.{i}.")) for i in range(3)] == [32, 64, 128]
    assert trainable(generator) + sum(moving.values()) == 33_878


def test_lengths_double_twice_and_shrink_to_a_tenth() -> None:
    torch.manual_seed(0)
    networks = CrabNetworks()
    generator, discriminator = networks.generator(102, 1060), networks.critic(1060, 2)
    lengths: list[tuple[int, ...]] = []
    for layer in (*generator.layers, *discriminator.layers):  # type: ignore[misc]
        layer.register_forward_hook(lambda module, inputs, output: lengths.append(tuple(output.shape[1:])))
    code = torch.randn(3, 102)
    drawn = networks.draw(generator, code, code[:, :0])
    score = networks.score(discriminator, drawn, code[:, 100:])
    assert drawn.shape == (3, 1060) and score.shape == (3,)
    assert lengths == [(8, 265), (16, 530), (32, 1060), (8, 1060), (8, 1060), (16, 530), (32, 106)]
    # conditions behind the latent numbers change nothing
    torch.testing.assert_close(networks.draw(generator.eval(), code, code[:, :0]), networks.draw(generator, code * torch.tensor([1.0] * 100 + [9.0] * 2), code))


@pytest.mark.parametrize(("length", "target", "message"), [(1060, 1000, "of 1060 samples don't fit"), (1050, 1050, "multiple of 20"), (0, 0, "multiple of 20")])
def test_windows_that_the_layers_cannot_make_are_refused(length: int, target: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CrabNetworks(length).check(target)


def test_what_it_has_not_is_refused() -> None:
    with pytest.raises(ValueError, match="100 latent numbers"):
        CrabNetworks().generator(60, 1060)
    with pytest.raises(ValueError, match="no constrainers"):
        CrabNetworks().constrainer(1060, 2)
    assert CrabNetworks().injected(CrabNetworks().critic(1060, 0)) == 0
