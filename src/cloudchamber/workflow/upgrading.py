"""Bring run folders of earlier formats to today's."""

from __future__ import annotations

from pathlib import Path

from cloudchamber.atomic import held
from cloudchamber.hub import study_parts
from cloudchamber.run.files import RunFiles
from cloudchamber.study import find_study, study_names


def upgrade(folder: Path | str) -> bool:
    """Give a run of format 1 its run.json, once it is known to load; False where there is nothing to do. ValueError for a folder without a run."""
    from cloudchamber.run.network import read_network
    from cloudchamber.run.parts import Parts

    files = RunFiles(Path(folder))
    if files.finished:
        files.verify()
        return False
    if not files.of_version_1:
        raise ValueError(f"'{folder}' holds no finished run: {files.weights.name} is missing")
    with held(files.folder, "upgrade"):
        head = files.read_json(files.recipe)
        name = head.get("study") if isinstance(head, dict) else None
        model = read_network(files, Parts(study_parts(find_study(name))) if name in study_names() else None)
        model.seal(files)
    return True
