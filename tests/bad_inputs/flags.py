"""Words of a command line that cannot be: numbers out of range, unknown names, contradictions, places that cannot be written."""

from __future__ import annotations

import os
from pathlib import Path

from bad_inputs.case import Case, World


def made(name: str, content: str | None = None) -> object:
    """A file of this content, or a folder without."""

    def make(world: World, here: Path) -> Path:
        path = here / name
        if content is None:
            path.mkdir(parents=True)
        else:
            path.write_text(content)
        return path

    return make


def settings(name: str, content: str, words: str, told: str) -> Case:
    return Case(name, words, told, made("bad.json" if not name.startswith("TOML") else "bad.toml", content))  # type: ignore[arg-type]


SIMULATE, TRAIN, SAMPLE = "simulate toy {out} --workers 1", "train toy {decays} {out}", "sample {run} {here}/a.csv"
VALIDATE, INFER, TUNE = "validate {run} --out {out}", "infer {classes} {hits} --out {out}", "tune toy {decays} {out} --trials 1 --fit.epochs 1 --space {space}"
WHOLE = r"none of the values that it takes, INT"


def times(world: World, here: Path) -> Path:
    """A good file of the study's own format, which tells lifetimes and decay times."""
    (here / "good.times").write_text("1.5 2.0\n" * 60)
    return here / "good.times"


def reading() -> list[Case]:
    """Read options that a format lacks, of another kind, without a value or a file, and a companion that is not there."""
    doors = {
        "convert": "convert toy {bad} --out {out}",
        "sample": "sample {run} {here}/a.csv --given {bad}",
        "validate": "validate {run} --file {bad} --out {out}",
    }
    found = []
    for door, words in doors.items():
        found += [
            Case(f"{door} --read of no format", f"{words} --read.primary p", r"'times' has no read option 'primary'; it has: --read.kind \(text\)", times),
            Case(f"{door} --read misspelt", f"{words} --read.kin muon", r"no read option 'kin' \(did you mean 'kind'\?\)", times),
            Case(f"{door} --read unknown class", f"{words} --read.kind pino", r"kind.*unknown 'pino' \(did you mean 'pion'\?\)", times),
            Case(f"{door} --read missing companion", f"{words} --read.kind pion --read.light {{here}}/gone", r"--read.light: there is no file '.*gone'", times),
            Case(f"{door} --read folder as companion", f"{words} --read.kind pion --read.light {{here}}", r"--read.light: there is no file", times),
            Case(f"{door} --read without value", f"{words} --read.kind", r"--read.kind needs a value", times),
            Case(f"{door} --read twice", f"{words} --read.kind pion --read.kind muon", r"--read.kind is given twice", times),
            Case(f"{door} --read two for many", f"{words} --read.kind pion,muon", r"good.times.*(broadcast|2)", times),
        ]
    found += [
        Case("sample --read without file", SAMPLE + " --n 5 --read.kind pion", r"--read.kind is an option of a file's format: give the file too"),
        Case("validate --read without file", VALIDATE + " --n 50 --read.kind pion", r"--read.kind is an option of a file's format"),
        Case("simulate --read without file", SIMULATE + " --n 5 --read.kind pion", r"--read.kind is an option of a file's format"),
        Case("infer --read of a store", INFER + " --read.kind pion", r"event store, which has no read options"),
        Case("train --read", TRAIN + " --read.kind pion", r"--read"),
        Case("convert --read number", "convert airshower {bad} --out {out} --format corsika7 --read.lg-energy-ev high", r"'high' is no number", times),
        Case("convert --like nothing", "convert toy {decays} --out {out} --like {here}/nowhere", r"no study and no run folder"),
        Case("convert --like another study", "convert toy {decays} --out {out} --like {classes}", r"is of the study 'toy_sets', not of 'toy'"),
        *(
            Case(f"zero lifetime by {door.split()[0]}", door, told, zero)
            for door, told in (
                (SIMULATE + " --theta {bad}", r"lifetime_us.*0 in event 1 is outside the allowed \[0.2, 20\] us of this simulator"),
                (SAMPLE + " --given {bad}", r"lifetime_us.*0 in event 1.*outside the trained range"),
            )
        ),
    ]
    return found


