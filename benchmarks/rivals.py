"""Ways to call other engines, each as its users would; an import happens when a call is made."""

import importlib
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from autograd_tiny import Value, compiler
from autograd_tiny.transforms.derivatives import value_and_grad


def jax_call(f, *given):
    """Compile f; its arguments are on the device before."""
    import jax

    compiled, there = jax.jit(f), jax.device_put(given)
    return lambda: jax.block_until_ready(compiled(*there))


def torch_call(f, *given):
    """Call f and take its gradients with respect to arrays, eagerly as PyTorch does by default."""
    import torch

    torch.set_num_threads(1)
    leaves = [torch.tensor(x, dtype=torch.float64, requires_grad=True) for x in given]

    def call():
        y = f(*leaves)
        return [y.detach(), *torch.autograd.grad(y, leaves)]

    return call


def hips():
    """HIPS autograd, and its NumPy."""
    return importlib.import_module("autograd"), importlib.import_module("autograd.numpy")


def casadi_call(f, given, outputs):
    """Make the cheapest call of f: it reads and writes the arrays in place."""
    buffer, run = f.buffer()
    given = [np.ascontiguousarray(x, float).reshape(-1) for x in given]
    for i, x in enumerate(given):
        buffer.set_arg(i, memoryview(x))
    for i, y in enumerate(outputs):
        buffer.set_res(i, memoryview(y))

    def call():
        run()
        return outputs

    call.keeps = buffer, given  # the buffer holds their addresses only
    return call


def casadi_gradient(f, *given, vectors=False):
    """Compile f and its gradient; f gets lists of scalars, or with `vectors` column vectors."""
    import casadi

    names = [casadi.SX.sym(f"x{i}", np.size(x)) for i, x in enumerate(given)]
    y = f(*(names if vectors else [x.elements() for x in names]))
    function = casadi.Function("f", names, [y, *(casadi.gradient(y, x) for x in names)])
    return casadi_call(function, given, [np.empty(1), *(np.empty(np.size(x)) for x in given)])


def casadi_compiled(f):
    """Compile the C that casadi generates for f, and load it."""
    import casadi

    folder, here = Path(tempfile.mkdtemp()), Path.cwd()
    os.chdir(folder)  # casadi writes to the current folder only
    try:
        f.generate("f.c")
    finally:
        os.chdir(here)
    flags = ["-O3", "-march=native", "-shared", "-fPIC"]
    subprocess.run([os.environ.get("CC", "cc"), *flags, folder / "f.c", "-o", folder / "f.so", "-lm"], check=True)
    return casadi.external(f.name(), str(folder / "f.so"))


def ddx_gradient(f, x):
    """Compile f of a list of numbers, with its Jacobian."""
    import ddx

    equation = ddx.equation(lambda: f([ddx.var(f"x{i}") for i in range(len(x))])).compile(points=1)
    call = equation.buffer(np.array(x))

    def step():
        call()
        return call.value, call.jacobian

    return step


def numba_call(f, *given):
    """Compile f, a function of arrays with its derivative written by hand."""
    import numba

    compiled = numba.njit(cache=True)(f)
    return lambda: compiled(*given)


def tape(Engine, f, *given):
    """Call f of lists of numbers in an engine that records as it goes."""
    lists = [np.asarray(x).ravel().tolist() for x in given]

    def call():
        leaves = [[Engine(x) for x in xs] for xs in lists]
        y = f(*leaves)
        y.backward()
        return [y.data, [[x.grad for x in xs] for xs in leaves]]

    return call


def number(f, *given):
    return tape(importlib.import_module("number").Number, f, *given)


def micrograd(f, *given):
    return tape(importlib.import_module("micrograd.engine").Value, f, *given)


def eager(f, *given):
    return tape(Value, f, *given)


def jitted(f, contract=False, argnums=0, **options):
    """Compile the value and gradient of f by this package."""
    return compiler.jit(value_and_grad(f, argnums), contract=contract, **options)
