"""Backends: ours from one table, others by entry points, and a message for each invalid one."""

from __future__ import annotations

import importlib.metadata
import importlib.util
import os
import subprocess
import sys
import types
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from autograd_tiny import grad, jit
from autograd_tiny.compiler import Backend, Program
from autograd_tiny.compiler.backends import registry, text

counted = Counter()


def counting(program, *, contract=False, threads=1):
    """Build a kernel that counts the ops it runs."""

    def run(xs):
        counted.update(op.name for op, _ in program.steps)
        return program.run(xs, lambda op, operands: op.ieee(*operands))

    def kernel(shared, batched=(), size=None):
        if size is None:
            return run(shared)
        rows = [run([*shared, *(x for table in batched for x in table[i])]) for i in range(size)]
        columns = [list(column) for column in zip(*rows, strict=True)]
        return [sum(column) for column in columns] if program.reduce else columns

    return kernel


counter = Backend("counter", counting, source=lambda program: "; ".join(program.lines()))
late = Backend("late", f"{__name__}:counting")
missing = Backend("missing", counting, needs=("no_such_package", "math"))
by_another_line = Backend("by_another_line", counting, needs=("no_such_package",), install="'other[all]'")
first = Backend("first", counting, order=0)
misnamed = Backend("another", counting)
nowhere = Backend("nowhere", f"{__name__}:no_such_function")
no_backend = counting


def __getattr__(name):
    if name == "without_build":
        return Backend("without_build", None)
    if name == "raising":
        raise RuntimeError("out of order")
    raise AttributeError(name)


@pytest.fixture
def installed(monkeypatch):
    """Install entry points: name=object of this module, or (name, object) for a duplicate name."""

    def install(*more, **points):
        here = [
            importlib.metadata.EntryPoint(name, f"{__name__}:{item}", registry.GROUP)
            for name, item in [*points.items(), *more]
        ]
        monkeypatch.setattr(
            importlib.metadata, "entry_points", lambda *, group: here if group == registry.GROUP else ()
        )
        registry._others.cache_clear()

    yield install
    monkeypatch.undo()
    registry._others.cache_clear()


@pytest.mark.parametrize("name", ["counter", "late"])
def test_a_backend_of_another_package_runs_functions(installed, name):
    installed(counter="counter", late="late")
    counted.clear()
    f = jit(grad(lambda x: x * x * x), backend=name)
    assert f(2.0) == 12.0
    assert counted == Counter(f.program(2.0).statistics()["ops"])
    mean = jit(lambda w, x: (w * x).relu(), batch="x", reduce="mean", backend=name)
    assert mean(2.0, [1.0, -1.0, 3.0]) == pytest.approx(8 / 3)
    assert repr(f).endswith(f"by {name}>")


def test_a_backend_may_be_a_language(installed):
    installed(counter="counter")
    program = jit(lambda x: x * x, backend="python").program(2.0)
    assert program.source("counter") == "v1 = x * x"
    with pytest.raises(ValueError, match="language must be one of numpy, python, c, jax, counter, got 'late'"):
        program.source("late")


def test_the_first_in_order_that_is_installed_is_taken(installed, monkeypatch):
    installed(counter="counter")
    assert jit(abs).backend != "counter"  # it has no order
    installed(first="first")
    assert jit(abs).backend == "first"
    assert jit(abs, backend="python").backend == "python"


def test_a_broken_backend_is_left_out_of_the_choice_and_of_the_languages(installed):
    installed(raising="raising")
    with pytest.warns(RuntimeWarning, match="the raising backend, .*: RuntimeError: out of order; it is ignored"):
        assert jit(abs).backend in registry.OURS
    assert registry.languages() == list(text.LANGUAGES)


