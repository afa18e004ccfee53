import numpy as np
import pytest
import torch

from cloudchamber.train.batches import StreamBatches, TensorBatches


def numbers(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    target = torch.arange(count, dtype=torch.float32)[:, None]
    return target, -target


def test_every_event_comes_once_in_batches_of_nearly_one_size():
    batches = TensorBatches(*numbers(25), batch_size=8, seed=0)
    epoch = list(batches.epoch(0))
    assert batches.steps == len(epoch) == 4
    assert sorted(len(target) for target, _ in epoch) == [6, 6, 6, 7]
    assert sorted(torch.cat([target for target, _ in epoch])[:, 0].tolist()) == list(range(25))
    assert all(torch.equal(target, -given) for target, given in epoch)


def test_epochs_differ_and_repeat():
    batches = TensorBatches(*numbers(40), batch_size=40, seed=5)
    first, again, second = (next(batches.epoch(number))[0] for number in (0, 0, 1))
    other = next(TensorBatches(*numbers(40), batch_size=40, seed=6).epoch(0))[0]
    assert torch.equal(first, again)
    assert not torch.equal(first, second)
    assert not torch.equal(first, other)


def test_bad_tensors_are_refused():
    target, given = numbers(4)
    with pytest.raises(ValueError, match="got 4 and 3"):
        TensorBatches(target, given[:3], 2, 0)
    with pytest.raises(ValueError, match="at least one; got 0 and 0"):
        TensorBatches(target[:0], given[:0], 2, 0)
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        TensorBatches(target, given, 0, 0)


def stream(epoch: int):
    for block in range(3):
        yield {"energy": np.full(2, 10 * epoch + block, dtype=np.float32)}


def encode(table):
    energy = torch.from_numpy(table["energy"])[:, None]
    return energy, energy + 1


def test_stream_is_encoded_batch_by_batch():
    batches = StreamBatches(stream, encode, steps=3)
    assert [target[0].item() for target, _ in batches.epoch(2)] == [20, 21, 22]
    assert [given[0].item() for _, given in batches.epoch(0)] == [1, 2, 3]


@pytest.mark.parametrize(("steps", "given"), [(4, "gave 3 batches"), (2, "gave more than 2 batches")])
def test_stream_that_breaks_its_promise_is_named(steps, given):
    with pytest.raises(ValueError, match=f"epoch 1: the stream {given}"):
        list(StreamBatches(stream, encode, steps).epoch(1))
    with pytest.raises(ValueError, match="steps=0"):
        StreamBatches(stream, encode, 0)
