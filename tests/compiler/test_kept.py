"""Traces kept for other processes: the second one does not trace, and nothing stale is ever used."""

from __future__ import annotations

import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import autograd_tiny
from autograd_tiny.compiler.outside import noticing

PROGRAM = """
from autograd_tiny import Value, grad, value_and_grad
from autograd_tiny.compiler import jit
from autograd_tiny.compiler.variants import Variants

RATE = [0.5, 0.25]
VALUES = [Value(0.5), Value(2.0)]


def helper(h):
    return h * 0.5


def f(p, x):
    h = p
    for k in range(400):
        h = (helper(h) + RATE[k % 2] * x).sin() * VALUES[k % 2]
    return h


traced = []
trace = Variants._trace
Variants._trace = lambda self, *given: (traced.append(1), trace(self, *given))[1]
compiled = jit({transform}, backend="python")
{more}
result = compiled(0.75, 1.5)
print(len(traced), result)
"""
CHANGES = {
    "the same": (),
    "values read at each call": ("[Value(0.5), Value(2.0)]", "[Value(0.75), Value(2.0)]"),
    "a helper": ("h * 0.5", "h * 0.625"),
    "the code": ("range(400)", "range(401)"),
    "a number it reads": ("0.25", "0.125"),
    "the order of two Values": ("VALUES[k % 2]", "VALUES[1 - k % 2]"),
    "a default": ("def helper(h)", "def helper(h, unused=1)"),
}


def run(folder, text):
    script = folder / "script.py"
    script.write_text(text)
    done = subprocess.run(
        [sys.executable, script],
        env={"AUTOGRAD_TINY_CACHE": str(folder), "PATH": "", "PYTHONPATH": ":".join(sys.path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.stderr, done.stderr
    count, result = done.stdout.split(maxsplit=1)
    return int(count), result


@pytest.mark.parametrize("change", CHANGES)
def test_another_process_traces_again_only_what_changed(tmp_path, change):
    text = PROGRAM.format(transform="value_and_grad(f)", more="")
    changed = text.replace(*CHANGES[change]) if CHANGES[change] else text
    assert (changed == text) == (change == "the same")
    first = run(tmp_path, text)
    assert first[0] == 1
    count, result = run(tmp_path, changed)
    (tmp_path / "fresh").mkdir()
    assert run(tmp_path / "fresh", changed) == (1, result)
    assert count == (0 if change in ("the same", "values read at each call") else 1)


@pytest.mark.parametrize("transform", ["grad(f)", "value_and_grad(f, argnums=1)"])
def test_each_transform_has_a_recording_of_its_own(tmp_path, transform):
    run(tmp_path, PROGRAM.format(transform="value_and_grad(f)", more=""))
    count, result = run(tmp_path, PROGRAM.format(transform=transform, more=""))
    assert count == 1
    assert run(tmp_path, PROGRAM.format(transform=transform, more="")) == (0, result)


@pytest.mark.parametrize(
    "body",
    [
        "open('/dev/null').close()",
        "import os; h = h + float(os.environ.get('RATE', 0.0))",
        "import time; h = h + time.time() * 0",
        "print(end='')",
        "calls.append(1)",
        "import random; h = h + random.random() * 0",
    ],
)
def test_what_depends_on_the_world_is_traced_by_each_process(tmp_path, body):
    text = PROGRAM.format(transform="value_and_grad(f)", more="import warnings; warnings.simplefilter('ignore')")
    text = text.replace("    h = p\n", f"    h = p\n    {body}\n").replace("traced = []", "traced = []\ncalls = []")
    assert run(tmp_path, text) == run(tmp_path, text)
    assert run(tmp_path, text)[0] == 1


def test_a_changed_file_of_the_package_that_f_calls_is_traced_again(tmp_path):
    package = tmp_path / "autograd_tiny"
    shutil.copytree(Path(autograd_tiny.__file__).parent, package, ignore=shutil.ignore_patterns("__pycache__"))
    text = PROGRAM.format(transform="value_and_grad(f)", more="").replace("h * 0.5", "nn.softmax([h, 0.0])[0]")
    text = text.replace("import Value, ", "import Value, nn, ")
    assert [run(tmp_path, text)[0] for _ in range(2)] == [1, 0]  # beside the script lies the copy that it imports
    file = package / "nn" / "attending.py"
    file.write_text(file.read_text(encoding="utf-8").replace("y = ops.logsumexp(*x)", "y = ops.logsumexp(*x) + 1"))
    assert run(tmp_path, text)[0] == 1


def test_a_damaged_entry_is_traced_again(tmp_path):
    text = PROGRAM.format(transform="value_and_grad(f)", more="")
    _, result = run(tmp_path, text)
    entries = list(tmp_path.rglob("*.code"))
    assert entries
    for entry in entries:
        entry.write_bytes(entry.read_bytes()[:-40])
    assert run(tmp_path, text) == (1, result)


def test_files_are_noticed_but_not_imports(tmp_path):
    (tmp_path / "data.txt").write_text("1.0")
    (tmp_path / "some_module.py").write_text("x = 1")
    with noticing() as found:
        exec(
            textwrap.dedent(f"""
            import sys
            sys.path.insert(0, {str(tmp_path)!r})
            import some_module
        """)
        )
    sys.path.remove(str(tmp_path))
    assert found == []
    with noticing() as found:
        (tmp_path / "data.txt").read_text()
    assert found == ["open"]
