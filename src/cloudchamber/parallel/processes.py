"""Processes of this machine, each with one job at a time, so that a process that dies takes no other job with it and its job is known."""

from __future__ import annotations

import io
import multiprocessing
import os
import pickle
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from types import FunctionType
from typing import Any


class Processes(ThreadPoolExecutor):
    """Threads, each with a process of its own: a job whose process died is given to a new one, ``retries`` times, then BrokenProcessPool is raised.

    With ``fresh`` each job has a new process.
    """

    def __init__(self, workers: int, retries: int, fresh: bool = False) -> None:
        refuse_unguarded()
        super().__init__(workers)
        self._retries, self._fresh, self._mine = retries, fresh, threading.local()
        self._opened: list[ProcessPoolExecutor] = []
        self._ended = False

    def submit(self, function: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """As for any executor."""
        return super().submit(self._done, function, *args, **kwargs)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """As for any executor."""
        self._ended = True
        super().shutdown(wait, cancel_futures=cancel_futures)
        for pool in self._opened:
            pool.shutdown(wait)

    def _done(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        for left in reversed(range(self._retries + 1)):
            try:
                return self._process().submit(function, *args, **kwargs).result()
            except BrokenProcessPool:
                self._mine.pool = None
                # an interruption ends the processes too
                if not left or self._ended:
                    raise
        raise AssertionError

    def _process(self) -> ProcessPoolExecutor:
        pool: ProcessPoolExecutor | None = getattr(self._mine, "pool", None)
        if pool is None:
            # spawned, not forked: threads of numba and BLAS do not survive a fork
            spawn = multiprocessing.get_context("spawn")
            pool = ProcessPoolExecutor(1, spawn, initializer=_end_with_parent, initargs=(os.getpid(),), max_tasks_per_child=1 if self._fresh else None)
            self._mine.pool = pool
            self._opened.append(pool)
        return pool


def refuse_unguarded() -> None:
    """RuntimeError in a script that new processes would read and run again, each of them starting more."""
    main = sys.modules["__main__"]
    file = getattr(main, "__file__", None)
    if file is None or getattr(main, "__spec__", None) is not None:
        return
    try:
        text = Path(file).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return
    if "__main__" not in text:
        raise RuntimeError(f"'{file}' starts worker processes, which read it again: put what it does below `if __name__ == \"__main__\":`, or use one worker")


def refuse_notebook(*values: Any) -> None:
    """RuntimeError for what is made of classes or functions of a notebook or an interactive session, which new processes cannot read."""
    main = sys.modules["__main__"]
    file = getattr(main, "__file__", None)
    if (file is None or not Path(file).is_file()) and getattr(main, "__spec__", None) is None:
        _Watching(io.BytesIO()).dump(values)


class _Watching(pickle.Pickler):
    def reducer_override(self, value: Any) -> Any:
        if isinstance(value, (type, FunctionType)) and value.__module__ == "__main__":
            raise RuntimeError(
                f"'{value.__qualname__}' is defined in a notebook or an interactive session, which worker processes cannot read: write it into a file and "
                "use cc.register_file('my_study.py'), or use one worker"
            )
        return NotImplemented


def _end_with_parent(parent: int) -> None:
    """Have a worker end soon after the process that started it: one that is killed cannot tell its workers to stop."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
