import csv
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import toys
from toys import ADVERSARIAL_FIT, SEED, Gaussian, adversarial, batches, events

from cloudchamber.models.recipe import Fit, Optimiser
from cloudchamber.train.batches import StreamBatches
from cloudchamber.train.checkpoint import CURRENT, load_checkpoint
from cloudchamber.train.fit import Hardware, HopelessError, fit

CPU = Hardware(accelerator="cpu")
PLAIN = Fit(epochs=30, optimisers={"": Optimiser(learning_rate=0.1)})


def rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "log.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def assert_same(first: torch.nn.Module, second: torch.nn.Module) -> None:
    for (name, a), b in zip(first.state_dict().items(), second.state_dict().values(), strict=True):
        assert torch.equal(a, b), name


@pytest.mark.parametrize("schedule", ["constant", "cosine", "onecycle"])
def test_a_gaussian_learns_the_truth(tmp_path, schedule):
    model, told = Gaussian(), []
    state = torch.get_rng_state()
    result = fit(model, batches(500, 50), batches(200, 64, 2), replace(PLAIN, schedule=schedule), tmp_path, SEED, lambda *news: told.append(news), hardware=CPU)
    # errors of the means: 0.3 / sqrt(500) = 0.013
    assert model.mean.weight.detach()[0].tolist() == pytest.approx([1, -2], abs=0.06)
    assert model.mean.bias.item() == pytest.approx(0.5, abs=0.06)
    assert model.log_sigma.exp().item() == pytest.approx(0.3, abs=0.04)
    assert [news[:2] for news in told] == [(n, 30) for n in range(31)]
    assert told[1][2].startswith("loss ") and "validation loss" in told[1][2]
    log = rows(tmp_path)
    assert result.epochs == len(log) == 30
    assert result.log == tmp_path / "log.csv"
    assert result.validation_loss == pytest.approx(min(float(row["validation_loss"]) for row in log), rel=1e-4)
    assert float(log[result.best_epoch - 1]["validation_loss"]) == pytest.approx(result.validation_loss, rel=1e-4)
    assert (tmp_path / "loss.png").stat().st_size > 5000
    assert torch.equal(torch.get_rng_state(), state)


def test_an_adversarial_pair_learns_in_turns(tmp_path):
    model = adversarial()
    settings = replace(ADVERSARIAL_FIT, epochs=25, optimisers={"critic": Optimiser("adam", 1e-2, (0.5, 0.9)), "": Optimiser(learning_rate=1e-2)})
    result = fit(model, batches(600, 60), batches(200, 200, 2), settings, tmp_path, SEED, hardware=CPU)
    log = rows(tmp_path)
    assert list(log[0]) == ["epoch", "loss_critic", "loss_generator", "validation_loss", "learning_rate_critic", "learning_rate_generator", "seconds"]
    assert result.validation_loss < 0.7 * float(log[0]["validation_loss"])


def test_a_killed_fit_resumes_bit_for_bit(tmp_path):
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    killed = subprocess.run([sys.executable, toys.__file__, str(tmp_path / "killed"), "2", "3"], env=environment, capture_output=True, text=True)
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert len(rows(tmp_path / "killed")) == 2
    told = []
    models = [adversarial(), adversarial()]
    data = batches(), batches(50, 50, 2), ADVERSARIAL_FIT
    resumed = fit(models[0], *data, tmp_path / "killed", SEED, lambda *news: told.append(news[0]), CPU)
    whole = fit(models[1], *data, tmp_path / "whole", SEED, hardware=CPU)
    assert told == [2, 3, 4]
    assert_same(*models)
    assert (resumed.validation_loss, resumed.best_epoch) == (whole.validation_loss, whole.best_epoch)
    ends = [load_checkpoint(tmp_path / name) for name in ("killed", "whole")]
    for name in ends[0]["model"]:
        assert torch.equal(ends[0]["model"][name], ends[1]["model"][name]), name
        assert torch.equal(ends[0]["average"]["weights"][name], ends[1]["average"]["weights"][name]), name
    logs = [[{k: v for k, v in row.items() if k != "seconds"} for row in rows(tmp_path / name)] for name in ("killed", "whole")]
    assert logs[0] == logs[1]
    # a fit that is done returns at once, with the same weights
    again = adversarial()
    assert fit(again, *data, tmp_path / "killed", SEED, hardware=CPU) == resumed
    assert_same(again, models[0])


def test_two_processes_learn_what_one_does(tmp_path):
    settings = replace(ADVERSARIAL_FIT, precision="64-true")
    results, models = [], []
    for name, hardware in {"one": CPU, "two": Hardware("cpu", 2, "ddp_spawn")}.items():
        models.append(adversarial(noise=False))
        # 103 events in batches of 34 and 35: shares of unequal size
        results.append(fit(models[-1], batches(103, 35), batches(41, 20, 2), settings, tmp_path / name, SEED, hardware=hardware))
    assert results[1].validation_loss == pytest.approx(results[0].validation_loss, rel=1e-5)
    for one, two in zip(rows(tmp_path / "one"), rows(tmp_path / "two"), strict=True):
        assert {k: float(v) for k, v in one.items() if k != "seconds"} == pytest.approx({k: float(v) for k, v in two.items() if k != "seconds"}, rel=1e-5)
    for one, two in zip(models[0].state_dict().values(), models[1].state_dict().values(), strict=True):
        torch.testing.assert_close(one, two)
    assert all(tensor.dtype == torch.float32 for tensor in models[0].state_dict().values())


