"""The cache of compiled code: what is there is used, what is broken is made anew, what cannot be written is done without."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import time

import pytest

from autograd_tiny import Op, ops
from autograd_tiny.compile import Program, Step, disk
from autograd_tiny.compile.disk import key_of, row_name, store, stored
from autograd_tiny.compile.lower import prepared

pytest.importorskip("numpy", reason="batches are NumPy arrays")
pytest.importorskip("llvmlite", reason="only the LLVM backend keeps code")

from autograd_tiny.compile import to_llvm

PROGRAM = Program(("w", "x"), (Step(ops.exp, (0,)), Step(ops.mul, (2, 1))), (3,))


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("AUTOGRAD_TINY_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def compilations(monkeypatch):
    """The modules that were compiled since."""
    texts, compiled = [], to_llvm.compiled
    monkeypatch.setattr(to_llvm, "compiled", lambda text: texts.append(text) or compiled(text))
    return texts


def test_the_second_time_nothing_is_compiled_nor_lowered(folder, compilations, monkeypatch):
    assert to_llvm.build(PROGRAM)([0.0, 3.0]) == [3.0]
    assert len(compilations) == len(list(folder.iterdir())) == 1
    monkeypatch.setattr(to_llvm, "prepared", None)
    assert to_llvm.build(PROGRAM)([0.0, 4.0]) == [4.0]
    assert len(compilations) == 1


def test_another_process_finds_it(folder):
    code = """
import sys
from autograd_tiny import ops
from autograd_tiny.compile import Program, Step, to_llvm
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
    assert key_of(Program(("a", "b"), PROGRAM.steps, (3,)), row_name) == names[0]  # names of inputs do not count


def test_options_are_told_apart(folder, compilations):
    for contract in (False, True, False, True):
        to_llvm.build(PROGRAM, contract=contract)
    assert len(compilations) == 2


def test_rows_that_a_function_makes_have_names():
    assert row_name(ops.falling_power(2)) not in (row_name(ops.falling_power(1)), "")
    assert row_name(Op("exp", abs, (lambda y, x: 1.0,))) is None


def test_an_op_of_ones_own_is_known_by_what_it_computes(folder, compilations):
    """Not by its name, which may mean something else tomorrow."""
    found = []
    for f in (lambda x: x * x + x, lambda x: x * x - x, lambda x: x * x + x):
        own = Op("own", f, (lambda y, x: 1.0,))
        program = Program(("x",), (Step(own, (0,)),), (1,))
        assert key_of(program, row_name) == ""
        assert {step.op.name for step in prepared(program).steps} == {"mul", "add"} or len(found) == 1
        found.append(to_llvm.build(program)([3.0]))
    assert found == [[12.0], [6.0], [12.0]]
    assert len(compilations) == 2


@pytest.mark.filterwarnings("ignore::autograd_tiny.compile.to_llvm.CallbackWarning")
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
        lambda code: b"\x7fELF, or so it says" * 100,
    ],
    ids=["empty", "half", "no checksum", "last bit", "first bit", "foreign"],
)
def test_a_broken_file_is_made_anew(damage, folder, compilations):
    to_llvm.build(PROGRAM)
    (file,) = folder.iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    assert to_llvm.build(PROGRAM)([0.0, 2.0]) == [2.0]
    assert len(compilations) == 2
    assert file.read_bytes() == whole
    assert list(folder.iterdir()) == [file]


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


def test_the_longest_unused_files_go(folder, monkeypatch):
    monkeypatch.setattr(disk, "BOUND", 64 * disk.BLOCK)
    monkeypatch.setattr(disk, "_written", 0)
    for i in range(30):
        store(f"{i:03}", bytes(disk.BLOCK))
        os.utime(folder / f"{i:03}", (i, i))
    assert stored("000") == bytes(disk.BLOCK)  # used now
    for i in range(30, 100):
        store(f"{i:03}", bytes(disk.BLOCK))
        os.utime(folder / f"{i:03}", (i, i))
    left = sorted(file.name for file in folder.iterdir())
    assert sum(file.stat().st_size for file in folder.iterdir()) <= disk.BOUND * 5 // 4
    assert left[0] == "000"
    assert left[1:] == [f"{i:03}" for i in range(101 - len(left), 100)]


def test_without_the_variable_it_is_the_platforms_folder(monkeypatch, tmp_path):
    pytest.importorskip("platformdirs")
    monkeypatch.delenv("AUTOGRAD_TINY_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    if sys.platform == "linux":
        assert disk._folder() == tmp_path / "autograd-tiny"


def _write_and_read(folder, k):
    os.environ["AUTOGRAD_TINY_CACHE"] = folder
    stop, seen = time.monotonic() + 1.0, 0
    while time.monotonic() < stop:
        code = bytes([k]) * 100_000
        store("same", code)
        found = stored("same")
        if found is not None:  # whole, whoever wrote it
            assert found == bytes([found[0]]) * 100_000
            seen += 1
    assert seen
    return True


def test_processes_that_write_at_once_do_not_mix(tmp_path):
    context = multiprocessing.get_context("spawn")
    with context.Pool(4) as pool:
        assert all(pool.starmap(_write_and_read, [(str(tmp_path), k) for k in range(4)]))
    assert [file.name for file in tmp_path.iterdir()] == ["same"]
