"""Stores and runs that are damaged, unfinished, of another version, or were tampered with."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from bad_inputs.case import Case, World

Change = Callable[[Path], None]


def copied(which: str, change: Change) -> Callable[[World, Path], Path]:
    """A copy of something good, changed."""

    def make(world: World, here: Path) -> Path:
        path = here / "bad"
        shutil.copytree(getattr(world, which), path)
        change(path)
        return path

    return make


def rewritten(name: str, change: Callable[[bytes], bytes]) -> Change:
    def apply(folder: Path) -> None:
        (folder / name).write_bytes(change((folder / name).read_bytes()))

    return apply


def gone(name: str) -> Change:
    return lambda folder: (folder / name).unlink()


def json_changed(name: str, change: Callable[[Any], Any], sealed: bool = False) -> Change:
    """Other content, known to run.json where that is ``sealed`` anew, as one would who tampers."""

    def apply(folder: Path) -> None:
        data = json.loads((folder / name).read_bytes())
        changed = change(data)
        (folder / name).write_text(json.dumps(data if changed is None else changed, indent=1) + "\n")
        if sealed:
            seal(folder)

    return apply


def seal(folder: Path) -> None:
    from cloudchamber.run.files import Manifest, RunFiles, write_json

    data = json.loads((folder / "run.json").read_bytes())
    data.pop("sha256")
    sums = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in RunFiles(folder).of_run()}
    manifest = Manifest(data["study"], data["package_version"], data["parts"], sums)
    (folder / "run.json").write_bytes(manifest.to_bytes())
    assert write_json


def weights_changed(value: float) -> Change:
    """Some weights are this, with all checksums right."""

    def apply(folder: Path) -> None:
        from safetensors.torch import load, save

        from cloudchamber.run.weights import checksum

        path = folder / "weights.safetensors"
        weights = load(path.read_bytes())
        name = max(weights, key=lambda key: weights[key].numel() if weights[key].is_floating_point() else 0)
        weights[name].view(-1)[:3] = value
        path.write_bytes(save(weights, metadata={"sha256": checksum(weights)}))
        seal(folder)

    return apply


def shard_of(value: float) -> Change:
    """A whole store with this lifetime in a sealed shard, as written by what checks nothing."""

    def apply(folder: Path) -> None:
        from cloudchamber.store import shard
        from cloudchamber.store.read import Store

        store = Store(folder)
        table = store.read(None, slice(0, 250))
        table["lifetime_us"] = table["lifetime_us"].copy()
        table["lifetime_us"][7] = value
        image = shard.encode(table, store.schema, {"block": 0, "events": 250, "package_version": "0"})
        header, leaves = shard.seal(image, store.dataset.identity, 0, 250)
        (folder / "shard-000000.h5").write_bytes(header.to_bytes() + image + leaves)

    return apply


def without(name: str) -> Callable[[Any], None]:
    def change(data: Any) -> None:
        del data[name]

    return change


def light(**facts: Any) -> Callable[[Any], None]:
    """Another column of the toy study's light."""
    return lambda data: data["x"]["light"].update(facts)


def setting(*keys: str, value: Any) -> Callable[[Any], None]:
    def change(data: Any) -> None:
        for key in keys[:-1]:
            data = data[key]
        data[keys[-1]] = value

    return change


TRAIN, THETA, CONVERT, SAMPLE = (
    "train toy {bad} {out}",
    "simulate toy {out} --theta {bad} --workers 1",
    "convert toy {bad} --out {out}",
    "sample {bad} {here}/a.csv --n 5",
)
FLOOR, TUNE = "validate {run} --data {decays} --floor {bad} --out {out}", "tune toy {bad} {out} --trials 1 --fit.epochs 1 --space {space}"


