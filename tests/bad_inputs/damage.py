"""Files that are no files of their format: empty, cut short, overwritten, of another kind, or with counts that cannot be."""

from __future__ import annotations

import struct
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from bad_inputs.case import Case, World
from bad_inputs.tables import WRITERS, good

GARBAGE = np.random.default_rng(1).bytes(3000)
HUGE = 10**15
Make = Callable[[World, Path], Path]


def sized(suffix: str, change: Callable[[bytes], bytes], source: Callable[[Path], None] | None = None) -> Make:
    """A good file whose bytes are changed."""

    def make(world: World, here: Path) -> Path:
        path = here / f"bad{suffix}"
        if source is not None:
            source(path)
        else:
            WRITERS[suffix](path, good(), {})
        path.write_bytes(change(path.read_bytes()))
        return path

    return make


def folder(suffix: str) -> Make:
    def make(world: World, here: Path) -> Path:
        path = here / f"bad{suffix}"
        path.mkdir()
        (path / "note.txt").write_text("nothing")
        return path

    return make


def nowhere(suffix: str) -> Make:
    return lambda world, here: here / f"absent{suffix}"


def text(suffix: str, content: str | bytes) -> Make:
    def make(world: World, here: Path) -> Path:
        path = here / f"bad{suffix}"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return make


def conex(path: Path) -> None:
    """Three showers in CONEX's trees."""
    import uproot

    with uproot.recreate(path) as file:
        file["Header"] = {"Particle": np.array([100], np.int32)}
        depth = np.tile(np.arange(0, 1000, 10, dtype=np.float32), (3, 1))
        one = np.full(3, 17.5, np.float32)
        file.mktree("Shower", {"lgE": "float32", "zenith": "float32", "X": ("float32", (100,)), "Electrons": ("float32", (100,))})
        file["Shower"].extend({"lgE": one, "zenith": one, "X": depth, "Electrons": depth})


def calorimeter_root(path: Path) -> None:
    """Three showers in a tree."""
    import uproot

    with uproot.recreate(path) as file:
        deposit = np.ones((3, 25), np.float32)
        file.mktree("showers", {"energy_mev": "float32", "pdg": "int32", "deposit_mev": ("float32", (25,))})
        file["showers"].extend({"energy_mev": np.full(3, 500, np.float32), "pdg": np.full(3, 11, np.int32), "deposit_mev": deposit})


def stations(path: Path) -> None:
    """One event of three stations, in rows of HDF5."""
    import h5py

    with h5py.File(path, "w") as file:
        file["event"] = np.zeros(3, int)
        file["x_m"], file["y_m"], file["z_m"] = np.array([0.0, 1200.0, 0.0]), np.array([0.0, 0.0, 1200.0]), np.zeros(3)
        file["start_ns"] = np.array([0.0, 500.0, 900.0])
        file["waveform_upper"] = file["waveform_lower"] = np.tile(np.arange(256, dtype=np.uint16), (3, 1))
        file.attrs["step_ns"] = 20.0


