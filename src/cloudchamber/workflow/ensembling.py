"""Make one run of several: the mixture of what they say."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cloudchamber.atomic import held, refuse_place, write_atomically
from cloudchamber.hub import find_run, load_network
from cloudchamber.jsonable import flat
from cloudchamber.run.files import RunFiles, read_file, seal, write_json

if TYPE_CHECKING:
    from cloudchamber.run.ensemble import Ensemble


def ensemble(runs: Sequence[Path | str], out: Path | str) -> Ensemble:
    """Copy ``runs`` (as ``load`` names them) into the run folder ``out``, which answers with their mixture, all with equal weight.

    The same call finishes what was interrupted. ValueError for fewer than two runs, for runs that answer other questions, for the same weights twice, for an
    ensemble among them, and for a folder that holds another run.
    """
    from cloudchamber.run.ensemble import Ensemble
    from cloudchamber.run.provenance import differences, ensemble_provenance, read_provenance
    from cloudchamber.store.dataset import package_version

    refuse_place(Path(out))
    found = Ensemble([load_network(run) for run in runs])
    sources = [RunFiles(find_run(run)[0]) for run in runs]
    sealed = {hashlib.sha256(read_file(source.manifest)).hexdigest(): source for source in sources}
    origin = json.loads(json.dumps(ensemble_provenance(found.study, sealed)))
    files = RunFiles(Path(out))
    files.folder.mkdir(parents=True, exist_ok=True)
    with held(files.folder, "ensemble"):
        if files.metrics.exists() or files.finished or files.of_version_1:
            if changed := differences(flat(read_provenance(files.folder)), flat(origin)):
                raise ValueError(f"'{files.folder}' holds another run ({'; '.join(changed)}): give another folder")
        else:
            write_json(files.metrics, {"training": origin})
        if not files.finished:
            for number, source in enumerate(sources):
                copy_run(source, files.member(number))
            seal(files, found.study, {}, package_version())
        files.verify()
    return found


def copy_run(source: RunFiles, to: RunFiles) -> None:
    """Copy a finished run, each file compared with its checksum on the way, run.json last."""
    to.folder.mkdir(parents=True, exist_ok=True)
    for name in source.sealed.files:
        write_atomically(to.folder / name, source.read(source.folder / name))
    write_atomically(to.manifest, read_file(source.manifest))
