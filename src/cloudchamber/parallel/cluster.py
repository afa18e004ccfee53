"""A batch system's cluster from a YAML file, through dask-jobqueue."""

from __future__ import annotations

import inspect
import signal
import threading
from pathlib import Path
from types import ModuleType
from typing import Any

SYSTEMS = {"slurm": "SLURMCluster", "htcondor": "HTCondorCluster", "pbs": "PBSCluster", "sge": "SGECluster", "lsf": "LSFCluster"}
NEEDED = ("cores", "memory")
OWN = ("system", "jobs")


def read_cluster(path: Path) -> Any:
    """The cluster that the file describes, with so many ``jobs`` asked for: ``system`` (slurm, htcondor, ...), ``jobs``, and dask-jobqueue's own settings
    (cores, memory, walltime, queue, account, job_extra_directives, ...).

    ValueError names a key that is missing or unknown. References: https://jobqueue.dask.org.
    """
    settings = read_settings(path)
    dask_jobqueue = _dask_jobqueue()
    kind = getattr(dask_jobqueue, SYSTEMS[settings["system"]])
    known = _known(kind)
    own = {key: value for key, value in settings.items() if key not in OWN}
    if unknown := [key for key in own if key not in known]:
        raise ValueError(f"{path}: unknown key '{unknown[0]}' for {settings['system']}; there are: {', '.join(sorted({*known, *OWN}))}")
    cluster = kind(**own)
    # unlike ``scale`` it asks for another job where one ended, as when its time is over
    cluster.adapt(minimum_jobs=settings["jobs"], maximum_jobs=settings["jobs"])
    return cluster


def read_settings(path: Path) -> dict[str, Any]:
    """The file's keys and values; ValueError names what is missing or cannot be."""
    import yaml

    try:
        settings = yaml.safe_load(path.read_text())
    except OSError as error:
        raise ValueError(f"no file '{path}' of a cluster ({error.strerror})") from error
    except yaml.YAMLError as error:
        raise ValueError(f"{path} is not readable YAML: {error}") from error
    if not isinstance(settings, dict):
        raise ValueError(f"{path} needs keys and values: system, jobs, {', '.join(NEEDED)}, ...")
    for key in (*OWN, *NEEDED):
        if key not in settings:
            raise ValueError(f"{path} lacks the key '{key}'; needed: {', '.join((*OWN, *NEEDED))}")
    if settings["system"] not in SYSTEMS:
        raise ValueError(f"{path}: system is '{settings['system']}'; there are: {', '.join(SYSTEMS)}")
    if not isinstance(settings["jobs"], int) or settings["jobs"] < 1:
        raise ValueError(f"{path}: jobs must be a whole number of at least 1, got {settings['jobs']!r}")
    return settings


def _known(kind: Any) -> set[str]:
    """The settings that dask-jobqueue knows: those of the cluster and of its jobs."""
    found: set[str] = set()
    for each in (*kind.__mro__, *kind.job_cls.__mro__):
        if each.__module__.startswith("dask_jobqueue"):
            found |= set(inspect.signature(each.__init__).parameters)
    return found - {"self", "args", "kwargs"}


def _dask_jobqueue() -> ModuleType:
    """The module; its import puts a handler of its own in place of Python's, which is put back, so that Ctrl-C still interrupts."""
    before = signal.getsignal(signal.SIGINT)
    try:
        import dask_jobqueue
    except ImportError as error:
        raise ImportError("a batch system needs dask-jobqueue: pip install 'cloudchamber[cluster]'") from error
    if threading.current_thread() is threading.main_thread() and before is not None:
        signal.signal(signal.SIGINT, before)
    return dask_jobqueue
