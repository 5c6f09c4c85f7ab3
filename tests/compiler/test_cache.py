"""Cache of compiled code: it is used, broken files are replaced, and a read-only or missing folder is not an error.

Files of other programs are left alone; code that is not the user's own is not run.
"""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from autograd_tiny import Op
from autograd_tiny.compiler import Program, Step
from autograd_tiny.compiler.backends import cache as disk
from autograd_tiny.compiler.backends.cache import key_of, row_name, store, stored
from autograd_tiny.compiler.lower import prepared
from autograd_tiny.engine import ops

pytest.importorskip("llvmlite", reason="only the LLVM backend keeps code")

from autograd_tiny.compiler.backends import to_llvm

PROGRAM = Program(("w", "x"), (Step(ops.exp, (0,)), Step(ops.mul, (2, 1))), (3,))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("AUTOGRAD_TINY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / disk.FOLDER


def entries(folder):
    """Files of code, without the key."""
    return sorted(file for file in folder.iterdir() if file.name != "key")


def entry(folder, name):
    return folder / (name + disk.SUFFIX)


@pytest.fixture
def compilations(monkeypatch):
    """Modules compiled since the start of the test."""
    texts, compiled = [], to_llvm.compiled
    monkeypatch.setattr(
        to_llvm, "compiled", lambda text, *turn, **how: texts.append(text) or compiled(text, *turn, **how)
    )
    return texts


def test_the_second_time_nothing_is_compiled_nor_lowered(folder, compilations, monkeypatch):
    assert to_llvm.build(PROGRAM)([0.0, 3.0]) == [3.0]
    assert len(compilations) == len(entries(folder)) == 1
    monkeypatch.setattr(to_llvm, "prepared", None)
    assert to_llvm.build(PROGRAM)([0.0, 4.0]) == [4.0]
    assert len(compilations) == 1


def test_another_process_finds_it(folder):
    code = """
import sys
from autograd_tiny.engine import ops
from autograd_tiny.compiler.backends import to_llvm
from autograd_tiny.compiler import Program, Step
if len(sys.argv) > 1:
    to_llvm.compiled = None
print(to_llvm.build(Program(("w", "x"), (Step(ops.exp, (0,)), Step(ops.mul, (2, 1))), (3,)))([0.0, 5.0]))
"""
    for argument in ([], ["found"]):
        run = subprocess.run([sys.executable, "-c", code, *argument], capture_output=True, text=True, check=True)
        assert run.stdout == "[5.0]\n"


OTHERS = [
    Program(("w", "x"), (Step(ops.exp, (1,)), Step(ops.mul, (2, 1))), (3,)),
    Program(("w", "x"), (Step(ops.sin, (0,)), Step(ops.mul, (2, 1))), (3,)),
    Program(("w", "x"), PROGRAM.steps, (2,)),
    Program(("w", "x"), PROGRAM.steps, (3, 0.0)),
    Program(("w", "x"), PROGRAM.steps, (3, -0.0)),
    Program(("w", "x"), PROGRAM.steps, (3, 1)),
    Program(("w", "x"), PROGRAM.steps, (3, 1.0)),
    Program(("w", "x"), PROGRAM.steps, (3,), (1,)),
    Program(("w", "x"), PROGRAM.steps, (3,), (1,), "sum"),
    Program(("w", "x"), PROGRAM.steps, (3,), (1, 1)),
    Program(("w", "x"), PROGRAM.steps, (3,), (2,)),
    Program(("w", "x", "y"), PROGRAM.steps, (3,)),
]


def test_what_computes_something_else_has_another_name():
    names = [key_of(program, row_name) for program in (PROGRAM, *OTHERS)]
    names += [key_of(PROGRAM, row_name, "contract"), key_of(PROGRAM, row_name, "another processor")]
    assert len(set(names)) == len(names)
    assert key_of(Program(("a", "b"), PROGRAM.steps, (3,)), row_name) == names[0]  # names of inputs do not matter


def test_options_are_told_apart(folder, compilations):
    for contract in (False, True, False, True):
        to_llvm.build(PROGRAM, contract=contract)
    assert len(compilations) == 2


def test_rows_that_a_function_makes_have_names():
    assert row_name(ops.falling_power(2)) not in (row_name(ops.falling_power(1)), "")
    assert row_name(Op("exp", abs, (lambda y, x: 1.0,))) is None


def test_an_op_of_ones_own_is_known_by_what_it_computes(folder, compilations):
    """Its name may mean something else tomorrow."""
    found = []
    for f in (lambda x: x * x + x, lambda x: x * x - x, lambda x: x * x + x):
        own = Op("own", f, (lambda y, x: 1.0,))
        program = Program(("x",), (Step(own, (0,)),), (1,))
        assert key_of(program, row_name) == ""
        assert {step.op.name for step in prepared(program).steps} == {"mul", "add"} or len(found) == 1
        found.append(to_llvm.build(program)([3.0]))
    assert found == [[12.0], [6.0], [12.0]]
    assert len(compilations) == 2


@pytest.mark.filterwarnings("ignore::autograd_tiny.compiler.backends.to_llvm.CallbackWarning")
def test_what_only_python_computes_is_put_in_again(folder, compilations):
    for n in (2, 3):
        odd = Op("modulo", lambda x, n=n: float(int(x) % n), (lambda y, x: 0.0,))
        assert to_llvm.build(Program(("x",), (Step(odd, (0,)),), (1,)))([5.0]) == [5.0 % n]
    assert len(compilations) == 1  # the code is the same


@pytest.mark.parametrize(
    "damage",
    [
        lambda code: b"",
        lambda code: code[: len(code) // 2],
        lambda code: code[:10],
        lambda code: code[:-1] + bytes([code[-1] ^ 1]),
        lambda code: bytes([code[0] ^ 1]) + code[1:],
        lambda code: code[:20] + bytes([code[20] ^ 1]) + code[21:],
        lambda code: b"\x7fELF, or so it says" * 100,
    ],
    ids=["empty", "half", "no checksum", "last bit", "first bit", "checksum", "foreign"],
)
def test_a_broken_file_is_made_anew(damage, folder, compilations):
    to_llvm.build(PROGRAM)
    (file,) = entries(folder)
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert to_llvm.build(PROGRAM)([0.0, 2.0]) == [2.0]
    assert len(compilations) == 2
    assert file.read_bytes() == whole
    assert entries(folder) == [file]


def test_a_folder_that_cannot_be_written_is_done_without(tmp_path, monkeypatch, compilations):
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("AUTOGRAD_TINY_CACHE", str(tmp_path / "file" / "cache"))
    for _ in range(2):
        assert to_llvm.build(PROGRAM)([0.0, 2.0]) == [2.0]
    assert len(compilations) == 2


def test_a_file_that_cannot_be_written_whole_is_not_there(folder, monkeypatch):
    def full(*paths):
        raise OSError("no space left on device")

    monkeypatch.setattr(os, "replace", full)
    store("name", b"code")
    assert list(folder.iterdir()) == []
    assert stored("name") is None


def test_the_longest_unused_files_go(folder, monkeypatch):
    monkeypatch.setattr(disk, "BOUND", 64 * disk.BLOCK)
    monkeypatch.setattr(disk, "_written", 0)
    names = [f"{i:064x}" for i in range(100)]
    for i, name in enumerate(names):
        if i == 30:
            assert stored(names[0]) == bytes(disk.BLOCK)  # now the most recently used
        store(name, bytes(disk.BLOCK))
        os.utime(entry(folder, name), (i, i))
    left = entries(folder)
    assert sum(file.stat().st_size for file in left) <= disk.BOUND * 5 // 4
    assert left[0] == entry(folder, names[0])
    assert left[1:] == [entry(folder, name) for name in names[101 - len(left) :]]


def test_no_file_but_its_own_is_removed(folder, monkeypatch):
    folder.mkdir(parents=True, mode=0o700)
    others = [
        folder.parent / "thesis.tex",
        folder.parent / ("a" * 64),
        entry(folder.parent, "a" * 64),
        folder / "thesis.tex",
        folder / ("a" * 64),
        entry(folder, "a" * 64),  # matches our pattern, but is not our file
    ]
    for file in others:
        file.write_text("two years of work")
        os.utime(file, (1, 1))
    kept = folder / "copy.code"
    kept.write_bytes(disk.HEADER)
    os.utime(kept, (1, 1))
    with open(folder.parent / "film", "wb") as film:
        film.truncate(2 * disk.BOUND)
    monkeypatch.setattr(disk, "BOUND", 8 * disk.BLOCK)
    for i in range(50):
        store(f"{i:064x}", bytes(disk.BLOCK))
    assert {file.read_text() for file in others} == {"two years of work"}
    assert kept.exists()
    assert (folder.parent / "film").exists()
    assert len(entries(folder)) < 13


def test_no_link_is_followed(folder, tmp_path, monkeypatch):
    store("a" * 64, b"code")
    whole = entry(folder, "a" * 64).read_bytes()
    (tmp_path / "elsewhere").write_bytes(whole)
    entry(folder, "a" * 64).unlink()
    try:
        entry(folder, "a" * 64).symlink_to(tmp_path / "elsewhere")
    except OSError:
        pytest.skip("this user may make no links")
    monkeypatch.setattr(disk, "BOUND", 0)
    monkeypatch.setattr(disk, "_written", 1)
    store("b" * 64, b"code")
    assert entry(folder, "a" * 64).is_symlink()
    store("a" * 64, b"more")
    assert (tmp_path / "elsewhere").read_bytes() == whole
    assert stored("a" * 64) == b"more"


posix = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="Windows does not have these modes and files")


def written_pipe(path, whole):
    os.mkfifo(path)
    end = os.open(path, os.O_RDWR | os.O_NONBLOCK)
    os.write(end, whole)
    return end


KINDS = {
    "a pipe with code in it": written_pipe,
    "a pipe": lambda path, whole: os.mkfifo(path),
    "a folder": lambda path, whole: path.mkdir(),
    "a link to a pipe": lambda path, whole: (os.mkfifo(path.with_name("pipe")), path.symlink_to("pipe")),
    "a link to code": lambda path, whole: (path.with_name("code").write_bytes(whole), path.symlink_to("code")),
    "a link to nothing": lambda path, whole: path.symlink_to("nothing"),
}


@posix
@pytest.mark.parametrize("what", KINDS)
@pytest.mark.parametrize("file", ["key", "a" * 64 + disk.SUFFIX])
def test_what_is_no_file_is_not_opened(what, file, folder):
    store("a" * 64, b"code")
    whole = (folder / file).read_bytes()
    (folder / file).unlink()
    end = KINDS[what](folder / file, whole)
    code = """
from autograd_tiny.compiler.backends.cache import store, stored
print(stored("a" * 64))
store("a" * 64, b"new")
print(stored("a" * 64))
"""
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    if what == "a pipe with code in it":
        os.close(end)
    assert run.stdout == f"None\n{None if what == 'a folder' else b'new'}\n"
    assert not run.stderr
    assert not list(folder.glob(f"{disk.NEW}*"))


@posix
def test_another_users_code_is_not_run(folder, monkeypatch):
    store("a" * 64, b"code")
    assert stored("a" * 64) == b"code"
    monkeypatch.setattr(os, "geteuid", lambda: folder.stat().st_uid + 1)
    with pytest.warns(disk.CacheWarning, match=r"not used for compiled code, because it belongs to another user"):
        assert stored("a" * 64) is None
    before = entries(folder)
    store("b" * 64, b"code")  # no second warning
    assert entries(folder) == before
    monkeypatch.undo()


@posix
@pytest.mark.parametrize("mode", [0o720, 0o702, 0o777])
def test_a_folder_that_others_can_write_is_not_used(mode, folder):
    store("a" * 64, b"code")
    folder.chmod(mode)
    with pytest.warns(
        disk.CacheWarning, match="because other users may write it: remove it, or set AUTOGRAD_TINY_CACHE"
    ):
        assert stored("a" * 64) is None
    store("a" * 64, b"other")
    folder.chmod(0o755)
    assert stored("a" * 64) == b"code"


@posix
def test_a_link_in_place_of_the_folder_is_not_used(folder, tmp_path):
    folder.parent.mkdir()
    (tmp_path / "elsewhere").mkdir()
    folder.symlink_to(tmp_path / "elsewhere")
    with pytest.warns(disk.CacheWarning, match="because it is not a folder"):
        store("a" * 64, b"code")
    assert list((tmp_path / "elsewhere").iterdir()) == []


@posix
def test_files_that_others_can_write_are_made_anew(folder):
    store("a" * 64, b"code")
    entry(folder, "a" * 64).chmod(0o660)
    assert stored("a" * 64) is None
    store("a" * 64, b"code")
    assert stored("a" * 64) == b"code"
    assert entry(folder, "a" * 64).stat().st_mode & 0o777 == (folder / "key").stat().st_mode & 0o777 == 0o600
    assert folder.stat().st_mode & 0o777 == 0o700


@posix
@pytest.mark.parametrize("damage", [lambda key: key.chmod(0o640), lambda key: key.write_bytes(b""), os.unlink])
def test_a_key_that_others_can_read_or_that_is_not_whole_is_made_anew(damage, folder):
    store("a" * 64, b"code")
    old = (folder / "key").read_bytes()
    damage(folder / "key")
    assert stored("a" * 64) is None
    store("b" * 64, b"code")
    assert stored("a" * 64) is None
    assert stored("b" * 64) == b"code"
    assert len(old) == 32
    assert (folder / "key").read_bytes() != old


def test_code_signed_elsewhere_or_of_another_name_is_not_run(folder, tmp_path, monkeypatch):
    store("a" * 64, b"code")
    entry(folder, "b" * 64).write_bytes(entry(folder, "a" * 64).read_bytes())
    assert stored("b" * 64) is None
    monkeypatch.setenv("AUTOGRAD_TINY_CACHE", str(tmp_path / "other"))
    store("a" * 64, b"evil")
    entry(folder, "a" * 64).write_bytes(entry(tmp_path / "other" / disk.FOLDER, "a" * 64).read_bytes())
    monkeypatch.setenv("AUTOGRAD_TINY_CACHE", str(folder.parent))
    assert stored("a" * 64) is None


def test_a_folder_that_can_only_be_read_is_used(folder, compilations, monkeypatch):
    def refused(*given, **options):
        raise OSError("read-only file system")

    to_llvm.build(PROGRAM)
    for name in ("utime", "replace", "mkdir", "unlink"):
        monkeypatch.setattr(os, name, refused)
    monkeypatch.setattr(disk.tempfile, "mkstemp", refused)
    assert to_llvm.build(PROGRAM)([0.0, 2.0]) == [2.0]
    assert len(compilations) == 1


def test_what_decides_on_the_code_counts_wherever_it_lies(tmp_path, monkeypatch):
    files = [tmp_path / path for path in ("engine/ops.py", "compiler/jitted.py", "compiler/llvm/a.py")]
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"old {file.name}")
    monkeypatch.setattr(disk, "ROOTS", [str(tmp_path / "engine"), str(tmp_path / "compiler")])
    digests = [disk.sources.__wrapped__()]
    for file in files:
        file.write_text(f"new {file.name}")
        digests.append(disk.sources.__wrapped__())
    assert len(set(digests)) == len(digests)
    files[0].rename(tmp_path / "compiler" / "rules.py")
    assert disk.sources.__wrapped__() == digests[-1]


