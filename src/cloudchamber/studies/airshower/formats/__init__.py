"""The file formats of air-shower simulations, for ``convert`` and ``validate --file``."""

from __future__ import annotations

from cloudchamber.studies.airshower.formats.conex import read_conex, write_conex
from cloudchamber.studies.airshower.formats.corsika7 import read_corsika7
from cloudchamber.studies.airshower.formats.corsika8 import read_corsika8
from cloudchamber.studies.airshower.formats.tables import read_hdf5, read_parquet, write_hdf5, write_parquet
from cloudchamber.study import Format

FORMATS = (
    Format("conex", (".root",), read_conex, write_conex, "CONEX ROOT file, one primary a file"),
    Format("corsika7", (".long",), read_corsika7, None, "CORSIKA 7 longitudinal file, with the DAT file beside it"),
    Format("corsika8", (), read_corsika8, None, "output folder of a CORSIKA 8 run"),
    Format("hdf5", (".h5", ".hdf5"), read_hdf5, write_hdf5, "flat HDF5, one dataset for each column"),
    Format("parquet", (".parquet",), read_parquet, write_parquet, "parquet, profiles as lists"),
)

__all__ = ["FORMATS", "read_conex", "read_corsika7", "read_corsika8", "read_hdf5", "read_parquet", "write_conex", "write_hdf5", "write_parquet"]