def half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def overwritten(content: bytes) -> bytes:
    """The first half good, the second one garbage."""
    return content[: len(content) // 2] + GARBAGE[: len(content) - len(content) // 2]


def middle(content: bytes) -> bytes:
    third = len(content) // 3
    return content[:third] + GARBAGE[:200] + content[third + 200 :]


def h5_file(fill: Callable[[object], None], suffix: str = ".h5") -> Make:
    def make(world: World, here: Path) -> Path:
        import h5py

        path = here / f"bad{suffix}"
        with h5py.File(path, "w") as file:
            fill(file)
        return path

    return make


def huge(names: dict[str, tuple[int, ...]], dtype: str = "f4") -> Callable[[object], None]:
    """Data sets that declare rows without data."""

    def fill(file: object) -> None:
        for name, tail in names.items():
            file.create_dataset(name, (HUGE, *tail), dtype, chunks=(1000, *tail), fillvalue=1.0 if dtype == "f4" else 0)  # type: ignore[attr-defined]

    return fill


def linked(kind: str) -> Make:
    """A column that lies in another file."""

    def make(world: World, here: Path) -> Path:
        import h5py

        with h5py.File(here / "other.h5", "w") as file:
            file["lifetime_us"] = good()["lifetime_us"]
        (here / "raw.bin").write_bytes(np.ones(6).tobytes())
        with h5py.File(here / "bad.h5", "w") as file:
            file["kind"] = good()["kind"].astype("S")
            if kind == "link":
                file["lifetime_us"] = h5py.ExternalLink("other.h5", "/lifetime_us")
            elif kind == "external":
                file.create_dataset("lifetime_us", (6,), "f8", external=[(str(here / "raw.bin"), 0, h5py.h5f.UNLIMITED)])
            elif kind == "virtual":
                layout = h5py.VirtualLayout((6,), "f8")
                layout[:] = h5py.VirtualSource(here / "other.h5", "lifetime_us", (6,))
                file.create_virtual_dataset("lifetime_us", layout)
            elif kind == "soft":
                file["lifetime_us"] = h5py.SoftLink("/nowhere")
        return here / "bad.h5"

    return make


def parquet_counts(content: bytes) -> bytes:
    """The footer's length changed to more than the file."""
    return content[:-8] + struct.pack("<I", 2**31 - 1) + content[-4:]


def parquet_footer(content: bytes) -> bytes:
    """Garbage in the footer's numbers."""
    (length,) = struct.unpack("<I", content[-8:-4])
    start = len(content) - 8 - length
    return content[: start + 4] + b"\xff" * 12 + content[start + 16 :]


def zipped(names: dict[str, bytes]) -> Make:
    def make(world: World, here: Path) -> Path:
        with zipfile.ZipFile(here / "bad.zip", "w") as archive:
            for name, content in names.items():
                archive.writestr(name, content)
        return here / "bad.zip"

    return make


READ = {
    "toy": (
        "simulate toy {out} --theta {bad} --workers 1",
        "sample {run} {out} --given {bad}",
        "convert toy {bad} --out {out}",
        "validate {run} --file {bad} --out {out}",
    ),
}
UNREADABLE = r"bad\.?\w*"


def general() -> list[Case]:
    """Every format of every study, damaged in every way."""
    found, turn = [], 0
    doors = READ["toy"]
    damages: dict[str, Callable[[bytes], bytes]] = {
        "empty": lambda _: b"",
        "one byte": lambda content: content[:1],
        "half": half,
        "all but the end": lambda content: content[:-20],
        "overwritten": overwritten,
        "a byte-order mark alone": lambda _: b"\xef\xbb\xbf",
        "garbage": lambda _: GARBAGE,
        "nulls": lambda _: bytes(2000),
        "a web page": lambda _: b"<!DOCTYPE html><html><body>404</body></html>\n",
    }
    for suffix in WRITERS:
        for name, change in damages.items():
            if suffix == ".csv" and name in ("half", "all but the end", "overwritten"):
                continue
            found.append(Case(f"{name} as {suffix}", doors[turn % 4], r"bad\." + suffix[1:], sized(suffix, change)))
            turn += 1
        found.append(Case(f"folder as {suffix}", doors[turn % 4], rf"bad\{suffix}' is no event store", folder(suffix)))
        found.append(Case(f"absent {suffix}", doors[(turn + 1) % 4], rf"no file or folder '.*absent\{suffix}'", nowhere(suffix)))
        turn += 2
    return found


def own() -> list[Case]:
    """The studies' own formats."""
    found = []
    damages: dict[str, Callable[[bytes], bytes]] = {
        "empty": lambda _: b"",
        "half": half,
        "all but the end": lambda content: content[:-20],
        "garbage": lambda _: GARBAGE,
        "middle overwritten": middle,
    }
    sources: list[tuple[str, str, Callable[[Path], None]]] = [
        ("airshower", ".root", conex),
        ("calorimeter", ".root", calorimeter_root),
        ("surface_array", ".h5", stations),
    ]
    for study, suffix, source in sources:
        for name, change in damages.items():
            # nothing in these files tells that bytes were changed
            if name == "middle overwritten":
                continue
            found.append(Case(f"{name} of {study}'s {suffix}", f"convert {study} {{bad}} --out {{out}}", r"bad\." + suffix[1:], sized(suffix, change, source)))
    for study, suffix in (
        ("airshower", ".h5"),
        ("airshower", ".parquet"),
        ("calorimeter", ".h5"),
        ("surface_array", ".parquet"),
        ("cosmic_ray_sky", ".csv"),
        ("cosmic_ray_sky", ".dat"),
        ("airshower", ".fits"),
        ("calorimeter", ".vot"),
        ("cosmic_ray_sky", ".txt"),
    ):
        for name in ("empty", "garbage", "nulls"):
            content = {"empty": b"", "garbage": GARBAGE, "nulls": bytes(3000)}[name]
            found.append(Case(f"{name} as {study}'s {suffix}", f"convert {study} {{bad}} --out {{out}}", r"bad\." + suffix[1:], text(suffix, content)))
    for study, format in (
        ("airshower", "corsika7"),
        ("airshower", "corsika8"),
        ("airshower", "conex"),
        ("surface_array", "hisparc"),
        ("surface_array", "auger-json"),
        ("calorimeter", "calochallenge"),
    ):
        for name, make in (("garbage", text(".bin", GARBAGE)), ("empty", text(".bin", b"")), ("folder", folder(".bin")), ("absent", nowhere(".bin"))):
            found.append(Case(f"{name} as {format}", f"convert {study} {{bad}} --out {{out}} --format {format}", r"(bad|absent)\.bin", make))
    return found


def sizes() -> list[Case]:
    """Counts that a file declares and does not hold; what leads elsewhere; names that move a terminal's cursor."""
    toy, sky = "convert toy {bad} --out {out}", "convert surface_array {bad} --out {out}"
    lengths = r"(bad\.\w+).*(bytes|declare|hold|rows)"
    return [
        Case("1e15 rows of HDF5", toy, lengths, h5_file(huge({"lifetime_us": (), "decay_time_us": ()}))),
        Case("1e15 rows of HDF5 to simulate", READ["toy"][0], lengths, h5_file(huge({"lifetime_us": (), "kind": ()}))),
        Case("1e15 rows of HDF5 to sample", READ["toy"][1], lengths, h5_file(huge({"lifetime_us": (), "kind": ()}))),
        Case("1e15 rows of HDF5 to compare", READ["toy"][3], lengths, h5_file(huge({"lifetime_us": (), "decay_time_us": ()}))),
        Case("1e15 showers", "convert airshower {bad} --out {out}", lengths, h5_file(huge({"lg_energy_ev": (), "zenith_deg": ()}))),
        Case("1e15 calorimeter showers", "convert calorimeter {bad} --out {out}", lengths, h5_file(huge({"deposit_mev": (25,)}))),
        Case("1e15 CaloChallenge showers", "convert calorimeter {bad} --out {out}", lengths, h5_file(huge({"incident_energies": (1,), "showers": (368,)}))),
        Case("1e15 stations", sky, lengths, h5_file(huge({"event": (), "x_m": (), "y_m": (), "z_m": (), "start_ns": ()}, "i8"))),
        Case("1e15 values of a set", "infer {classes} {bad} --out {out}", lengths, h5_file(_huge_set)),
        Case("offsets that fall", "infer {classes} {bad} --out {out}", r"bad\.h5.*column '(time_us|charge_pe)'.*offsets", h5_file(_falling_set)),
        Case("offsets beyond the values", "infer {classes} {bad} --out {out}", r"bad\.h5.*column '(time_us|charge_pe)'.*offsets", h5_file(_long_set)),
        Case("offsets of text", "infer {classes} {bad} --out {out}", r"bad\.h5.*offsets", h5_file(_text_set)),
        Case("sets of two lengths", "infer {classes} {bad} --out {out}", r"bad\.h5.*lengths", h5_file(_uneven_set)),
        Case(
            "one row as wide as the memory",
            toy,
            r"light.*shape|bytes",
            h5_file(lambda file: file.create_dataset("light", (1, 10**13), "f4", chunks=(1, 10**6))),
        ),  # type: ignore[attr-defined]
        Case("link to another file", READ["toy"][0], r"'lifetime_us' is a link to another file", linked("link")),
        Case("data in another file", READ["toy"][1], r"data of 'lifetime_us' lie in another file", linked("external")),
        Case("virtual data", READ["toy"][2], r"data of 'lifetime_us' lie in another file", linked("virtual")),
        Case("link to nowhere", READ["toy"][0], r"bad\.h5.*lifetime_us", linked("soft")),
        Case("parquet footer too long", toy, r"bad\.parquet", sized(".parquet", parquet_counts)),
        Case("parquet footer garbage", toy, r"bad\.parquet", sized(".parquet", parquet_footer)),
        Case(
            "FITS with 1e15 rows",
            toy,
            r"bad\.fits",
            sized(".fits", lambda content: content.replace(b"NAXIS2  =                    6", b"NAXIS2  =     1000000000000000")),
        ),
        Case(
            "FITS with negative rows",
            toy,
            r"bad\.fits",
            sized(".fits", lambda content: content.replace(b"NAXIS2  =                    6", b"NAXIS2  =                   -6")),
        ),
        Case(
            "FITS with wide rows",
            toy,
            r"bad\.fits",
            sized(".fits", lambda content: content.replace(b"NAXIS1  =                   12", b"NAXIS1  =         100000000000")),
        ),
        Case("control characters in a column's name", toy, r"bad\.csv", text(".csv", "a\x1b[2Jb,c\n1,2\n")),
        Case("control characters in a class", toy, r"kind.*unknown", text(".csv", "lifetime_us,kind\n1.5,mu\x1b[31mon\n")),
        Case("control characters in HDF5", toy, r"none of the columns", h5_file(lambda file: file.create_dataset("a\x1b[2J\nb", (3,), "f4"))),  # type: ignore[attr-defined]
        Case("whole numbers beyond 64 bits", READ["toy"][0], r"lifetime_us|kind", text(".csv", f"lifetime_us,kind\n1.5,{2**70}\n")),
        Case("a number of a thousand digits", READ["toy"][0], r"lifetime_us.*infinite|lifetime_us", text(".csv", f"lifetime_us,kind\n{'9' * 1000},muon\n")),
        Case("a number of ten thousand digits", READ["toy"][0], r"lifetime_us", text(".csv", f"lifetime_us,kind\n{'9' * 10000},muon\n")),
        Case("wrong delimiter", READ["toy"][0], r"bad\.csv|column", text(".csv", "lifetime_us:kind\n1.5:muon\n")),
        Case("decimal commas", READ["toy"][0], r"bad\.csv.*line 2", text(".csv", "lifetime_us,kind\n1,5,muon\n")),
        Case("decimal commas between semicolons", READ["toy"][0], r"lifetime_us", text(".csv", "lifetime_us;kind\n1,5;muon\n2,5;pion\n")),
        Case("column twice", READ["toy"][0], r"'lifetime_us' twice", text(".csv", "lifetime_us,kind,lifetime_us\n1.5,muon,2.5\n")),
        Case("header alone", READ["toy"][0], r"at least 1|no events", text(".csv", "lifetime_us,kind\n")),
        Case("header alone to sample", READ["toy"][1], r"bad\.csv.*no events", text(".csv", "lifetime_us,kind\n")),
        Case("header alone to convert", READ["toy"][2], r"bad\.csv.*no events", text(".csv", "lifetime_us,kind\n")),
        Case("header alone to compare", READ["toy"][3], r"no events|too few", text(".csv", "lifetime_us,kind\n")),
        Case("no header", READ["toy"][0], r"line 1: .* holds numbers", text(".csv", "1.5,0\n2.5,1\n")),
        Case("short line", READ["toy"][0], r"line 3: 1 cells, the header has 2", text(".csv", "lifetime_us,kind\n1.5,muon\n2.5\n")),
        Case("UTF-16", READ["toy"][0], r"bad\.csv.*UTF-8", text(".csv", "lifetime_us,kind\n1.5,muon\n".encode("utf-16"))),
        Case("unclosed quote", READ["toy"][0], r"bad\.csv|lifetime_us|kind", text(".csv", 'lifetime_us,kind\n"1.5,muon\n2.5,pion\n')),
        Case("a cell of a megabyte", READ["toy"][0], r"bad\.csv|kind", text(".csv", f"lifetime_us,kind\n1.5,{'m' * 10**6}\n")),
        Case("unknown unit", READ["toy"][0], r"'furlong' is no unit", text(".csv", "lifetime_us [furlong],kind\n1.5,muon\n")),
        Case("suffix that says nothing", toy, r"cannot tell how to read 'bad.xyz'; suffixes: ", text(".xyz", "a")),
        Case("suffix npy", toy, r"cannot tell how to read", text(".npy", b"\x93NUMPY")),
        Case("unknown format", "convert toy {bad} --out {out} --format cvs", r"no format 'cvs'.*did you mean 'csv'", text(".csv", "a")),
        Case("unknown format to write", "convert toy {decays} --out {here}/o.x --out-format parket", r"no format 'parket'", None),
        Case("suffix that cannot be written", "convert toy {decays} --out {here}/o.xyz", r"cannot tell how to write 'o.xyz'", None),
        Case("format that cannot be written", "convert toy {decays} --out {here}/o.fits", r"cannot tell how to write|no format", None),
        Case("wrong format", "convert toy {bad} --out {out} --format hdf5", r"bad\.csv.*HDF5", text(".csv", "lifetime_us,kind\n1.5,muon\n")),
        Case("zip without events", "convert surface_array {bad} --out {out} --format auger-json", r"bad\.zip.*no event", zipped({"a.txt": b"x"})),
        Case("zip of garbage", "convert surface_array {bad} --out {out} --format auger-json", r"bad\.zip", zipped({"1.json": GARBAGE})),
        Case("JSON that nests too deep", "convert surface_array {bad} --out {out} --format auger-json", r"bad\.json", text(".json", "[" * 100_000)),
        Case("JSON without stations", "convert surface_array {bad} --out {out} --format auger-json", r"bad\.json.*stations", text(".json", "{}")),
        Case(
            "JSON of NaN",
            "convert surface_array {bad} --out {out} --format auger-json",
            r"bad\.json.*finite",
            text(".json", '{"stations":[{"x":NaN,"y":0,"t":0,"signal":5}]}'),
        ),
    ]


def _huge_set(file: object) -> None:
    for name in ("time_us", "charge_pe"):
        group = file.create_group(name)  # type: ignore[attr-defined]
        group["offsets"] = np.array([0, HUGE])
        group.create_dataset("values", (HUGE,), "f4", chunks=(1000,), fillvalue=1.0)


def _set(file: object, offsets: object, values: int = 4) -> None:
    for name in ("time_us", "charge_pe"):
        group = file.create_group(name)  # type: ignore[attr-defined]
        group["offsets"] = offsets
        group["values"] = np.ones(values, np.float32)


def _falling_set(file: object) -> None:
    _set(file, np.array([0, 3, 1, 4]))


def _long_set(file: object) -> None:
    _set(file, np.array([0, 2, 9]))


def _text_set(file: object) -> None:
    _set(file, np.array(["a", "b"]).astype("S"))


def _uneven_set(file: object) -> None:
    _set(file, np.array([0, 2, 4]))
    del file["charge_pe"]  # type: ignore[attr-defined]
    file["charge_pe/offsets"], file["charge_pe/values"] = np.array([0, 4]), np.ones(4, np.float32)  # type: ignore[index]


def cases() -> list[Case]:
    return general() + own() + sizes()
