"""Files appear whole or not at all, and a folder has one writer."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from cloudchamber import atomic
from cloudchamber.atomic import FolderInUseError, held, refuse_place, remove_leftovers, replacing, write_atomically

FILE = "a[1].h5"


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def dead() -> int:
    child = subprocess.Popen([sys.executable, "-c", ""])
    child.wait()
    return child.pid


def run(code: str, *arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code, *map(str, arguments)], capture_output=True, text=True, timeout=60)


def test_parts_are_joined_and_nothing_else_is_left(tmp_path: Path) -> None:
    write_atomically(tmp_path / FILE, b"old")
    write_atomically(tmp_path / FILE, b"one", b"two")
    assert (tmp_path / FILE).read_bytes() == b"onetwo"
    assert names(tmp_path) == {FILE}


def test_the_name_to_write_to_is_unique_hidden_and_keeps_the_suffix(tmp_path: Path) -> None:
    with replacing(tmp_path / FILE) as first, replacing(tmp_path / FILE) as second:
        assert first != second
        for path, content in ((first, b"1"), (second, b"2")):
            assert (path.parent, path.suffix, path.name[0]) == (tmp_path, ".h5", ".")
            path.write_bytes(content)
        assert not (tmp_path / FILE).exists()
    assert (tmp_path / FILE).read_bytes() == b"1"
    assert names(tmp_path) == {FILE}


@pytest.mark.parametrize("error", [ValueError("no"), KeyboardInterrupt()])
def test_after_an_error_the_old_file_stays(tmp_path: Path, error: BaseException) -> None:
    write_atomically(tmp_path / FILE, b"old")
    with pytest.raises(type(error)), replacing(tmp_path / FILE) as path:
        path.write_bytes(b"half")
        raise error
    assert (tmp_path / FILE).read_bytes() == b"old"
    assert names(tmp_path) == {FILE}


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EACCES, None])
def test_a_full_disk_names_the_file(tmp_path: Path, number: int | None, monkeypatch: pytest.MonkeyPatch) -> None:
    write_atomically(tmp_path / FILE, b"old")

    def fail(handle: int) -> None:
        raise OSError(number, os.strerror(number)) if number else OSError("HDF5 says no")

    monkeypatch.setattr(os, "fsync", fail)
    with pytest.raises(OSError, match="could not write it") as error:
        write_atomically(tmp_path / FILE, b"new")
    assert error.value.filename == str(tmp_path / FILE)
    assert error.value.errno == (number or errno.EIO)
    assert (os.strerror(number) if number else "HDF5 says no") in str(error.value)
    assert (tmp_path / FILE).read_bytes() == b"old"
    assert names(tmp_path) == {FILE}


def test_kill_9_leaves_the_old_file_and_the_next_writer_cleans_up(tmp_path: Path) -> None:
    code = """
import os, sys
from pathlib import Path
from cloudchamber.atomic import replacing
with replacing(Path(sys.argv[1])) as path:
    path.write_bytes(b"half")
    os.kill(os.getpid(), 9)
"""
    write_atomically(tmp_path / FILE, b"old")
    for name in (FILE, "other.h5"):
        assert run(code, tmp_path / name).returncode == -9
    assert (tmp_path / FILE).read_bytes() == b"old"
    assert len(names(tmp_path)) == 3
    write_atomically(tmp_path / FILE, b"new")
    assert len(names(tmp_path)) == 2
    remove_leftovers(tmp_path)
    assert names(tmp_path) == {FILE}


def test_what_is_not_a_dead_process_s_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(atomic.socket, "gethostname", lambda: "node-1.cluster")
    gone, alive = dead(), os.getppid()
    kept = {
        f".{FILE}.node-1_cluster-{alive}-0123abcd.tmp.h5",
        f".{FILE}.node-1_cluster-{os.getpid()}-0123abcd.tmp.h5",
        f".{FILE}.node-2_cluster-{gone}-0123abcd.tmp.h5",
        f"{FILE}.node-1_cluster-{gone}-0123abcd.tmp.h5",
        f".{FILE}.node-1_cluster-{gone}-0123.tmp.h5",
        ".notes.tmp",
    }
    lost = {f".{FILE}.node-1_cluster-{gone}-0123abcd.tmp.h5", f".b.node-1_cluster-{gone}-0123abcd.tmp"}
    for name in kept | lost:
        (tmp_path / name).write_bytes(b"")
    remove_leftovers(tmp_path)
    assert names(tmp_path) == kept


def test_a_leftover_that_may_not_be_removed_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with replacing(tmp_path / FILE) as path:
        path.write_bytes(b"")
        left = path.with_name(path.name.replace(f"-{os.getpid()}-", f"-{dead()}-"))
    left.write_bytes(b"")
    unlink = Path.unlink

    def refuse(self: Path, missing_ok: bool = False) -> None:
        if self == left:
            raise PermissionError(errno.EPERM, "not yours")
        unlink(self, missing_ok)

    monkeypatch.setattr(Path, "unlink", refuse)
    write_atomically(tmp_path / FILE, b"new")
    assert (tmp_path / FILE).read_bytes() == b"new"


def test_the_holder_of_a_lock_is_named(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    with held(folder, "train"):
        with pytest.raises(FolderInUseError, match=rf"'{folder}' is being written by 'train', process {os.getpid()} on .*, since .*: wait until it is done"):
            held(folder, "simulate").__enter__()
        code = "import sys; from pathlib import Path; from cloudchamber.atomic import held\nwith held(Path(sys.argv[1]), 'b'): pass"
        other = run(code, folder)
        assert other.returncode == 1 and f"by 'train', process {os.getpid()}" in other.stderr
        (folder / ".holder.json").write_text("{")
        with pytest.raises(FolderInUseError, match="is being written by another process: wait"):
            held(folder, "simulate").__enter__()
    assert names(folder) == {".lock"}
    with held(folder, "simulate"):
        assert json.loads((folder / ".holder.json").read_bytes())["what"] == "simulate"


def test_a_lock_ends_with_an_error_and_in_another_thread_or_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ZeroDivisionError), held(tmp_path, "train"):
        _ = 1 / 0
    monkeypatch.chdir(tmp_path)
    lock = held(Path("."), "train")
    lock.__enter__()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    thread = threading.Thread(target=lock.__exit__, args=(None, None, None))
    thread.start()
    thread.join()
    assert names(tmp_path) == {".lock", "elsewhere"}
    with held(tmp_path, "train"):
        pass


def test_a_lock_ends_with_its_process_however_that_ends(tmp_path: Path) -> None:
    code = """
