"""A job in a fresh process below a Dask worker, which is a daemon and may have no children through ``multiprocessing``."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from typing import Any, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")


def alone(function: Callable[[Job], Result], job: Job) -> Result:
    """What ``function`` makes of the job, in a new process; ChildProcessError where that one is killed."""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    done = subprocess.run([sys.executable, "-m", __name__], input=pickle.dumps((function, job)), stdout=subprocess.PIPE, env=environment)
    if done.returncode:
        raise ChildProcessError(f"{job}: its process ended with the code {done.returncode}")
    error, result = pickle.loads(done.stdout)
    if error is not None:
        raise error
    return result


def main() -> None:
    """Read the job from the standard input, and answer on the standard output, which nothing else may write to meanwhile."""
    with os.fdopen(os.dup(1), "wb") as out:
        os.dup2(2, 1)
        function, job = pickle.load(sys.stdin.buffer)
        answer: tuple[Exception | None, Any]
        try:
            answer = None, function(job)
        except Exception as error:
            answer = error, None
        out.write(pickle.dumps(answer))


if __name__ == "__main__":
    main()
