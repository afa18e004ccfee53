"""Files that are whole or not there, and locks that keep two writers of one folder apart."""

from __future__ import annotations

import contextlib
import errno
import glob
import json
import os
import re
import secrets
import socket
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

LOCK = ".lock"
HOLDER = ".holder.json"
"""Who holds the lock: beside it, since taking a lock empties its file."""
_TEMPORARY = re.compile(r"\.(?P<name>.+)\.(?P<host>[^.]*)-(?P<pid>\d+)-[0-9a-f]{8}\.tmp(\.[^.]*)?")


class FolderInUseError(RuntimeError):
    """Another process writes into the folder."""


def write_atomically(path: Path, *parts: bytes, sweep: bool = True) -> None:
    """Write ``parts`` to a temporary file beside ``path``, sync it, then rename it; OSError names ``path``, and the temporary file is gone.

    Without ``sweep`` as in ``replacing``.
    """
    with replacing(path, sweep) as temporary, temporary.open("xb") as file:
        for part in parts:
            file.write(part)


@contextlib.contextmanager
def replacing(path: Path, sweep: bool = True) -> Iterator[Path]:
    """A name beside ``path`` to write to, with its suffix; at the end that file is synced and takes the place of ``path``, after an error it is gone.

    What a process that died had left there goes too, unless ``sweep`` is False: that reads the whole folder. The files of living ones stay.
    """
    if sweep:
        remove_leftovers(path.parent, path.name)
    temporary = temporary_beside(path)
    try:
        yield temporary
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        _discard(temporary)
        message = f"could not write it ({error.strerror or error}); nothing before is lost: make room or mend the folder, then run the same command again"
        raise OSError(error.errno or errno.EIO, message, str(path)) from error
    except BaseException:
        _discard(temporary)
        raise
    _sync_folder(path.parent)


def temporary_beside(path: Path) -> Path:
    """A new name beside ``path``, with its suffix, that ``remove_leftovers`` knows when this process has died."""
    return path.with_name(f".{path.name}.{_host()}-{os.getpid()}-{secrets.token_hex(4)}.tmp{path.suffix}")


def remove_leftovers(folder: Path, name: str | None = None) -> None:
    """Remove the temporary files (of the file ``name``, or all) that processes of this machine left in ``folder`` when they died."""
    for path in folder.glob(f".{'*' if name is None else glob.escape(name)}.*.tmp*"):
        found = _TEMPORARY.fullmatch(path.name)
        if found and found["host"] == _host() and int(found["pid"]) != os.getpid() and not _alive(int(found["pid"])):
            # another user's may stay
            _discard(path)


def refuse_place(path: Path, file: bool = False) -> None:
    """OSError where the folder ``path`` (or the ``file`` of that name) cannot be made or written, before anything is made: it names what stands in the way."""
    place = path.absolute()
    try:
        if file and place.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a folder: name a file", str(path))
        if place.is_symlink() and not place.exists():
            # a file that is renamed to this name would take the link's place
            raise FileNotFoundError(errno.ENOENT, f"is a link to '{os.readlink(place)}', which is not there: remove it, or mend what it leads to", str(path))
        place = place.parent if file else place
        while not place.exists():
            place = place.parent
        if not place.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "is a file, and a folder is needed there: give another place", str(place))
        # permissions alone do not tell: the file system may be full, or be none to write to
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as error:
        if error.filename in (str(path), str(place)):
            raise
        message = f"could not be made or written to ({error.strerror or error}): mend the folder, or give another one"
        raise OSError(error.errno or errno.EIO, message, str(path)) from error


@contextlib.contextmanager
def held(folder: Path, what: str, file: str = "") -> Iterator[None]:
    """Hold the lock of ``folder`` (made where it is missing), or of the ``file`` of that name in it, while ``what`` (such as "train") writes there.

    FolderInUseError says who holds it; the system ends a lock with its process, however that ends.
    """
    from filelock import FileLock, Timeout

    before = f".{file}" if file else ""
    holder, pid = folder.absolute() / f"{before}{HOLDER}", os.getpid()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # not for each thread: garbage is collected in any of them
        lock = FileLock(holder.with_name(f"{before}{LOCK}"), timeout=0, thread_local=False)
        lock.acquire()
    except Timeout:
        place, kind = (folder / file, "name") if file else (folder, "folder")
        raise FolderInUseError(f"'{place}' is being written by {_holder(holder)}: wait until it is done, or give another {kind}") from None
    except OSError as error:
        message = f"could not write into it ({error.strerror or error}): mend the folder, or give another one"
        raise OSError(error.errno or errno.EIO, message, str(folder)) from error
    try:
        remove_leftovers(folder, file or None)
        write_atomically(holder, json.dumps({"what": what, "pid": os.getpid(), "host": _host(), "since": time.strftime("%Y-%m-%d %H:%M:%S")}).encode())
        yield
    finally:
        # a forked child's copy ends without ending the lock
        if os.getpid() == pid:
            _discard(holder)
            if file:
                # a folder's may stay: one beside a user's files is in the way
                _discard(Path(lock.lock_file))
            lock.release()


def _holder(holder: Path) -> str:
    try:
        found = json.loads(holder.read_bytes())
        return f"'{found['what']}', process {found['pid']} on {found['host']}, since {found['since']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"


def _host() -> str:
    return re.sub(r"[^0-9A-Za-z_-]", "_", socket.gethostname())


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    try:
        # a dead one whose parent has not asked yet writes nothing any more
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (OSError, IndexError):
        return True


def _discard(temporary: Path) -> None:
    with contextlib.suppress(OSError):
        temporary.unlink()


def _sync_folder(folder: Path) -> None:
    # some network file systems cannot sync a folder; there the checksums still guard what it holds
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
