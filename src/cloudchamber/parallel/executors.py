"""Where work is done: this process, processes of this machine, or a Dask cluster. Results never depend on it."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import chain, islice
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")
Where: TypeAlias = Executor | str | Path | None
"""An executor of one's own, "processes", "dask", "dask://HOST:PORT", or a YAML file for dask-jobqueue; None for processes, or this one where one will do."""
MOST_IN_FLIGHT = 1000
RETRIES = 3
"""A job whose worker died is given to another one so often."""
SECONDS_TO_CONNECT = 10
LOOK_SECONDS = 2.0
"""So often a scheduler is looked at while nothing comes back."""


class WorkerLostError(RuntimeError):
    """A worker process died, of a kill or of too little memory; or the scheduler went away."""


def run(
    function: Callable[[Job], Result],
    jobs: Iterable[Job],
    executor: Where = None,
    workers: int = 1,
    most: int = MOST_IN_FLIGHT,
    ordered: bool = False,
) -> Iterator[tuple[Job, Result]]:
    """Each job with what ``function`` makes of it, as they come, or in the jobs' own order where ``ordered``.

    Never more than ``most`` jobs are handed in at a time, so that long lists and large results wait where they are made. ValueError for an unknown
    ``executor``, ConnectionError for a scheduler that does not answer, WorkerLostError where workers die: results before that were given.
    """
    queue = iter(jobs)
    if executor is None or executor == "processes":
        few = list(islice(queue, 2))
        if workers == 1 or len(few) < 2:
            for job in chain(few, queue):
                yield job, function(job)
            return
        queue = chain(few, queue)
    with _opened(executor, workers) as (pool, lost):
        yield from _ordered(pool, function, queue, most, lost) if ordered else _as_they_come(pool, function, queue, most, lost)


def _as_they_come(pool: Executor, function: Callable[[Job], Result], queue: Iterator[Job], most: int, lost: Callable[[], str]) -> Iterator[tuple[Job, Result]]:
    running: dict[Future[Result], Job] = {}
    while True:
        for job in islice(queue, most - len(running)):
            running[pool.submit(function, job)] = job
        if not running:
            return
        for future in _done(set(running), lost):
            job = running.pop(future)
            yield job, _result(future, job, lost)


def _ordered(pool: Executor, function: Callable[[Job], Result], queue: Iterator[Job], most: int, lost: Callable[[], str]) -> Iterator[tuple[Job, Result]]:
    waiting = [(job, pool.submit(function, job)) for job in islice(queue, most)]
    while waiting:
        job, future = waiting.pop(0)
        while not future.done():
            _done({future}, lost)
        yield job, _result(future, job, lost)
        waiting += [(job, pool.submit(function, job)) for job in islice(queue, 1)]


def _done(futures: set[Future[Result]], lost: Callable[[], str]) -> set[Future[Result]]:
    """Some futures that are done; WorkerLostError where none will ever be."""
    while True:
        done, _ = wait(futures, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED)
        if done:
            return done
        if why := lost():
            raise WorkerLostError(why)


def _result(future: Future[Result], job: Any, lost: Callable[[], str]) -> Result:
    try:
        return future.result()
    except BrokenProcessPool as error:
        raise WorkerLostError(
            "a worker process was killed (out of memory?); finished blocks are kept: "
            "run the same command again to make the rest, with fewer workers if memory is short"
        ) from error
    except CancelledError as error:
        raise WorkerLostError(lost() or f"{job} was cancelled on the cluster: run the same command again to make the rest") from error
    except Exception as error:
        if type(error).__name__ == "KilledWorker":
            raise WorkerLostError(
                f"{job}: {RETRIES + 1} workers died of it, one after the other (out of memory?); finished blocks are kept: "
                "run the same command again, on workers with more memory"
            ) from error
        raise


@contextlib.contextmanager
def _opened(executor: Where, workers: int) -> Iterator[tuple[Executor, Callable[[], str]]]:
    """The pool, and what tells why nothing more will come of it, if so."""
    if isinstance(executor, Executor):
        yield executor, lambda: ""
    elif executor is None or executor == "processes":
        # spawned, not forked: threads of numba and BLAS do not survive a fork
        pool = ProcessPoolExecutor(workers, multiprocessing.get_context("spawn"), initializer=_end_with_parent, initargs=(os.getpid(),))
        try:
            yield pool, lambda: ""
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    else:
        with _dask(str(executor), workers) as client:

            def lost() -> str:
                if client.status == "running":
                    return ""
                return f"the Dask scheduler {executor} went away; finished blocks are kept: run the same command again to make the rest"

            yield client.get_executor(retries=RETRIES, pure=False), lost


@contextlib.contextmanager
def _dask(name: str, workers: int) -> Iterator[Any]:
    """A client of the cluster of this name."""
    from cloudchamber.parallel.cluster import read_cluster

    if not (name == "dask" or name.startswith("dask://") or Path(name).suffix in (".yaml", ".yml")):
        raise ValueError(f"no executor '{name}'; there are: processes, dask, dask://HOST:PORT, and YAML files for dask-jobqueue (.yaml)")
    try:
        from distributed import Client, LocalCluster
    except ImportError as error:
        raise ImportError(f"the executor '{name}' needs Dask: pip install 'cloudchamber[cluster]'") from error
    with contextlib.ExitStack() as stack:
        if name.startswith("dask://"):
            place: Any = f"tcp://{name.removeprefix('dask://')}"
        elif name == "dask":
            place = stack.enter_context(LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None))
        else:
            place = stack.enter_context(read_cluster(Path(name)))
        try:
            client = Client(place, timeout=SECONDS_TO_CONNECT, set_as_default=False)
        except OSError as error:
            if isinstance(place, str) and "connect" in str(error).lower():
                raise ConnectionError(f"no Dask scheduler answers at {place} within {SECONDS_TO_CONNECT} s: start one with `dask scheduler`") from error
            raise
        stack.callback(_closed, client)
        yield client


def _closed(client: Any) -> None:
    """Close it; what goes wrong then, as where its scheduler is gone, must not hide what went wrong before."""
    with contextlib.suppress(Exception):
        client.close(timeout=SECONDS_TO_CONNECT)


def _end_with_parent(parent: int) -> None:
    """Have a worker end soon after the process that started it: one that is killed cannot tell its workers to stop."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
