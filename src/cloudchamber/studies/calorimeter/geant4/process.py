"""Geant4 in a process of its own: there is one Geant4 run a process, and a crash must not take the caller along.

``Geant4Process`` starts ``python -m cloudchamber.studies.calorimeter.geant4.process`` and talks with it through pipes: a set-up first, then one table of
events and the random seeds at a time, answered by deposits. What Geant4 prints goes to a temporary file whose end stands in the error of a crash.
"""

from __future__ import annotations

import atexit
import os
import pickle
import signal
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from cloudchamber.studies.calorimeter.geometry import Crystals

_LOG_TAIL = 2000
_START = "while it started, see below; it reads the data sets that GEANT4_DATA_DIR or G4LEDATA name, if any"
_RESUME = "finished blocks are kept, the same command makes the rest; with the same seed the block dies again if its events are to blame"


class Geant4Process:
    """A running Geant4; ``run`` may be called from several threads, one after the other."""

    def __init__(self, crystals: Crystals, physics: str, cut_mm: float, data: dict[str, str]) -> None:
        self._lock, self._log = threading.Lock(), tempfile.TemporaryFile()  # noqa: SIM115
        package = str(Path(__file__).parents[4])
        path = os.pathsep.join([package, *filter(None, [os.environ.get("PYTHONPATH")])])
        self.process = subprocess.Popen(
            [sys.executable, "-m", __name__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._log,
            env={**os.environ, **data, "PYTHONPATH": path},
        )
        self._ask((crystals, physics, cut_mm), _START)

    @property
    def alive(self) -> bool:
        """Whether it still runs."""
        return self.process.poll() is None

    def run(self, events: dict[str, Any], seeds: list[int]) -> np.ndarray:
        """Deposits (events, cells) [MeV]; RuntimeError if Geant4 dies on the way."""
        first = f"{events['particle'][0]} of {events['energy_mev'][0]:.6g} MeV"
        return self._ask((events, seeds), f"in a block of {len(events['particle'])} events, the first {first}, random seeds {seeds}; {_RESUME}")

    def close(self) -> None:
        """End the process."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self._log):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    # unsent bytes for a process that is gone
                    continue

    def _ask(self, question: Any, when: str) -> Any:
        assert self.process.stdin is not None and self.process.stdout is not None
        with self._lock:
            try:
                pickle.dump(question, self.process.stdin)
                self.process.stdin.flush()
                return pickle.load(self.process.stdout)
            except (EOFError, OSError, ValueError, pickle.UnpicklingError) as error:
                code, tail = self._end(), self._tail()
                self.close()
                raise RuntimeError(f"Geant4 died ({_cause(code)}) {when}. Its last words:\n{tail}") from error
            except BaseException:
                # interrupted with an answer on its way: the next question would get it
                self.close()
                raise

    def _end(self) -> int:
        try:
            return self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            # alive, but its answer made no sense
            self.process.kill()
            return self.process.wait()

    def _tail(self) -> str:
        size = self._log.seek(0, os.SEEK_END)
        self._log.seek(max(size - _LOG_TAIL, 0))
        return self._log.read().decode(errors="replace").strip() or "(none)"


def _cause(code: int) -> str:
    if code >= 0:
        return f"exit status {code}"
    return f"signal {signal.Signals(-code).name}" + (", out of memory?" if -code == signal.SIGKILL else "")


_RUNNING: dict[Any, Geant4Process] = {}
_STARTING = threading.Lock()


def geant4_process(crystals: Crystals, physics: str, cut_mm: float, data: dict[str, str]) -> Geant4Process:
    """The process for these settings, started if there is none: it is kept, as a start takes seconds, until the caller exits."""
    # a forked caller must not share its parent's pipes
    key = (os.getpid(), crystals, physics, cut_mm, tuple(sorted(data.items())))
    with _STARTING:
        running = _RUNNING.get(key)
        if running is None or not running.alive:
            if running is not None:
                running.close()
            running = _RUNNING[key] = Geant4Process(crystals, physics, cut_mm, data)
    return running


@atexit.register
def _close_all() -> None:
    for (pid, *_), process in _RUNNING.items():
        if pid == os.getpid():
            process.close()


def main() -> None:
    """The child: answer until the caller closes the pipe."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    questions, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    # what Geant4 prints on the standard output goes to the log, too
    os.dup2(2, 1)
    crystals, physics, cut_mm = pickle.load(questions)
    from cloudchamber.studies.calorimeter.geant4.world import Application

    application = Application(crystals, physics, cut_mm)
    answer: Any = "ready"
    while True:
        pickle.dump(answer, answers, protocol=5)
        answers.flush()
        try:
            events, seeds = pickle.load(questions)
        except EOFError:
            break
        answer = application.run(events, seeds)
    # Geant4's own clean-up may crash
    os._exit(0)


if __name__ == "__main__":
    main()
