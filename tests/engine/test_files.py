"""Files are written atomically; devices and FIFOs are written in place; the umask is never changed."""

from __future__ import annotations

import errno
import os
import stat
import subprocess
import sys
import threading

import pytest

from autograd_tiny import Value
from autograd_tiny.engine import files
from autograd_tiny.engine.files import save, save_all
from autograd_tiny.pictures.drawing import draw
from autograd_tiny.pictures.links import linked
from autograd_tiny.stepper.traces import trace
from autograd_tiny.stepper.views.sequence import filmstrip, frames, gif

posix = pytest.mark.skipif(os.name != "posix", reason="permissions, links and FIFOs are those of POSIX")
root = pytest.mark.skipif(not hasattr(os, "getuid") or os.getuid() != 0, reason="only root makes devices")
full = pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")


def steps():
    return trace(Value(3.0, "a") * 2)


def gif_of(path):
    pytest.importorskip("PIL", reason="Pillow makes GIFs")
    return gif(steps(), path)


WRITERS = {
    "a.svg": lambda path: draw(Value(3.0, "a") * 2).write(path),
    "a.dot": lambda path: draw(Value(3.0, "a") * 2).write(path),
    "a.mmd": lambda path: draw(Value(3.0, "a") * 2).write(path),
    "a.html": lambda path: steps().html(path),
    "a.gif": gif_of,
    "strip.svg": lambda path: filmstrip(steps(), path),
    "step-1.svg": lambda path: frames(steps(), path.parent, steps=[0])[0],
    "network.svg": lambda path: linked(network(), path.parent)[0],
}


def network():
    from autograd_tiny.nn.modules import MLP

    return MLP(2, [2, 1], seed=0)([1.0, -1.0])


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@posix
@pytest.mark.parametrize("name", WRITERS)
def test_every_writer_keeps_links_and_permissions_and_leaves_nothing_beside(tmp_path, name):
    path, target = tmp_path / name, tmp_path / "folder" / "target"
    target.parent.mkdir()
    target.write_text("before", encoding="utf-8")
    target.chmod(0o640)
    path.symlink_to(os.path.join("folder", "target"))
    inode = target.stat().st_ino
    WRITERS[name](path)
    assert path.is_symlink()
    assert len(target.read_bytes()) > 100
    assert mode(target) == 0o640
    assert target.stat().st_ino != inode  # replaced, not overwritten
    assert os.listdir(target.parent) == ["target"]


@posix
@pytest.mark.parametrize("name", ["a.html", "a.dot"])
def test_a_fifo_is_written_through(tmp_path, name):
    path, got = tmp_path / name, []
    os.mkfifo(path)
    reader = threading.Thread(target=lambda: got.append(path.read_bytes()), daemon=True)
    reader.start()
    WRITERS[name](path)
    reader.join(10)
    assert len(got[0]) > 100
    assert stat.S_ISFIFO(path.stat().st_mode)


@root
@posix
@pytest.mark.parametrize("name", WRITERS)
def test_a_device_is_written_through_and_stays(tmp_path, name):
    path = tmp_path / name
    os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 3))
    try:
        with open(path, "wb"):
            pass
    except PermissionError:
        pytest.skip("devices in this folder cannot be opened")
    WRITERS[name](path)
    assert stat.S_ISCHR(path.stat().st_mode)
    (tmp_path / "link").symlink_to(path)
    save(tmp_path / "link", b"x")
    assert (tmp_path / "link").is_symlink()
    assert stat.S_ISCHR(path.stat().st_mode)


@full
def test_a_full_device_is_told_with_its_name(tmp_path):
    (tmp_path / "a").symlink_to("/dev/full")
    with pytest.raises(OSError, match="cannot write there: No space left on device") as caught:
        save(tmp_path / "a", b"x")
    assert (caught.value.errno, caught.value.filename) == (errno.ENOSPC, str(tmp_path / "a"))


class Full:
    """A file on a full disk."""

    def __init__(self, *args, **kwargs):
        self.file = open(*args, **kwargs)  # noqa: SIM115 - it is closed on exit

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.file.close()

    def write(self, content):
        self.file.write(content[:3])
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.mark.parametrize("failure", [OSError, KeyboardInterrupt])
def test_where_writing_fails_all_is_as_before(tmp_path, monkeypatch, failure):
    (tmp_path / "a").write_text("before", encoding="utf-8")

    def contents():
        yield tmp_path / "a", b"after"
        yield tmp_path / "b", b"after"
        if failure is KeyboardInterrupt:
            raise failure
        monkeypatch.setattr(files, "open", Full, raising=False)
        yield tmp_path / "c", b"after"

    with pytest.raises(failure):
        save_all(contents())
    assert os.listdir(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text(encoding="utf-8") == "before"


def test_a_folder_in_the_place_of_one_of_several_stops_all(tmp_path):
    (tmp_path / "step-2.svg").mkdir()
    with pytest.raises(OSError, match="cannot write there: Is a directory"):
        frames(steps(), tmp_path)
    assert os.listdir(tmp_path) == ["step-2.svg"]


def test_a_name_may_be_as_long_as_names_can_be(tmp_path):
    name = "a" * 251 + ".dot"
    (tmp_path / name).write_text("before", encoding="utf-8")
    draw(Value(3.0, "a") * 2).write(tmp_path / name)
    assert (tmp_path / name).read_text(encoding="utf-8").startswith("digraph")


@posix
@pytest.mark.parametrize("mask", [0o000, 0o022, 0o077])
def test_a_new_file_has_the_permissions_of_any_new_file_and_the_umask_is_never_set(tmp_path, mask):
    code = f"""
import os, sys
os.umask({mask})
from pathlib import Path
from autograd_tiny.engine.files import save
def refuse(*args): raise SystemExit("the umask was set")
os.umask = refuse
save(Path({str(tmp_path / "a")!r}), b"x")
open({str(tmp_path / "b")!r}, "w").close()
"""
    subprocess.run([sys.executable, "-c", code], check=True)
    assert mode(tmp_path / "a") == mode(tmp_path / "b") == 0o666 & ~mask


@pytest.mark.skipif(not os.path.exists("/dev/stdout"), reason="there is no /dev/stdout")
def test_dev_stdout_is_standard_output_wherever_that_goes(tmp_path):
    command = [sys.executable, "-m", "autograd_tiny", "step", "a * a", "a=3", "--html", "/dev/stdout"]
    piped = subprocess.run(command, capture_output=True, check=True).stdout
    (tmp_path / "log").write_bytes(b"before\n")
    for how, before in (("ab", b"before\n"), ("wb", b"")):
        with open(tmp_path / "log", how) as log:
            subprocess.run(command, stdout=log, check=True)
        assert (tmp_path / "log").read_bytes() == before + piped
    assert piped.endswith(b"</html>\n/dev/stdout\n")
