from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from cloudchamber.rng import rng
from cloudchamber.studies.calorimeter.beam import Beam
from cloudchamber.studies.calorimeter.geant4.data import find_data
from cloudchamber.studies.calorimeter.geant4.process import Geant4Process, geant4_process
from cloudchamber.studies.calorimeter.geant4.simulator import Geant4
from cloudchamber.studies.calorimeter.geometry import Crystals

pytestmark = pytest.mark.usefixtures("geant4_needed")
CRYSTALS = Crystals(n=3)
# a cut of their own, so that the other tests' processes stay alive
SIMULATOR = Geant4(crystals=CRYSTALS, beam=Beam(particles=("e-",), energies_mev=(1000.0,)), cut_mm=1.0)


@pytest.fixture
def process() -> Iterator[Geant4Process]:
    process = geant4_process(CRYSTALS, "opt0", 1.0, find_data(False))
    yield process
    process.close()


def test_the_process_is_kept_for_the_same_settings(process: Geant4Process) -> None:
    SIMULATOR.simulate(SIMULATOR.prior(2, rng(1)), rng(2))
    assert process.alive
    assert geant4_process(CRYSTALS, "opt0", 1.0, find_data(False)) is process


def test_a_killed_geant4_is_told_and_started_again(process: Geant4Process) -> None:
    theta = SIMULATOR.prior(5, rng(1))
    expected = SIMULATOR.simulate(theta, rng(2))["deposit_mev"]
    killer = threading.Timer(0.3, os.kill, (process.process.pid, signal.SIGKILL))
    killer.start()
    with pytest.raises(RuntimeError, match=r"Geant4 died \(signal SIGKILL.* in a block of 3000 events, the first e- of 1000 MeV.*blocks are kept"):
        SIMULATOR.simulate(SIMULATOR.prior(3000, rng(3)), rng(4))
    killer.join()
    assert not process.alive
    np.testing.assert_array_equal(SIMULATOR.simulate(theta, rng(2))["deposit_mev"], expected)


def test_an_interrupted_call_leaves_no_stale_answer(process: Geant4Process) -> None:
    theta = SIMULATOR.prior(5, rng(1))
    expected = SIMULATOR.simulate(theta, rng(2))["deposit_mev"]
    key = threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT))
    # the workers of parallel test runs ignore it
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        key.start()
        with pytest.raises(KeyboardInterrupt):
            SIMULATOR.simulate(SIMULATOR.prior(5000, rng(3)), rng(4))
        key.join()
    finally:
        signal.signal(signal.SIGINT, before)
    np.testing.assert_array_equal(SIMULATOR.simulate(theta, rng(2))["deposit_mev"], expected)


def test_broken_data_sets_end_in_geant4s_own_words(tmp_path: Path) -> None:
    broken = {**find_data(False), "G4LEDATA": str(tmp_path)}
    with pytest.raises(RuntimeError, match=r"(?s)Geant4 died \(signal SIGABRT\) while it started.*G4LEDATA.*is not opened"):
        Geant4Process(CRYSTALS, "opt0", 0.7, broken)


def test_geant4_prints_nothing(process: Geant4Process, capfd: pytest.CaptureFixture[str]) -> None:
    SIMULATOR.simulate(SIMULATOR.prior(2, rng(1)), rng(2))
    assert capfd.readouterr() == ("", "")


def test_threads_take_turns(process: Geant4Process) -> None:
    tables = [SIMULATOR.prior(10, rng(5, i)) for i in range(3)]
    alone = [SIMULATOR.simulate(theta, rng(6, i))["deposit_mev"] for i, theta in enumerate(tables)]
    together: dict[int, np.ndarray] = {}

    def run(i: int) -> None:
        together[i] = SIMULATOR.simulate(tables[i], rng(6, i))["deposit_mev"]

    threads = [threading.Thread(target=run, args=(i,)) for i in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for i in range(3):
        np.testing.assert_array_equal(together[i], alone[i])
