"""Where work is done: this process, processes of this machine, or a Dask cluster. Results never depend on it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, Future, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from itertools import chain, islice
from pathlib import Path
from traceback import walk_tb
from typing import Any, TypeAlias, TypeVar

from cloudchamber.parallel.alone import alone
from cloudchamber.parallel.processes import Processes, refuse_notebook
from cloudchamber.study_file import knowing, known_files

Job = TypeVar("Job")
Result = TypeVar("Result")
MOST_IN_FLIGHT = 1000
RETRIES = 3
"""A job whose worker died is given to another one so often."""
SECONDS_TO_CONNECT = 10
LOOK_SECONDS = 2.0
"""So often a scheduler is looked at while nothing comes back."""


class WorkerLostError(RuntimeError):
    """Each worker that a job was given to died, of a kill or of too little memory: ``job`` is it; or the scheduler went away."""

    def __init__(self, message: str, job: Any = None) -> None:
        super().__init__(message)
        self.job = job


@dataclass(frozen=True)
class Pool:
    """An executor that is open, and what tells why nothing more will come of it, if so; ``fresh`` where each job has a new process anyway.

    ``tries``: how many workers a job was given to before its loss comes back.
    """

    executor: Executor
    lost: Callable[[], str] = lambda: ""
    fresh: bool = False
    tries: int = 1


Where: TypeAlias = Pool | Executor | str | Path | None
"""What ``opened`` gave, an executor of one's own, "processes", "dask", "dask://HOST:PORT", or a YAML file for dask-jobqueue; None for processes, or this one
where one will do."""


def run(
    function: Callable[[Job], Result],
    jobs: Iterable[Job],
    executor: Where = None,
    workers: int = 1,
    most: int = MOST_IN_FLIGHT,
    ordered: bool = False,
    fresh: bool = False,
) -> Iterator[tuple[Job, Result]]:
    """Each job with what ``function`` makes of it, as they come, or in the jobs' own order where ``ordered``.

    Never more than ``most`` jobs are handed in at a time, so that long lists and large results wait where they are made. With ``fresh`` each job has a new
    process. A job whose worker died is done again, RETRIES times.

    ValueError for an unknown ``executor``, ConnectionError for a scheduler that does not answer, WorkerLostError, which names the job, where its workers die
    each time: results before that were given.
    """
    queue = iter(jobs)
    if not fresh and (executor is None or executor == "processes"):
        few = list(islice(queue, 2))
        if workers == 1 or len(few) < 2:
            for job in chain(few, queue):
                yield job, function(job)
            return
        queue = chain(few, queue)
    if files := known_files():
        function = partial(knowing, files, function)
    with opened(executor, workers, fresh) as pool:
        if isinstance(pool.executor, Processes):
            first = list(islice(queue, 1))
            refuse_notebook(function, *first)
            queue = chain(first, queue)
        if fresh and not pool.fresh:
            function = partial(alone, function)
        yield from (_ordered if ordered else _as_they_come)(pool, function, queue, most)


def _as_they_come(pool: Pool, function: Callable[[Job], Result], queue: Iterator[Job], most: int) -> Iterator[tuple[Job, Result]]:
    running: dict[Future[Result], Job] = {}
    while True:
        for job in islice(queue, most - len(running)):
            running[pool.executor.submit(function, job)] = job
        if not running:
            return
        for future in _done(set(running), pool.lost):
            job = running.pop(future)
            yield job, _result(pool, function, job, future)


def _ordered(pool: Pool, function: Callable[[Job], Result], queue: Iterator[Job], most: int) -> Iterator[tuple[Job, Result]]:
    waiting = [(job, pool.executor.submit(function, job)) for job in islice(queue, most)]
    while waiting:
        job, future = waiting.pop(0)
        yield job, _result(pool, function, job, future)
        waiting += [(job, pool.executor.submit(function, job)) for job in islice(queue, 1)]


def _done(futures: set[Future[Result]], lost: Callable[[], str]) -> set[Future[Result]]:
    """Some futures that are done; WorkerLostError where none will ever be."""
    while True:
        done, _ = wait(futures, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED)
        if done:
            return done
        if why := lost():
            raise WorkerLostError(why)


def _result(pool: Pool, function: Callable[[Job], Result], job: Job, future: Future[Result]) -> Result:
    while True:
        while not future.done():
            _done({future}, pool.lost)
        try:
            return _told(pool, future, job)
        except TypeError as error:
            # Dask's executor cannot take a result whose worker died on the way here: the job is done again
            if not _raised_in(error, "distributed.cfexecutor"):
                raise
            future = pool.executor.submit(function, job)


def _raised_in(error: BaseException, module: str) -> bool:
    *_, (frame, _) = walk_tb(error.__traceback__)
    return frame.f_globals.get("__name__") == module


def _told(pool: Pool, future: Future[Result], job: Any) -> Result:
    try:
        return future.result()
    except CancelledError as error:
        raise WorkerLostError(pool.lost() or f"{job} was cancelled on the cluster: run the same command again to make the rest") from error
    except (BrokenProcessPool, ChildProcessError) as error:
        raise _killed(job, pool.tries) from error
    except Exception as error:
        if type(error).__name__ == "KilledWorker":
            raise _killed(job, getattr(error, "allowed_failures", RETRIES) + 1) from error
        raise


def _killed(job: Any, workers: int) -> WorkerLostError:
    died = f"{workers} workers died of it, one after the other" if workers > 1 else "its worker died"
    return WorkerLostError(
        f"{job}: {died} (out of memory?); finished blocks are kept: run the same command again, with fewer workers or more memory for each",
        job,
    )


def check_executor(executor: Where) -> None:
    """ValueError for a name that is no executor, and for a file of a cluster that cannot be used, before anything is made."""
    if isinstance(executor, str) and executor.endswith((".yaml", ".yml")):
        from cloudchamber.parallel.cluster import read_settings

        read_settings(Path(executor))
    elif isinstance(executor, str) and executor not in ("processes", "dask") and not executor.startswith("dask://"):
        raise ValueError(f"no executor '{executor}'; there are: processes, dask, dask://HOST:PORT, and YAML files for dask-jobqueue (.yaml)")


@contextlib.contextmanager
def opened(executor: Where, workers: int = 1, fresh: bool = False) -> Iterator[Pool]:
    """The executor, for ``run`` to be called with several times: a cluster is started once."""
    if isinstance(executor, Pool):
        yield executor
    elif isinstance(executor, Executor):
        yield Pool(executor)
    elif executor is None or executor == "processes":
        pool = Processes(workers, RETRIES, fresh)
        try:
            yield Pool(pool, fresh=fresh, tries=RETRIES + 1)
        finally:
            pool.shutdown(wait=True, cancel_futures=True)
    else:
        with _dask(str(executor), workers) as client:

            def lost() -> str:
                if client.status == "running":
                    return ""
                return f"the Dask scheduler {executor} went away; finished blocks are kept: run the same command again to make the rest"

            yield Pool(client.get_executor(retries=RETRIES, pure=False), lost, tries=RETRIES + 1)


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