def test_patience_ends_a_fit_and_the_best_weights_stay(tmp_path):
    # few events and a high rate: the validation loss turns around
    settings = Fit(epochs=300, optimisers={"": Optimiser(learning_rate=0.3)}, schedule="constant", patience=4)
    model, held_out = Gaussian(), batches(400, 400, 2)
    result = fit(model, batches(6, 6), held_out, settings, tmp_path, SEED, hardware=CPU)
    assert result.epochs == result.best_epoch + 4 < 300
    [(target, given)] = held_out.epoch(0)
    assert model.validation_loss(target, given).item() == pytest.approx(result.validation_loss, rel=1e-5)
    assert fit(Gaussian(), batches(6, 6), held_out, settings, tmp_path, SEED, hardware=CPU) == result


ANNEAL = Fit(epochs=200, optimisers={"": Optimiser(learning_rate=0.3)}, schedule="anneal", patience=4)


def start_of() -> Gaussian:
    """The same start each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return Gaussian()


def test_a_plateau_lets_the_rate_fall_from_the_best_weights(tmp_path):
    """Also where it was interrupted before, at and after the plateau."""
    data = batches(300, 10), batches(400, 400, 2)
    model = start_of()
    result = fit(model, *data, ANNEAL, tmp_path / "fall", SEED, hardware=CPU)
    log = rows(tmp_path / "fall")
    rates = [float(row["learning_rate"]) for row in log]
    start = rates.index(next(rate for rate in rates if rate < 0.3))
    assert 4 < start < len(rates) < 200 and rates[:start] == [0.3] * start
    assert all(after < before for before, after in zip(rates[start:], rates[start + 1 :], strict=False)) and rates[-1] < 0.02
    # better than the same rate without the fall
    held = fit(start_of(), *data, replace(ANNEAL, schedule="constant"), tmp_path / "constant", SEED, hardware=CPU)
    assert result.validation_loss < held.validation_loss and result.best_epoch > start
    assert "epochs" not in result.advice or result.advice.startswith("neither")

    # interrupted before, at and after the plateau: the same bits
    for stop in (start - 1, start, start + 2):

        def interrupt(done, total, note, stop=stop):
            if done == stop:
                raise KeyboardInterrupt

        again = start_of()
        with pytest.raises(KeyboardInterrupt):
            fit(again, *data, ANNEAL, tmp_path / str(stop), SEED, interrupt, hardware=CPU)
        assert fit(again, *data, ANNEAL, tmp_path / str(stop), SEED, hardware=CPU).best_epoch == result.best_epoch
        assert_same(again, model)


def test_annealing_ends_with_the_epochs(tmp_path):
    result = fit(
        start_of(), batches(500, 50), batches(200, 64, 2), replace(ANNEAL, epochs=6, batch_size=64, optimisers=PLAIN.optimisers), tmp_path, SEED, hardware=CPU
    )
    assert result.epochs == 6 and float(rows(tmp_path)[-1]["learning_rate"]) < 0.01
    assert result.advice.startswith("more epochs")
    with pytest.raises(ValueError, match="waits for a plateau: patience"):
        fit(start_of(), batches(), batches(), replace(ANNEAL, patience=None), tmp_path / "none", SEED, hardware=CPU)


def test_the_average_is_what_is_validated_and_kept(tmp_path):
    settings = replace(PLAIN, epochs=5, average_decay=0.99)
    model, held_out = Gaussian(), batches(100, 100, 2)
    result = fit(model, batches(), held_out, settings, tmp_path, SEED, hardware=CPU)
    [(target, given)] = held_out.epoch(0)
    assert model.validation_loss(target, given).item() == pytest.approx(result.validation_loss, rel=1e-5)
    end = load_checkpoint(tmp_path)
    assert torch.equal(end["best"]["mean.weight"], end["average"]["weights"]["mean.weight"])
    assert not torch.equal(end["best"]["mean.weight"], end["model"]["mean.weight"])


def test_without_validation_the_last_weights_stay(tmp_path):
    model = Gaussian()
    result = fit(model, batches(), None, replace(PLAIN, epochs=2), tmp_path, SEED, hardware=CPU)
    assert result.validation_loss != result.validation_loss
    assert result.best_epoch == 2
    assert torch.equal(load_checkpoint(tmp_path)["model"]["mean.weight"], model.mean.weight)


def test_bf16_learns_in_float32_weights(tmp_path):
    model = Gaussian()
    fit(model, batches(500, 50), None, replace(PLAIN, precision="bf16-mixed"), tmp_path, SEED, hardware=CPU)
    assert model.mean.weight.dtype == torch.float32
    assert model.mean.weight.detach()[0].tolist() == pytest.approx([1, -2], abs=0.15)


def test_another_fit_s_checkpoint_is_refused(tmp_path):
    settings = replace(PLAIN, epochs=2)
    fit(Gaussian(), batches(), None, settings, tmp_path, SEED, hardware=CPU)
    with pytest.raises(ValueError, match=r"of another fit: settings.schedule was cosine, is now constant\. Go back"):
        fit(Gaussian(), batches(), None, replace(settings, schedule="constant"), tmp_path, SEED, hardware=CPU)
    with pytest.raises(ValueError, match="steps was 5, is now 10"):
        fit(Gaussian(), batches(240), None, settings, tmp_path, SEED, hardware=CPU)
    (tmp_path / CURRENT).write_bytes(b"junk")
    with pytest.warns(RuntimeWarning, match="damaged"):
        assert fit(Gaussian(), batches(), None, settings, tmp_path, SEED, hardware=CPU).epochs == 2


def test_a_loss_that_is_not_finite_keeps_the_last_checkpoint(tmp_path):
    target, given = events(20, 1)
    bad = StreamBatches(lambda epoch: iter([{"bad": epoch == 2}]), lambda table: (target * (torch.nan if table["bad"] else 1), given), steps=1)
    model = Gaussian()
    before = model.mean.weight.detach().clone()
    with pytest.raises(FloatingPointError, match="the loss is nan in epoch 3, step 1, part 'model'; checkpoints of earlier epochs are kept"):
        fit(model, bad, None, PLAIN, tmp_path, SEED, hardware=CPU)
    assert torch.equal(model.mean.weight, before)
    assert len(load_checkpoint(tmp_path)["rows"]) == len(rows(tmp_path)) == 2
    held_out = StreamBatches(lambda epoch: iter([{}]), lambda table: (target * torch.inf, given), steps=1)
    with pytest.raises(FloatingPointError, match="the validation loss is inf in epoch 1"):
        fit(model, batches(), held_out, PLAIN, tmp_path / "validation", SEED, hardware=CPU)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"epochs": 0}, "epochs must be at least 1, got 0"),
        ({"clip_norm": 0.0}, "clip_norm must be positive or None"),
        ({"warmup_epochs": 31}, "warmup_epochs must lie between 0 and epochs=30, got 31"),
        ({"patience": 3}, "patience=3: .* needs validation"),
        ({"optimisers": {"": Optimiser(rest_epochs=-1)}}, "rest_epochs must be at least 0, got -1"),
        ({"average_decay": 1.0}, "average_decay must lie between 0 and 1"),
        ({"optimisers": {"critic": Optimiser()}}, "Gaussian has no part 'critic'"),
    ],
)
def test_bad_settings_are_named(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        fit(Gaussian(), batches(), None, replace(PLAIN, **change), tmp_path, SEED, hardware=CPU)


class Epochs:
    """Falls, and gives up below a half."""

    name, events = "share_left", 10

    def figure(self, model, target, given):
        return model.mean.weight[0, 0].item()

    def advice(self, figures):
        return f"above a half after {len(figures)}" if figures and max(figures[-2:]) > 0.5 else ""


def test_a_running_figure_is_logged_and_stops_a_hopeless_fit(tmp_path):
    told = []
    good = fit(Gaussian(), batches(), batches(50, 50, 2), replace(PLAIN, epochs=2, optimisers={"": Optimiser(learning_rate=1e-4)}), tmp_path / "good", SEED,
               lambda *news: told.append(news[2]), CPU, watch=Epochs())  # fmt: skip
    assert good.epochs == 2 and all("share left" in news for news in told[1:])
    assert list(rows(tmp_path / "good")[0]) == ["epoch", "loss", "validation_loss", "share_left", "learning_rate", "seconds"]
    with pytest.raises(HopelessError, match=r"stopped after epoch \d+: above a half after"):
        fit(Gaussian(), batches(), batches(50, 50, 2), PLAIN, tmp_path / "bad", SEED, hardware=CPU, watch=Epochs())
    stopped = rows(tmp_path / "bad")
    assert 0 < len(stopped) < 30 and float(stopped[-1]["share_left"]) > 0.5
    # the same again says the same and trains no further
    with pytest.raises(HopelessError, match=f"stopped after epoch {len(stopped)}: "):
        fit(Gaussian(), batches(), batches(50, 50, 2), PLAIN, tmp_path / "bad", SEED, hardware=CPU, watch=Epochs())
    assert len(rows(tmp_path / "bad")) == len(stopped)


def test_without_held_out_events_there_is_no_running_figure(tmp_path):
    fit(Gaussian(), batches(), None, replace(PLAIN, epochs=1), tmp_path, SEED, hardware=CPU, watch=Epochs())
    assert "share_left" not in rows(tmp_path)[0]
