"""Two real processes train one model."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from cloudchamber import load, workflow
from cloudchamber.train.fit import Hardware
from cloudchamber.train.processes import check_launched, rank

SCRIPT = """
import sys
from dataclasses import replace
from cloudchamber import find_study, workflow
from cloudchamber.models.gan import Gan
from cloudchamber.models.gan_networks import DenseNetworks
from cloudchamber.models.recipe import Fit, Optimiser
from cloudchamber.train.fit import Hardware
if __name__ == "__main__":
    fit = Fit(epochs=2, batch_size=64, optimisers={"": Optimiser()})
    gan = replace(find_study("toy").recipe("flow"), name="gan", model=Gan(networks=DenseNetworks(hidden=16, layers=1)), fit=fit)
    workflow.train("toy", sys.argv[1], sys.argv[2], gan, hardware=Hardware("cpu", 2, "ddp"), n=int(sys.argv[3]))
"""


INTERRUPTED = """
import sys
from cloudchamber import workflow
from cloudchamber.train.fit import Hardware
def stop(epoch, epochs, text):
    if epoch == 2:
        raise SystemExit(1)
if __name__ == "__main__":
    workflow.train("toy", sys.argv[1], sys.argv[2], overrides={"fit": {"epochs": 3}}, hardware=Hardware("cpu", 2, "ddp"), progress=stop)
"""


def test_a_gan_is_trained_whose_last_batch_is_smaller_than_its_turns(tmp_path: Path) -> None:
    workflow.simulate("toy", tmp_path / "data", 214)
    script = tmp_path / "train.py"
    script.write_text(SCRIPT)
    # 203 events to learn from: the last batch gives one process 6, the other 5
    words = [sys.executable, str(script), str(tmp_path / "data"), str(tmp_path / "run"), "214"]
    path = os.pathsep.join(sys.path)
    done = subprocess.run(words, env=os.environ | {"PYTHONPATH": path, "OMP_NUM_THREADS": "1"}, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert load(tmp_path / "run").name == "gan"
    assert json.loads((tmp_path / "run" / "metrics.json").read_text())["fit"]["epochs"] == 2
    assert {path.name for path in (tmp_path / "run").iterdir()}.isdisjoint({"checkpoint.pt"})


def test_one_process_alone_is_the_first() -> None:
    assert rank() == 0


def test_the_command_trains_on_two_processes_and_goes_on_with_one(tmp_path: Path) -> None:
    workflow.simulate("toy", tmp_path / "data", 300)
    words = ["train", "toy", str(tmp_path / "data"), str(tmp_path / "run"), "--accelerator", "cpu", "--fit.epochs", "2"]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "cloudchamber", *words, "--devices", "2"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    assert sum(line.startswith("validation loss") for line in done.stdout.splitlines()) == 1
    assert load(tmp_path / "run").name == "flow"
    # under torchrun, interrupted after the second of three epochs: one process does the third
    script = tmp_path / "interrupted.py"
    script.write_text(INTERRUPTED)
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2", "--master-addr", "127.0.0.1", "--master-port", "29431"]
    subprocess.run([*torchrun, str(script), str(tmp_path / "data"), str(tmp_path / "other")], env=environment, capture_output=True, text=True, timeout=300)
    assert (tmp_path / "other" / "log.csv").read_text().count("\n") == 3
    workflow.train("toy", tmp_path / "data", tmp_path / "other", overrides={"fit": {"epochs": 3}}, hardware=Hardware("cpu"))
    assert (tmp_path / "other" / "log.csv").read_text().count("\n") == 4


def test_torchrun_of_another_number_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "x")
    monkeypatch.setenv("WORLD_SIZE", "2")
    check_launched(2)
    with pytest.raises(ValueError, match="torchrun started 2 processes, but 1 would train: give --devices"):
        check_launched(1)
    monkeypatch.delenv("TORCHELASTIC_RUN_ID")
    check_launched(1)
