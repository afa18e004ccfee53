from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cloudchamber import workflow
from cloudchamber.atomic import _alive
from cloudchamber.parallel.cluster import read_cluster
from dask_cluster import environment

SLURM = """system: slurm
jobs: 3
cores: 4
memory: 8GB
walltime: "02:00:00"
queue: short
job_extra_directives: ["--constraint=avx2"]
interface: lo
"""


def test_a_file_becomes_jobs_of_a_batch_system(tmp_path: Path) -> None:
    pytest.importorskip("dask_jobqueue")
    (tmp_path / "slurm.yaml").write_text(SLURM.replace("jobs: 3", "jobs: 1"))
    from dask_jobqueue import SLURMCluster

    from cloudchamber.parallel import cluster

    settings = cluster.read_settings(tmp_path / "slurm.yaml")
    own = {key: value for key, value in settings.items() if key not in cluster.OWN}
    with SLURMCluster(**own, scheduler_options={"dashboard_address": ":0"}) as found:
        script = found.job_script()
    assert "#SBATCH -p short" in script and "#SBATCH --constraint=avx2" in script and "#SBATCH -t 02:00:00" in script


@pytest.mark.parametrize(("change", "message"), [
    (("system: slurm", "system: slrum"), "system is 'slrum'; there are: slurm, htcondor"),
    (("walltime", "waltime"), "unknown key 'waltime' for slurm; there are: account, "),
    (("cores: 4\n", ""), "lacks the key 'cores'; needed: system, jobs, cores, memory"),
    (("jobs: 3", "jobs: many"), "jobs must be a whole number of at least 1, got 'many'"),
    ((SLURM, "just words"), "needs keys and values"),
    ((SLURM, "a: [1"), "not readable YAML"),
])  # fmt: skip
def test_what_is_wrong_with_a_file_is_named(change: tuple[str, str], message: str, tmp_path: Path) -> None:
    pytest.importorskip("dask_jobqueue")
    (tmp_path / "bad.yaml").write_text(SLURM.replace(*change))
    with pytest.raises(ValueError, match=message):
        read_cluster(tmp_path / "bad.yaml")
    with pytest.raises(ValueError, match=r"no file '.*none\.yaml' of a cluster"):
        read_cluster(tmp_path / "none.yaml")


@pytest.mark.parametrize("number", range(2))
def test_the_examples_of_the_docs_are_read(number: int, tmp_path: Path) -> None:
    pytest.importorskip("dask_jobqueue")
    import dask_jobqueue

    from cloudchamber.parallel import cluster

    text = (Path(__file__).parents[2] / "docs/scale.md").read_text(encoding="utf-8")
    (tmp_path / "docs.yaml").write_text(re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)[number])
    settings = cluster.read_settings(tmp_path / "docs.yaml")
    kind = getattr(dask_jobqueue, cluster.SYSTEMS[settings["system"]])
    own = {key: value for key, value in settings.items() if key not in cluster.OWN}
    assert set(own) <= cluster._known(kind)
    with kind(**own, interface="lo", scheduler_options={"dashboard_address": ":0"}) as found:
        assert "dask" in found.job_script()


def test_an_interruption_stays_one() -> None:
    pytest.importorskip("dask_jobqueue")
    script = "import signal; b = signal.getsignal(2); from cloudchamber.parallel.cluster import _dask_jobqueue as j; j(); assert signal.getsignal(2) is b"
    assert subprocess.run([sys.executable, "-c", script], env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}).returncode == 0


SBATCH = """#!/bin/sh
# starts the job at once, as a session that scancel can end
cp "$1" {place}/jobs/$$
setsid sh {place}/jobs/$$ > {place}/logs/$$ 2>&1 &
echo $! > {place}/pids/$$
echo "Submitted batch job $$"
"""
SCANCEL = """#!/bin/sh
echo "$1" >> {place}/cancelled
kill -9 -$(cat {place}/pids/$1)
"""


@pytest.mark.parametrize("jobs_end", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_a_file_reaches_the_batch_system(jobs_end: bool, tmp_path: Path) -> None:
    pytest.importorskip("dask_jobqueue")
    for name in ("jobs", "logs", "pids", "bin"):
        (tmp_path / name).mkdir()
    for name, text in (("sbatch", SBATCH), ("scancel", SCANCEL)):
        (tmp_path / "bin" / name).write_text(text.format(place=tmp_path))
        (tmp_path / "bin" / name).chmod(0o755)
    lines = SLURM.replace("jobs: 3\ncores: 4\nmemory: 8GB", "jobs: 2\ncores: 1\nmemory: 1GB")
    (tmp_path / "slurm.yaml").write_text(lines + 'scheduler_options: {dashboard_address: ":0"}\n')
    words = ["simulate", "toy", str(tmp_path / "slurm"), "--n", "4000", "--block-events", "20", "--seed", "4", "--executor", str(tmp_path / "slurm.yaml")]
    path = environment() | {"PATH": f"{tmp_path}/bin:{os.environ['PATH']}"}
    process = subprocess.Popen([sys.executable, "-m", "cloudchamber", *words], env=path, stderr=subprocess.PIPE, text=True)
    try:
        while len(list((tmp_path / "slurm").glob("*.h5"))) < 40:
            assert process.poll() is None, process.communicate()
            time.sleep(0.01)
        first = list((tmp_path / "pids").iterdir())
        # as where the time of all jobs is over
        for job in first if jobs_end else ():
            os.killpg(int(job.read_text()), signal.SIGKILL)
        _, said = process.communicate(timeout=100)
    finally:
        process.kill()
    assert process.returncode == 0, said
    script = (tmp_path / "jobs" / first[0].name).read_text()
    assert "#SBATCH -p short" in script and "#SBATCH --constraint=avx2" in script and "#SBATCH --mem=954M" in script
    workflow.simulate("toy", tmp_path / "serial", 4000, seed=4, block_events=20)
    shards = sorted(path.name for path in (tmp_path / "serial").glob("*.h5"))
    assert [(tmp_path / "slurm" / name).read_bytes() for name in shards] == [(tmp_path / "serial" / name).read_bytes() for name in shards]
    # others took their place, and none is left
    jobs = {path.name: int(path.read_text()) for path in (tmp_path / "pids").iterdir()}
    assert len(jobs) >= (4 if jobs_end else 2) and set(jobs) == set((tmp_path / "cancelled").read_text().split())
    end = time.monotonic() + 20
    while any(_alive(process) for process in jobs.values()):
        assert time.monotonic() < end
        time.sleep(0.1)
