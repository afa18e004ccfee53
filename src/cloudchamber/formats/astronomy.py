"""Tables of astronomers, FITS and VOTable, as astropy reads them: with their units and masks."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import numpy as np

from cloudchamber.formats.hdf5 import CHUNK_EVENTS
from cloudchamber.schema import Column, Table


@contextmanager
def refusing_damage() -> Iterator[None]:
    """AstropyWarning is raised where astropy only warns that a FITS file is cut off or damaged; what it says of single cards is of no matter."""
    from astropy.utils.exceptions import AstropyUserWarning

    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "non-ASCII characters", AstropyUserWarning)
        warnings.filterwarnings("error", r"(?s).*(truncated|not multiple of|corrupted)", AstropyUserWarning)
        yield


def read_astropy(path: Path, wanted: Mapping[str, Column], format: Literal["fits", "votable"]) -> Iterator[Table]:
    """Chunks of the ``wanted`` columns of the first table, units and masks with them; all columns' names where there is none of these."""
    from astropy.io.fits.verify import VerifyError
    from astropy.table import Table as AstropyTable
    from astropy.utils.exceptions import AstropyWarning

    options = {"hdu": 1} if format == "fits" else {}
    try:
        with refusing_damage():
            table = AstropyTable.read(path, format=format, **options)
    except (OSError, ValueError, TypeError, IndexError, KeyError, OverflowError, MemoryError, VerifyError, AstropyWarning) as error:
        raise ValueError(f"'{path}' is not a readable {format.upper()} file with a table (damaged or cut short?): {error}") from error
    names = [name for name in table.colnames if name in wanted]
    if not names:
        yield {name: np.empty(0) for name in table.colnames}
        return
    for first in range(0, max(len(table), 1), CHUNK_EVENTS):
        yield {name: table[name][first : first + CHUNK_EVENTS] for name in names}
