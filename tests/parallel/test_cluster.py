from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cloudchamber.parallel.cluster import read_cluster

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

    settings = cluster._read(tmp_path / "slurm.yaml")
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
    settings = cluster._read(tmp_path / "docs.yaml")
    kind = getattr(dask_jobqueue, cluster.SYSTEMS[settings["system"]])
    own = {key: value for key, value in settings.items() if key not in cluster.OWN}
    assert set(own) <= cluster._known(kind)
    with kind(**own, interface="lo", scheduler_options={"dashboard_address": ":0"}) as found:
        assert "dask" in found.job_script()


def test_an_interruption_stays_one() -> None:
    pytest.importorskip("dask_jobqueue")
    script = "import signal; b = signal.getsignal(2); from cloudchamber.parallel.cluster import _dask_jobqueue as j; j(); assert signal.getsignal(2) is b"
    assert subprocess.run([sys.executable, "-c", script], env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}).returncode == 0