import os, sys
from pathlib import Path
from cloudchamber.atomic import held
with held(Path(sys.argv[1]), "train"):
    os.kill(os.getpid(), 9)
"""
    assert run(code, tmp_path).returncode == -9
    assert (tmp_path / ".holder.json").exists()
    with held(tmp_path, "simulate"):
        assert json.loads((tmp_path / ".holder.json").read_bytes())["pid"] == os.getpid()


def test_a_forked_child_does_not_end_its_parent_s_lock(tmp_path: Path) -> None:
    code = """
import gc, os, sys
from pathlib import Path
from cloudchamber.atomic import FolderInUseError, held
folder = Path(sys.argv[1])
lock = held(folder, "train")
lock.__enter__()
if (child := os.fork()) == 0:
    lock.__exit__(None, None, None)
    del lock
    gc.collect()
    os._exit(0)
assert os.waitpid(child, 0)[1] == 0
assert (folder / ".holder.json").exists()
try:
    held(folder, "simulate").__enter__()
except FolderInUseError:
    print("still held")
"""
    found = run(code, tmp_path)
    assert (found.stdout, found.stderr) == ("still held\n", "")


def test_a_holder_that_cannot_be_removed_neither_keeps_the_lock_nor_hides_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, missing_ok: bool = False) -> None:
        raise PermissionError(errno.EACCES, "read-only by now")

    with monkeypatch.context() as patch, pytest.raises(ZeroDivisionError), held(tmp_path, "train"):
        patch.setattr(Path, "unlink", refuse)
        _ = 1 / 0
    with held(tmp_path, "simulate"):
        pass


def test_a_folder_that_takes_no_lock_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(OSError, match="could not write into it") as error, held(tmp_path / "file" / "folder", "train"):
        pass
    assert error.value.filename == str(tmp_path / "file" / "folder")


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="only Linux tells the state of a process there")
def test_what_a_dead_child_left_goes_though_nobody_asked_for_it_yet(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        (tmp_path / f".a.h5.{atomic._host()}-{os.getpid()}-0123abcd.tmp.h5").touch()
        os._exit(0)
    while not list(tmp_path.iterdir()) or Path(f"/proc/{child}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        time.sleep(0.01)
    atomic.remove_leftovers(tmp_path)
    os.waitpid(child, 0)
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_is_refused_and_others_stay_untouched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("x")
    for path, file, told in (
        (tmp_path / "file", False, r"is a file.*file'"),
        (tmp_path / "file/deep/inside", True, r"is a file.*file'"),
        (tmp_path, True, r"is a folder: name a file"),
    ):
        with pytest.raises(OSError, match=told):
            refuse_place(path, file)
    for path, file in ((tmp_path / "a/b/c", False), (tmp_path, False), (tmp_path / "file", True), (tmp_path / "a/b.h5", True)):
        refuse_place(path, file)
    assert names(tmp_path) == {"file"}
    (tmp_path / "link").symlink_to(tmp_path / "gone.h5")
    with pytest.raises(OSError, match=r"is a link to '.*gone.h5', which is not there: remove it.*link"):
        refuse_place(tmp_path / "link", file=True)

    def full(dir: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(atomic.tempfile, "TemporaryFile", full)
    with pytest.raises(OSError, match=r"could not be made or written to \(No space left on device\).*a/b"):
        refuse_place(tmp_path / "a/b")