def stores() -> list[Case]:
    found = []
    middle = rewritten("shard-000001.h5", lambda content: content[:2000] + bytes([content[2000] ^ 255]) + content[2001:])
    broken: dict[str, tuple[Change, str]] = {
        "a flipped byte": (middle, r"shard-000001\.h5 does not match its checksum"),
        "a shard cut short": (rewritten("shard-000002.h5", lambda content: content[:-100]), r"shard-000002\.h5 is truncated"),
        "an empty shard": (rewritten("shard-000002.h5", lambda _: b""), r"shard-000002\.h5 is truncated"),
        "a header of garbage": (rewritten("shard-000000.h5", lambda content: b"x" * 512 + content[512:]), r"shard-000000\.h5 has a damaged header"),
        "a shard gone": (gone("shard-000001.h5"), r"holds 3 of 4 blocks \(block 1 is missing\)"),
        "two damaged shards": (
            lambda folder: [rewritten(f"shard-00000{i}.h5", lambda _: b"")(folder) for i in (0, 3)] and None,
            r"shard-000000\.h5.*shard-000003\.h5",
        ),  # type: ignore[dict-item]
        "no dataset.json": (gone("dataset.json"), r"not an event store|is no event store"),
        "a cut dataset.json": (rewritten("dataset.json", lambda content: content[:100]), r"dataset\.json is damaged"),
        "an empty dataset.json": (rewritten("dataset.json", lambda _: b""), r"dataset\.json is damaged"),
        "a changed dataset.json": (rewritten("dataset.json", lambda content: content.replace(b'"seed": 3', b'"seed": 4')), r"does not match its checksum"),
        "a newer dataset.json": (rewritten("dataset.json", lambda content: content.replace(b'"format_version": 2', b'"format_version": 9')), r"store format 9"),
        "a dataset.json of a list": (rewritten("dataset.json", lambda _: b"[1]"), r"store format None"),
        "NaN in a sealed shard": (shard_of(np.nan), r"shard-000000\.h5.*lifetime_us.*NaN"),
        "a number out of range in a sealed shard": (shard_of(-5.0), r"shard-000000\.h5.*lifetime_us.*-5"),
        "infinity in a sealed shard": (shard_of(np.inf), r"shard-000000\.h5.*lifetime_us.*infinite"),
    }
    for name, (change, told) in broken.items():
        for words in (TRAIN, THETA, CONVERT):
            found.append(Case(f"{name} by {words.split()[0]}", words, told, copied("decays", change), words == TRAIN))
    found += [
        Case("a shard of another store", TRAIN, r"belongs to another dataset", copied("decays", _foreign)),
        Case(
            "a shard under another's name",
            TRAIN,
            r"holds block 0: rename it",
            copied("decays", lambda folder: shutil.copy(folder / "shard-000000.h5", folder / "shard-000009.h5") and None),
        ),  # type: ignore[arg-type, func-returns-value]
        Case("a folder for a shard", TRAIN, r"shard-000000\.h5", copied("decays", _folder_for_shard)),
        Case("tune a damaged store", TUNE, r"does not match its checksum|none of 1 trials", copied("decays", middle), True),
        Case("go on in another's store", "simulate toy {bad} --n 1000 --seed 4 --workers 1", r"seed: 3 there, 4 now", copied("decays", lambda _: None)),
        Case("a file for a store", "train toy {bad}/dataset.json {out}", r"is not an event store", copied("decays", lambda _: None)),
        Case("a run for a store", "train toy {run} {out}", r"is not an event store"),
        Case("a store for a run", "sample {decays} {here}/a.csv --n 5", r"holds no finished run"),
        Case("an empty folder for a store", "train toy {here} {out}", r"is not an event store"),
    ]
    return found


def _foreign(folder: Path) -> None:
    from cloudchamber import workflow

    workflow.simulate("toy", folder.parent / "other", n=250, seed=9, block_events=250)
    shutil.copy(folder.parent / "other" / "shard-000000.h5", folder / "shard-000000.h5")


def _folder_for_shard(folder: Path) -> None:
    (folder / "shard-000000.h5").unlink()
    (folder / "shard-000000.h5").mkdir()


