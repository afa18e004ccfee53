"""The file formats of surface arrays, for ``convert``, ``validate --file`` and ``infer``."""

from __future__ import annotations

from cloudchamber.studies.surface_array.formats.auger import read_auger
from cloudchamber.studies.surface_array.formats.events import FROM_FILE, schema_of
from cloudchamber.studies.surface_array.formats.hisparc import read_hisparc
from cloudchamber.studies.surface_array.formats.read_flags import ReadFlag
from cloudchamber.studies.surface_array.formats.tables import read_hdf5, read_parquet, write_hdf5, write_parquet
from cloudchamber.study import Format

FORMATS = (
    Format("hdf5", (".h5", ".hdf5"), read_hdf5, write_hdf5, "any array: one row a station, with the columns of formats/stations.py; reads HiSPARC's too"),
    Format("parquet", (".parquet",), read_parquet, write_parquet, "as hdf5, records as lists"),
    Format("auger-json", (".json", ".zip"), read_auger, None, "Pierre Auger Open Data: an event's JSON file, a folder or a zip file of them"),
    Format("hisparc", (), read_hisparc, None, "HiSPARC's HDF5 as SAPPHiRE writes it: coincidences with traces"),
)

__all__ = ["FORMATS", "FROM_FILE", "ReadFlag", "read_auger", "read_hdf5", "read_hisparc", "read_parquet", "schema_of", "write_hdf5", "write_parquet"]