def zero(world: World, here: Path) -> Path:
    """A lifetime that may exist, and that nobody simulates."""
    (here / "zero.csv").write_text("lifetime_us,kind\n1.5,muon\n0,pion\n")
    return here / "zero.csv"


def numbers() -> list[Case]:
    found = []
    whole = (
        ("--n", SIMULATE, "n=(0|-1)|n must be"),
        ("--block-events", SIMULATE + " --n 5", "block_events="),
        ("--workers", "simulate toy {out} --n 5", "workers="),
        ("--n", TRAIN, "n must be at least 1"),
        ("--draws", INFER, "draws must be at least 2"),
        ("--trials", TUNE, "trials"),
    )
    for flag, words, told in whole:
        found += [Case(f"{words.split()[0]} {flag} {value}", f"{words} {flag} {value}", told) for value in ("0", "-1")]
        found += [
            Case(f"{words.split()[0]} {flag} {value}", f"{words} {flag} {value}", rf"{flag}.*({value}|INT|invalid)") for value in ("1e99", "nan", "1.5", "many")
        ]
    for words in (SIMULATE + " --n 5", TRAIN, SAMPLE + " --n 5", VALIDATE + " --n 50", INFER, TUNE, "demo airshower --out {out} --n 40 --samples 5"):
        name = words.split()[0]
        found.append(Case(f"{name} --seed -1", f"{words} --seed -1", r"seed must not be negative, got -1"))
        found.append(Case(f"{name} --seed text", f"{words} --seed one", r"--seed.*one"))
    for value in ("0", "-1"):
        found += [
            Case(f"sample --n {value}", f"{SAMPLE} --n {value}", r"n must be at least 1"),
            Case(f"validate --n {value}", f"{VALIDATE} --n {value}", r"n must be|too few"),
            Case(f"sample --workers {value}", f"{SAMPLE} --n 5 --workers {value}", r"workers must be at least 1"),
            Case(f"validate --workers {value}", f"{VALIDATE} --n 50 --workers {value}", r"workers must be at least 1"),
            Case(f"infer --workers {value}", f"{INFER} --workers {value}", r"workers must be at least 1"),
            Case(f"tune --workers {value}", f"{TUNE} --workers {value}", r"workers must be at least 1"),
            Case(f"train --devices {value}", f"{TRAIN} --devices {value}", r"devices"),
            Case(f"train --nodes {value}", f"{TRAIN} --nodes {value}", r"num_nodes|nodes"),
            Case(f"tune --fit.epochs {value}", f"tune toy {{decays}} {{out}} --trials 1 --fit.epochs {value} --space {{space}}", r"epochs"),
            Case(f"demo --n {value}", f"demo airshower --out {{out}} --n {value}", r"n must be"),
            Case(f"demo --samples {value}", f"demo airshower --out {{out}} --n 40 --samples {value}", r"samples"),
        ]
    for value in ("nan", "-1"):
        found += [
            Case(f"train --memory-gb {value}", f"{TRAIN} --memory-gb {value}", r"memory_gb"),
            Case(f"tune --memory-gb {value}", f"{TUNE} --memory-gb {value}", r"memory_gb"),
        ]
    found += [
        Case("infer --posterior -1", f"{INFER} --posterior -1", r"posterior.*-1"),
        Case("simulate beyond all disks", f"{SIMULATE} --n {10**30}", r"n=|n must be|events"),
        Case("sample beyond all disks", f"{SAMPLE} --n {10**30}", r"n must be|events"),
        Case("validate beyond all memory", f"{VALIDATE} --n {10**15}", r"n must be|events"),
        Case("simulate without --n", SIMULATE, r"n=None|needs a number"),
    ]
    return found


