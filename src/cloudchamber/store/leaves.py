"""Checksums of a shard leaf by leaf: reading a few events of a large shard compares only the 256 kB pieces that hold them."""

from __future__ import annotations

import zlib
from io import FileIO
from typing import Final

import numpy as np

LEAF_BYTES: Final = 256 * 1024
DIGEST_BYTES: Final = 4


def digests(image: bytes) -> bytes:
    """The digests of all leaves, one after another."""
    view = memoryview(image)
    return b"".join(digest(view[start : start + LEAF_BYTES]) for start in range(0, len(view), LEAF_BYTES))


def digest(leaf: bytes | memoryview) -> bytes:
    """The digest of one leaf: CRC-32, which costs a fifth of a cryptographic hash's time, a small part of reading's."""
    return zlib.crc32(leaf).to_bytes(DIGEST_BYTES, "little")


def count(image_bytes: int) -> int:
    """The number of leaves of an image."""
    return -(-image_bytes // LEAF_BYTES)


class Leaves:
    """The leaves of one file's image, ``image_bytes`` from byte ``start`` on, and which of them were compared with their ``expected`` digests."""

    def __init__(self, expected: bytes, start: int, image_bytes: int) -> None:
        self.expected, self.start, self.image_bytes = expected, start, image_bytes
        self.compared = np.zeros(len(expected) // DIGEST_BYTES, bool)

    def agree(self, file: FileIO, first: int, stop: int) -> bool:
        """Compare the leaves with bytes ``first`` to ``stop`` of the image, unless they were compared before; false where one differs."""
        buffer = memoryview(bytearray(LEAF_BYTES))
        low = first // LEAF_BYTES
        for leaf in low + np.flatnonzero(~self.compared[low : count(stop)]):
            file.seek(self.start + int(leaf) * LEAF_BYTES)
            # the last leaf ends with the image, not with the file: the digests follow it
            size = file.readinto(buffer[: min(LEAF_BYTES, self.image_bytes - int(leaf) * LEAF_BYTES)])
            if digest(buffer[:size]) != self.expected[leaf * DIGEST_BYTES : (leaf + 1) * DIGEST_BYTES]:
                return False
            self.compared[leaf] = True
        return True