def test_the_code_is_that_of_the_engine_the_transforms_and_the_compiler():
    assert [Path(root).name for root in disk.ROOTS] == ["engine", "transforms", "compiler"]


def test_without_files_of_the_package_nothing_is_kept(folder, monkeypatch, compilations):
    monkeypatch.setattr(disk, "ROOTS", [str(folder / "archive.zip" / "engine")])
    assert disk.sources.__wrapped__() == ""
    monkeypatch.setattr(disk, "sources", lambda: "")
    for _ in range(2):
        to_llvm.build(PROGRAM)
    assert len(compilations) == 2
    assert not folder.exists()


def test_without_the_variable_it_is_the_platforms_folder(monkeypatch, tmp_path):
    pytest.importorskip("platformdirs")
    monkeypatch.delenv("AUTOGRAD_TINY_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if sys.platform == "linux":
        assert disk._folder(make=True) == tmp_path / "autograd-tiny" / disk.FOLDER


def _write_and_read(folder, k):
    os.environ["AUTOGRAD_TINY_CACHE"] = folder
    stop, seen = time.monotonic() + 1.0, 0
    while time.monotonic() < stop:
        code = bytes([k]) * 100_000
        store("same", code)
        found = stored("same")
        if found is not None:  # complete, from any of the writers
            assert found == bytes([found[0]]) * 100_000
            seen += 1
    assert seen
    return True


def test_processes_that_write_at_once_do_not_mix(tmp_path):
    context = multiprocessing.get_context("spawn")
    with context.Pool(4) as pool:
        assert all(pool.starmap(_write_and_read, [(str(tmp_path), k) for k in range(4)]))
    assert entries(tmp_path / disk.FOLDER) == [entry(tmp_path / disk.FOLDER, "same")]