def runs() -> list[Case]:
    model = ("recipe", "model")
    broken: dict[str, tuple[Change, str]] = {
        "no weights": (gone("weights.safetensors"), r"weights\.safetensors is missing"),
        "weights cut short": (rewritten("weights.safetensors", lambda content: content[:-50]), r"weights\.safetensors does not match"),
        "NaN weights": (weights_changed(np.nan), r"weights\.safetensors.*NaN"),
        "infinite weights": (weights_changed(np.inf), r"weights\.safetensors.*infinite"),
        "a changed recipe": (json_changed("recipe.json", setting("recipe", "doc", value="x")), r"recipe\.json does not match"),
        "no recipe": (gone("recipe.json"), r"recipe\.json is missing"),
        "no run.json": (gone("run.json"), r"format 1|no finished run"),
        "a cut run.json": (rewritten("run.json", lambda content: content[:50]), r"run\.json is damaged"),
        "a run.json of a list": (rewritten("run.json", lambda _: b"[]"), r"run\.json is damaged"),
        "a newer run.json": (json_changed("run.json", setting("format_version", value=9)), r"run format 9.*use a newer one"),
        "a run.json of garbage": (rewritten("run.json", lambda _: bytes(range(256))), r"run\.json is damaged"),
        "a run.json that nests too deep": (rewritten("run.json", lambda _: b"[" * 100_000), r"run\.json is damaged"),
        "a file of another run": (lambda folder: (folder / "familiarity.safetensors").write_bytes(b"x") and None, r"not known to run\.json"),  # type: ignore[dict-item, func-returns-value]
        "1e9 units": (json_changed("recipe.json", setting(*model, "hidden", value=10**9), True), r"recipe\.json.*hidden.*1000000000"),
        "a thousand layers": (json_changed("recipe.json", setting(*model, "layers", value=1000), True), r"1000 layers"),
        "a thousand transforms": (json_changed("recipe.json", setting(*model, "transforms", value=1000), True), r"transforms.*1000"),
        "1e9 bins": (json_changed("recipe.json", setting(*model, "bins", value=10**9), True), r"bins.*1000000000"),
        "other units": (json_changed("recipe.json", setting(*model, "hidden", value=25), True), r"do not fit the recipe"),
        "no units": (json_changed("recipe.json", setting(*model, "hidden", value=0), True), r"hidden >= 1"),
        "an unknown part": (json_changed("recipe.json", setting(*model, "kind", value="os.system"), True), r"no part 'os.system' is registered"),
        "an unknown setting": (json_changed("recipe.json", setting(*model, "hiden", value=3), True), r"unknown key 'hiden'"),
        "an unknown column": (json_changed("recipe.json", setting("recipe", "given", value=["lifetime_us", "color"]), True), r"no column 'color'"),
        "a seed of text": (json_changed("recipe.json", setting("seed", value="one"), True), r"whole number 'seed'"),
        "a recipe of a list": (json_changed("recipe.json", lambda _: [1], True), r"recipe\.json"),
        "a domain of text": (json_changed("domain.json", setting("lifetime_us", value=["a", "b"]), True), r"'lifetime_us' needs \[smallest, largest\]"),
        "a domain that falls": (json_changed("domain.json", setting("lifetime_us", value=[4.0, 1.0]), True), r"domain\.json.*lifetime_us"),
        "a domain of NaN": (json_changed("domain.json", setting("lifetime_us", value=[float("nan"), 1.0]), True), r"domain\.json.*lifetime_us"),
        "a domain without a column": (json_changed("domain.json", without("kind"), True), r"domain\.json: needs the trained range"),
        "a schema without a column": (json_changed("schema.json", lambda data: data["x"].pop("light") and None, True), r"schema\.json.*light"),
        "a schema of a huge column": (
            json_changed("schema.json", light(shape=[10**9]), True),
            r"schema\.json|fit the recipe|numbers",
        ),
        "a schema of a negative shape": (json_changed("schema.json", light(shape=[-3]), True), r"schema\.json.*light|shape"),
        "a schema of an unknown kind of number": (
            json_changed("schema.json", light(dtype="float7"), True),
            r"schema\.json.*float7",
        ),
        "a study that is not there": (json_changed("run.json", setting("study", value="none")), r"run\.json is damaged"),
    }
    found = [Case(f"run: {name}", SAMPLE, told, copied("run", change)) for name, (change, told) in broken.items()]
    for words in (
        "validate {bad} --n 50 --out {out}",
        "export {bad} {here}/a.onnx",
        "ensemble {bad} {run} --out {out}",
        "train toy {decays} {out} --start {bad}",
    ):
        for name in ("no weights", "NaN weights", "a newer run.json"):
            found.append(Case(f"run: {name} by {words.split()[0]}", words, broken[name][1], copied("run", broken[name][0])))
    found.append(Case("run: NaN weights by infer", "infer {bad} {hits} --out {out}", broken["NaN weights"][1], copied("classes", weights_changed(np.nan))))
    found.append(Case("run: no weights by infer", "infer {bad} {hits} --out {out}", broken["no weights"][1], copied("classes", gone("weights.safetensors"))))
    return found


def cases() -> list[Case]:
    return stores() + runs()
