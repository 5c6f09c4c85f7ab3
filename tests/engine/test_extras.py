"""Errors for missing optional packages name the package and how to install it."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from autograd_tiny.engine.extras import EXTRAS

PYPROJECT = Path(__file__).parents[2] / "pyproject.toml"
USES = "from autograd_tiny.compiler import jit; jit(lambda x: x, backend={!r})(1.0)"
GIF = """
from autograd_tiny import Value
from autograd_tiny.stepper.views.sequence import gif
from autograd_tiny.stepper.traces import trace

gif(trace(Value(1.0) * 2), "x.gif")
"""
CHECK = "from autograd_tiny.check import gradcheck"
DIAGNOSE = "from autograd_tiny import Value, diagnose; diagnose(Value(1.0) * 2, check=True)"
SPARSE = "from autograd_tiny.compiler import sparse_hessian"
# Hidden packages (import names), code, expected message.
MISSING = [
    ("hypothesis", CHECK, "autograd_tiny.check.gradcheck needs hypothesis: pip install 'autograd-tiny[check]'"),
    ("mpmath", CHECK, "autograd_tiny.check.gradcheck needs mpmath: pip install 'autograd-tiny[check]'"),
    ("mpmath", DIAGNOSE, "diagnose(…, check=True) needs mpmath: pip install 'autograd-tiny[check]'"),
    ("numpy", SPARSE, "autograd_tiny.compiler.sparse needs numpy: pip install 'autograd-tiny[compile]'"),
    ("numpy", USES.format("numpy"), "the numpy backend needs numpy: pip install 'autograd-tiny[compile]'"),
    ("numpy", USES.format("c"), "the c backend needs numpy: pip install 'autograd-tiny[compile]'"),
    ("numpy", USES.format("jax"), "the jax backend needs numpy: pip install 'autograd-tiny[compile]'"),
    ("llvmlite", USES.format("llvm"), "the llvm backend needs llvmlite: pip install 'autograd-tiny[compile]'"),
    ("llvmlite numpy", USES.format("llvm"),
     "the llvm backend needs llvmlite and numpy: pip install 'autograd-tiny[compile]'"),
    ("jax", USES.format("jax"), "the jax backend needs jax: pip install jax"),
    ("jax", "import autograd_tiny.compiler.backends.to_jax", "the jax backend needs jax: pip install jax"),
    ("PIL", GIF, "an animated GIF needs pillow: pip install 'autograd-tiny[frames]'"),
]  # fmt: skip
# Works without any of them.
ALONE = """
import autograd_tiny.cli.main, autograd_tiny.pictures.doctor, autograd_tiny.stepper.diagnosis
import autograd_tiny.stepper.views.prompt, autograd_tiny.stepper.views.sequence
from autograd_tiny import Value
from autograd_tiny.compiler import jit
from autograd_tiny.transforms.derivatives import grad
from autograd_tiny.stepper.traces import trace
assert jit(grad(lambda x: x * x))(3.0) == 6.0
assert list(jit(lambda x: x * x, batch="x")([3.0, 4.0])) == [9.0, 16.0]
trace(Value(1.0) * 2).nodes
"""


def without(hidden, code, folder):
    """Run code in a Python process that cannot import the hidden packages."""
    hiding = f"import sys; sys.modules.update(dict.fromkeys({hidden.split()!r}))\n"
    run = [sys.executable, "-X", "utf8", "-c", hiding + code]
    return subprocess.run(run, capture_output=True, encoding="utf-8", check=False, cwd=folder)


@pytest.mark.parametrize(("hidden", "code", "said"), MISSING)
def test_what_is_missing_is_said_in_one_sentence(hidden, code, said, tmp_path):
    for package in ("numpy", "llvmlite", "jax") if "backend" in code else ():
        if package not in hidden.split():
            pytest.importorskip(package, reason=f"{package} must be there: only {hidden} is hidden")
    done = without(hidden, code, tmp_path)
    assert done.stderr.splitlines()[-1] == f"ImportError: {said}"


def test_all_else_works_without_any_extra(tmp_path):
    done = without("hypothesis mpmath numpy llvmlite platformdirs PIL matplotlib jax autograd torch", ALONE, tmp_path)
    assert not done.stderr


def test_packages_stand_in_the_extra_that_installs_them():
    extras = tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    for package, extra in EXTRAS.items():
        assert any(line.startswith(f"{package}>") for line in extras[extra])