BROKEN = {
    "raising": "cannot be imported: RuntimeError: out of order",
    "without_build": 'cannot be imported: TypeError: build must be a function .* or "module:function", got None',
    "no_backend": r"is <function counting .*>: expected autograd_tiny.compiler.Backend\('no_backend', build\)",
    "misnamed": "has the name 'another': use the same name for both",
    "absent": "cannot be imported: AttributeError: absent",
    "missing": "needs no_such_package: pip install no_such_package$",
    "by_another_line": r"needs no_such_package: pip install 'other\[all\]'$",
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_backend_gets_a_sentence(installed, name):
    installed(**{name: name})
    with pytest.raises(ImportError, match=f"^the {name} backend.* {BROKEN[name]}"):
        jit(abs, backend=name)


def test_a_build_that_is_nowhere_gets_a_sentence(installed):
    installed(nowhere="nowhere")
    with pytest.raises(
        ImportError, match=r"the nowhere backend's build, .*test_registry:no_such_function, cannot be imp"
    ):
        jit(abs, backend="nowhere")(1.0)


@pytest.mark.parametrize("name", ["counter", "numpy"])
def test_a_name_that_is_used_twice_gets_a_sentence(installed, name):
    installed((name, "counter"), (name, "late"))
    with pytest.raises(
        ImportError, match=rf"backends are called '{name}', those of .*:counter and .*:late: uninstall all but"
    ):
        jit(abs, backend=name)
    with pytest.warns(RuntimeWarning, match="it is ignored"):
        assert jit(abs).backend in registry.OURS


def test_what_is_there_is_told_where_a_name_is_unknown(installed):
    installed(counter="counter")
    with pytest.raises(
        ValueError, match=r"^backend must be one of llvm, numpy, python, c, jax, counter, got 'fortran'$"
    ):
        jit(abs, backend="fortran")


@pytest.mark.parametrize("name", [name for name in registry.OURS if registry.OURS[name].needs])
def test_ours_name_the_line_for_pip(monkeypatch, name):
    monkeypatch.setattr(importlib.util, "find_spec", lambda package: None)
    needs = registry.OURS[name].needs
    pip = "jax 'autograd-tiny[compile]'" if name == "jax" else "'autograd-tiny[compile]'"
    expected = f"the {name} backend needs {' and '.join(needs)}: pip install {pip}"
    with pytest.raises(ImportError) as caught:
        jit(abs, backend=name)
    assert str(caught.value) == expected


def test_each_file_of_a_backend_is_in_the_table():
    files = {path.stem.removeprefix("to_") for path in Path(registry.__file__).parent.glob("to_*.py")}
    assert files == set(registry.OURS)
    assert [name for name in registry.OURS if registry.OURS[name].source] == list(text.LANGUAGES)
    assert isinstance(registry.chosen(None), Backend)
    assert isinstance(registry.OURS["python"].kernel(Program(("x",), (), (0,))), types.FunctionType)


IN_A_NEW_PROCESS = """
import sys
from autograd_tiny import jit
f = jit(lambda x: x * x)
print(f(3.0), f.backend, sorted({"importlib.metadata", "autograd_tiny.stepper"} & {*sys.modules}))
"""


@pytest.mark.parametrize("archive", [False, True])
@pytest.mark.parametrize("group", [registry.GROUP, "others"])
def test_packages_are_asked_for_backends_where_one_names_the_group(tmp_path, group, archive):
    files = {
        "mine-1.0.dist-info/METADATA": "Metadata-Version: 2.1\nName: mine\nVersion: 1.0\n",
        "mine-1.0.dist-info/entry_points.txt": f"[{group}]\nmine = mine:backend\n",
        "mine.py": "from autograd_tiny.compiler import Backend\n"
        "backend = Backend('mine', lambda p, **options: lambda shared, batched=(), size=None: [10.0], order=0)\n",
    }
    if archive:
        with zipfile.ZipFile(tmp_path / "mine.zip", "w") as packed:
            for name, text in files.items():
                packed.writestr(name, text)
    for name, text in files.items() if not archive else ():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    folder = str(tmp_path / "mine.zip" if archive else tmp_path)
    path = os.pathsep.join([folder, str(Path(registry.__file__).parents[3])])
    run = subprocess.run(
        [sys.executable, "-c", IN_A_NEW_PROCESS],
        capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    if group == registry.GROUP:
        assert run.stdout.startswith("10.0 mine")
    else:
        assert run.stdout.startswith("9.0 llvm")
        assert "stepper" not in run.stdout
        assert archive or "importlib.metadata" not in run.stdout