def model_settings() -> list[Case]:
    found = []
    for flag, values, told in (
        ("--fit.epochs", ("0", "-3"), r"epochs must be at least 1"),
        ("--fit.batch-size", ("0", "-5"), r"batch_size"),
        ("--fit.clip-norm", ("nan", "-1", "inf"), r"clip_norm"),
        ("--fit.warmup-epochs", ("nan", "-1", "1000"), r"warmup_epochs"),
        ("--fit.validation-fraction", ("nan", "-0.1", "1", "1.5", "inf"), r"validation.?fraction"),
        ("--fit.average-decay", ("nan", "1.5", "-1"), r"average_decay"),
        ("--fit.patience", ("0", "-1"), r"patience"),
        ("--model.hidden", ("0", "-4", "1000000000"), r"hidden|numbers|parameters"),
        ("--model.layers", ("-1", "100000"), r"layers"),
        ("--model.transforms", ("0", "-1"), r"transforms"),
        ("--model.bins", ("0", "-1"), r"bins"),
        ("--model.bound", ("nan", "0", "-1"), r"bound"),
        ("--fit.schedule", ("cosin",), r"schedule.*cosin"),
        ("--fit.schedule", ("anneal",), r"'anneal' waits for a plateau: patience"),
        ("--fit.precision", ("8",), r"precision"),
        ("--accelerator", ("gpux",), r"gpux"),
        ("--strategy", ("ddpx",), r"ddpx"),
    ):
        found += [Case(f"train {flag} {value}", f"{TRAIN} {flag} {value}", told) for value in values]
    for value in ("nan", "inf", "-1", "0"):
        found.append(
            Case(f"simulate --settings.lifetime-low-us {value}", f"simulate toy {{out}} --n 5 --workers 1 --settings.lifetime-low-us {value}", r"lifetime")
        )
    for field, value in (
        ("learning_rate", "NaN"),
        ("learning_rate", "-1"),
        ("learning_rate", "0"),
        ("weight_decay", "-1"),
        ("betas", "[1.5, 0.9]"),
        ("name", '"adamx"'),
    ):
        found.append(
            settings(
                f"optimiser {field} {value}",
                f'{{"fit": {{"optimisers": {{"": {{"{field}": {value}}}}}}}}}',
                f"{TRAIN} --overrides {{bad}}",
                field if field != "name" else "adamx",
            )
        )
    return found


