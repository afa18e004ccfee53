import pytest
import torch
from torch import nn

from cloudchamber.train.average import Average


def test_average_is_the_weighted_sum_of_what_it_saw():
    model = nn.Sequential(nn.Linear(1, 1), nn.BatchNorm1d(1))
    average = Average(model, decay=0.5)
    expected = model[0].weight.item()
    for n, value in enumerate([3.0, -1.0, 4.0, 1.0, 5.0, 9.0, 2.0, 6.0, 5.0, 3.0]):
        nn.init.constant_(model[0].weight, value)
        model[1].running_mean.fill_(value)
        model[1].num_batches_tracked += 1
        average.update(model)
        decay = min(0.5, (1 + n) / (10 + n))
        expected = decay * expected + (1 - decay) * value
    assert average.weights["0.weight"].item() == pytest.approx(expected, rel=1e-6)
    assert 0 < average.weights["1.running_mean"].item() < 9
    assert average.weights["1.num_batches_tracked"].item() == 10


def test_placed_in_gives_the_model_back():
    model = nn.Linear(2, 2)
    average = Average(model, 0.9)
    nn.init.constant_(model.weight, 7.0)
    before = average.weights["weight"].clone()
    with pytest.raises(RuntimeError, match="inside"), average.placed_in(model):
        assert torch.equal(model.weight, before)
        raise RuntimeError("inside")
    assert torch.equal(model.weight, torch.full((2, 2), 7.0))


def test_state_returns():
    model = nn.Linear(2, 2)
    first, second = Average(model, 0.9), Average(model, 0.9)
    nn.init.constant_(model.weight, 7.0)
    first.update(model)
    second.load(first.state())
    assert second.updates == 1
    assert torch.equal(first.weights["weight"], second.weights["weight"])


@pytest.mark.parametrize("decay", [0.0, 1.0, -1.0])
def test_decay_has_a_range(decay):
    with pytest.raises(ValueError, match="average_decay must lie between 0 and 1"):
        Average(nn.Linear(1, 1), decay)