def names() -> list[Case]:
    return [
        Case("unknown command", "simulat toy {out} --n 5", r"unknown command 'simulat' \(did you mean 'simulate'\?\)"),
        Case("unknown study", "simulate toi {out} --n 5", r"unknown study 'toi' \(did you mean 'toy'\?\)"),
        Case("empty study", "simulate '' {out} --n 5", r"word 2 of the command is empty"),
        Case("unknown simulator", f"{SIMULATE} --n 5 --simulator decai", r"unknown simulator 'decai' \(did you mean 'decay'\?\)"),
        Case("unknown recipe", f"{TRAIN} --recipe flwo", r"unknown recipe 'flwo' \(did you mean 'flow'\?\)"),
        Case("unknown run", "sample {here}/nothing {out} --n 5", r"no study and no run folder"),
        Case("unknown study of a run", "sample airshwer {out} --n 5", r"did you mean 'airshower'"),
        Case("unknown recipe of a study", "sample airshower/matchin {out} --n 5", r"unknown recipe 'matchin' \(did you mean 'matching'\?\)"),
        Case("recipe without weights", "sample airshower/flow {out} --n 5", r"no packaged weights for 'airshower/flow'"),
        Case("unknown option", f"{SIMULATE} --n 5 --wrkers 2", r"--wrkers.*did you mean.*--workers"),
        Case("unknown setting", f"{TRAIN} --fit.epoch 3", r"--fit.epoch.*did you mean --fit.epochs"),
        Case("unknown setting of a simulator", f"{SIMULATE} --n 5 --settings.light 3", r"--settings.light.*did you mean --settings.light-pe"),
        Case("unknown sampling option", f"{SAMPLE} --n 5 --options step 3", r"no sampling option 'step'"),
        Case("sampling option without value", f"{SAMPLE} --n 5 --options steps", r"--options"),
        Case("export with unknown option", "export {run} {here}/a.onnx --options step 3", r"no sampling option 'step'"),
        Case("export of unknown kind", "export {run} {here}/a.onnx --out-format tflite", r"--out-format.*onnx"),
        Case("export of nothing", "export {here}/none {here}/a.onnx", r"no study and no run folder"),
        Case("unknown protocol", f"{VALIDATE} --protocol quartes", r"unknown protocol 'quartes' \(did you mean 'quarters'\?\)"),
        Case("unknown executor", f"{SIMULATE} --n 5 --executor slurm", r"executor.*slurm|slurm"),
        Case("executor without a file", f"{SIMULATE} --n 5 --executor {{here}}/none.yaml", r"none\.yaml"),
        Case("executor of garbage", f"{SIMULATE} --n 5 --executor {{bad}}", r"bad\.yaml", made("bad.yaml", "a: [1,\n")),  # type: ignore[arg-type]
        Case("executor that is no mapping", f"{SIMULATE} --n 5 --executor {{bad}}", r"bad\.yaml", made("bad.yaml", "- 1\n")),  # type: ignore[arg-type]
        Case("executor of a wrong address", f"{SAMPLE} --n 5 --executor dask://", r"dask://|address"),
        Case("unknown way outside", f"{SAMPLE} --n 5 --outside maybe", r"--outside.*'refuse', 'flag'"),
        Case("unknown answers", f"{INFER} --out-format xml", r"--out-format.*csv"),
        Case("unknown accelerator of a search", f"{TUNE} --accelerator gpux", r"gpux"),
        Case("unknown storage", f"{TUNE} --storage redis://x", r"redis|storage"),
        Case("unknown teacher", f"{TRAIN} --teacher {{here}}/none", r"no study and no run folder"),
        Case("teacher for what has none", f"{TRAIN} --teacher {{run}}", r"takes no teacher"),
        Case("start from nothing", f"{TRAIN} --start {{here}}/none", r"no study and no run folder"),
        Case("start of another study", f"{TRAIN} --start {{classes}}", r"classes|column|cannot start"),
        Case("demo of a study without weights", "demo toy --out {out}", r"no packaged weights for 'toy/flow'"),
        Case("demo of nothing", "demo airshwer --out {out}", r"did you mean 'airshower'"),
        Case("demo of a surrogate's file", "demo airshower --file {here}/a.csv --out {out}", r"surrogate"),
        Case("demo of a file that is not there", "demo cosmic_ray_sky --file {here}/a.csv --out {out}", r"no file or folder"),
        Case("upgrade of nothing", "upgrade {here}/none", r"none"),
        Case("upgrade of a folder", "upgrade {here}", r"no finished run"),
        Case("infer with a surrogate", "infer {run} {decays} --out {out}", r"is a surrogate"),
        Case("ensemble of one", "ensemble {run} --out {out}", r"needs two runs or more"),
        Case("ensemble of the same twice", "ensemble {run} {run} --out {out}", r"weights of one before it"),
        Case("ensemble of two studies", "ensemble {run} {classes} --out {out}", r"stud|column"),
        Case("ensemble with nothing", "ensemble {run} {here}/none --out {out}", r"no study and no run folder"),
        Case("compare with another study", f"{VALIDATE} --compare {{classes}}", r"compare runs of one study"),
        Case("compare with nothing", f"{VALIDATE} --compare {{here}}/none", r"no study and no run folder"),
        Case("format of the file to draw", f"{SAMPLE} --n 5 --out-format cvs", r"no format 'cvs' to write \(did you mean 'csv'\?\)"),
    ]


def contradictions() -> list[Case]:
    return [
        Case("sample --n and --given", f"{SAMPLE} --n 5 --given {{decays}}", r"give either n.*or given"),
        Case("sample neither", SAMPLE, r"give either n.*or given"),
        Case("simulate --n and --theta", f"{SIMULATE} --n 5 --theta {{decays}}", r"n.*theta|theta.*n"),
        Case("validate --data and --file", f"{VALIDATE} --data {{decays}} --file {{decays}}", r"give either data.*or file"),
        Case("validate --floor alone", f"{VALIDATE} --floor {{decays}}", r"floor.*needs data"),
        Case("validate --format alone", f"{VALIDATE} --format csv --n 50", r"format"),
        Case("validate on the training data", f"{VALIDATE} --data {{decays}}", r"was trained on|learned"),
        Case("validate on a copy of the training data", f"{VALIDATE} --file {{decays}}", r"trained on events"),
        Case("sample from what infers", "sample {classes} {out} --n 5", r"has no prior"),
        Case("flag into a store", "sample {run} {out} --n 5 --outside flag", r"has no column 'in_domain'"),
        Case("convert in place", "convert toy {decays} --out {decays}", r"holds|is itself|another"),
        Case(
            "convert two kinds of files", "convert toy {decays} {hits} --out {out}", r"holds the columns .* convert them one by one|the store .*unknown .noise."
        ),
        Case("infer events of another study", "infer {classes} {decays} --out {out}", r"none of the columns|lack|the store .*unknown .muon."),
        Case("train on another study's events", "train toy {hits} {out}", r"has no column 'lifetime_us': such events are those of --simulator decay"),
        Case("tune without a space", "tune toy {decays} {out} --recipe matching --trials 1", r"no search space of its own"),
    ]


def places() -> list[Case]:
    found = []
    outs = {
        "simulate": "simulate toy {} --n 5 --workers 1",
        "train": "train toy {{decays}} {}",
        "sample": "sample {{run}} {} --n 5",
        "validate": "validate {{run}} --n 50 --out {}",
        "infer": "infer {{classes}} {{hits}} --out {}",
        "convert": "convert toy {{decays}} --out {}",
        "tune": "tune toy {{decays}} {} --trials 1 --fit.epochs 1 --space {{space}}",
        "export": "export {{run}} {}",
        "ensemble": "ensemble {{run}} {{run}} --out {}",
        "demo": "demo airshower --n 40 --samples 5 --out {}",
    }
    for name, words in outs.items():
        found.append(Case(f"{name} into ''", words.format("''"), r"word \d of the command is empty"))
        file = "{here}/file/a.onnx" if name == "export" else "{here}/file/inside"
        found.append(Case(f"{name} below a file", words.format(file), r"file", made("file", "x")))  # type: ignore[arg-type]
        if name in ("sample", "export", "convert"):
            found.append(
                Case(
                    f"{name} onto a folder",
                    words.format("{here}/a.csv" if name != "export" else "{here}/a.onnx"),
                    r"is a folder|folder|directory",
                    made("a.csv" if name != "export" else "a.onnx"),
                )
            )  # type: ignore[arg-type]
        if name not in ("export",):
            found.append(Case(f"{name} onto a file", words.format("{here}/file"), r"file", made("file", "x")))  # type: ignore[arg-type]
        if os.access("/proc", os.F_OK):
            found.append(Case(f"{name} where nothing can be made", words.format("/proc/none/a.onnx" if name == "export" else "/proc/none/out"), r"/proc/none"))
    return found


def own_studies() -> list[Case]:
    def case(name: str, text: str, told: str, words: str = "list --study {bad}") -> Case:
        return Case(name, words, told, made("mine.py", text))  # type: ignore[arg-type]

    study = "import cloudchamber as cc\nSTUDY = cc.Study({!r}, 'Mine', {{}}, {{}})\n"
    return [
        Case("study file that is not there", "list --study {here}/none.py", r"no file '.*none\.py'"),
        Case("study file that is a folder", "simulate mine {out} --n 5 --study {bad}", r"no file '.*bad'", made("bad")),  # type: ignore[arg-type]
        Case("study file of no Python", "list --study {bad}", r"bad\.txt' is no Python file", made("bad.txt", "x")),  # type: ignore[arg-type]
        Case("study without a file", "list --study", r"--study needs the Python file"),
        case("study file without a study", "a = 1\n", r"mine\.py: it defines no Study"),
        case("study file that raises", "a = 1\na / 0\n", r"mine\.py, line 2: ZeroDivisionError: division by zero"),
        case("study file of broken Python", "a = (\n", r"mine\.py, line 1: SyntaxError"),
        case("study file with the name of a built-in one", study.format("airshower"), r"study 'airshower' already, built in: give yours another name"),
        case("study file with an impossible name", study.format("a b"), r"cannot be called 'a b'"),
        case("study file of another study", study.format("mine"), r"unknown study 'yours'", "simulate yours {out} --n 5 --study {bad}"),
    ]


def files() -> list[Case]:
    tune, train = "tune toy {decays} {out} --trials 1 --fit.epochs 1 --space {bad}", f"{TRAIN} --overrides {{bad}}"
    return [
        settings("overrides that are no JSON", "{", train, r"bad\.json' is not valid JSON"),
        settings("overrides that are empty", "", train, r"bad\.json' is not valid JSON"),
        settings("overrides that are a list", "[1]", train, r"must hold a mapping"),
        settings("overrides of an unknown key", '{"fit": {"epoch": 1}}', train, r"unknown key 'epoch'"),
        settings("overrides of an unknown part", '{"fti": {}}', train, r"unknown key 'fti'"),
        settings("overrides of text for a number", '{"fit": {"epochs": "3"}}', train, r"fit.epochs: expected int, got '3'"),
        settings("overrides of true for a number", '{"fit": {"epochs": true}}', train, r"fit.epochs: expected int, got True"),
        settings("overrides of null", '{"fit": null}', train, r"fit"),
        settings("overrides of an infinite number", '{"fit": {"clip_norm": Infinity}}', train, r"clip_norm|NaN"),
        settings("overrides with a key twice", '{"fit": {"epochs": 1, "epochs": 2}}', train, r"'epochs' twice"),
        settings("overrides that nest too deep", "[" * 100_000, train, r"bad\.json"),
        settings("overrides of another column", '{"target": ["lite"]}', train, r"no column 'lite' in the schema"),
        settings("overrides of the same column", '{"target": ["light", "light"]}', train, r"light"),
        settings("overrides that learn what is given", '{"target": ["light", "kind"]}', train, r"kind"),
        settings("TOML that is none", "a = ", train, r"bad\.toml' is not valid TOML"),
        Case("overrides that are not there", f"{TRAIN} --overrides {{here}}/none.json", r"no file '.*none\.json'"),
        Case("overrides that are a folder", train, r"no file '.*bad'", made("bad")),  # type: ignore[arg-type]
        settings("overrides of bytes", "\u00ff\udcff".encode("utf-8", "surrogatepass").decode("latin-1"), train, r"bad\.json"),
        settings("space that is no JSON", "{", tune, r"bad\.json' is not valid JSON"),
        settings("space that is empty", "{}", tune, r"space"),
        settings("space of an unknown setting", '{"fit.epoch": {"choices": [1]}}', tune, r"no setting 'fit.epoch' \(did you mean 'fit.epochs'\?\)"),
        settings("space of no choices", '{"model.hidden": {"choices": []}}', tune, r"model.hidden"),
        settings("space that falls", '{"model.hidden": {"low": 9, "high": 3}}', tune, r"model.hidden"),
        settings("space of NaN", '{"model.hidden": {"low": NaN, "high": 3}}', tune, r"model.hidden"),
        settings("space without end", '{"fit.optimisers.learning_rate": {"low": 1, "high": Infinity}}', tune, r"learning_rate"),
        settings("space of a logarithm of 0", '{"fit.optimisers.learning_rate": {"low": 0, "high": 1, "log": true}}', tune, r"learning_rate"),
        settings("space of the wrong kind", '{"model.hidden": {"choices": ["a"]}}', tune, r"model.hidden"),
        settings("space of numbers", '{"model.hidden": 3}', tune, r"model.hidden"),
        Case("space that is not there", "tune toy {decays} {out} --trials 1 --fit.epochs 1 --space {here}/none.json", r"no file '.*none\.json'"),
    ]


def cases() -> list[Case]:
    return reading() + numbers() + model_settings() + names() + contradictions() + places() + own_studies() + files()
