"""Rosenbrock's function: its gradient, and its Hessian, dense or by its nonzeros alone; a Hessian like an arrow."""

from functools import partial
from itertools import pairwise

import numpy as np
import rivals
from race import hand_written

from autograd_tiny import compiler
from autograd_tiny.compiler.sparse import sparse_hessian
from autograd_tiny.transforms.derivatives import grad, hessian
from subjects.row import Row

DENSE = 100  # largest Hessian that the engines without sparse derivatives fill


def by_scalars(x):
    return sum(100.0 * (b - a * a) ** 2 + (1 - a) ** 2 for a, b in pairwise(x))


def by_vectors(x, total=lambda terms: terms.sum()):
    return total(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2)


def in_c(order):
    def enter(x):
        n = len(x)
        symbol, size = ("gradient", n) if order == 1 else ("hessian", n * n) if n <= DENSE else ("bands", 3 * n - 2)
        return hand_written("rosenbrock", x, n, np.empty(size), symbol=symbol)()

    return enter


def compiled(order, **options):
    def enter(x):
        f = compiler.jit((grad, hessian)[order - 1](by_scalars), **options)
        return lambda: f(x)

    return enter


def sparse(x):
    f = sparse_hessian(by_scalars)
    return lambda: f(x), lambda found: found.dense() if len(x) <= DENSE else in_order(found)


def arrow(x):
    return x[0] * sum(a * a * a for a in x[1:])


def sparse_arrow(x):
    f = sparse_hessian(arrow)
    return lambda: f(x), in_order


def casadi_arrow(vectors):
    def enter(x):
        import casadi

        s = casadi.SX.sym("x", len(x))
        f = s[0] * casadi.sum1(s[1:] ** 3) if vectors else arrow(s.elements())
        derivative = casadi.hessian(f, s)[0]
        call = rivals.casadi_call(casadi.Function("f", [s], [derivative]), [x], [np.empty(derivative.nnz())])
        return call, lambda found: found[0]

    return enter


def in_order(found):
    return found.values[np.lexsort((found.columns, found.rows))]


def eager(order):
    def enter(x):
        numbers = x.tolist()
        return lambda: (grad, hessian)[order - 1](by_scalars)(numbers)

    return enter


def by_casadi(order, vectors):
    def enter(x):
        import casadi

        s = casadi.SX.sym("x", len(x))
        f = by_vectors(s, casadi.sum1) if vectors else by_scalars(s.elements())
        derivative = casadi.gradient(f, s) if order == 1 else casadi.hessian(f, s)[0]
        call = rivals.casadi_call(casadi.Function("f", [s], [derivative]), [x], [np.empty(derivative.nnz())])
        return call, lambda found: tridiagonal(len(x), found[0]) if order == 2 and len(x) <= DENSE else found

    return enter


def tridiagonal(n, nonzeros):
    """Fill a symmetric tridiagonal matrix from its nonzeros, given row by row."""
    matrix = np.zeros((n, n))
    places = [(i, j) for i in range(n) for j in (i - 1, i, i + 1) if 0 <= j < n]
    matrix[tuple(np.array(places).T)] = nonzeros
    return matrix


def by_jax(order):
    def enter(x):
        import jax

        return rivals.jax_call((jax.grad, jax.hessian)[order - 1](by_vectors), x)

    return enter


def by_torch(order):
    def enter(x):
        import torch

        torch.set_num_threads(1)
        f = (torch.func.grad, torch.func.hessian)[order - 1](by_vectors)
        there = torch.tensor(x)
        return lambda: f(there)

    return enter


def by_hips(order):
    def enter(x):
        autograd, anp = rivals.hips()
        f = (autograd.grad, autograd.hessian)[order - 1](lambda x: by_vectors(x, anp.sum))
        return lambda: f(x)

    return enter


def by_numba(x):
    return rivals.numba_call(gradient_by_hand, x)


def gradient_by_hand(x):
    g = np.zeros_like(x)
    for i in range(len(x) - 1):
        d = x[i + 1] - x[i] * x[i]
        g[i] += -400.0 * x[i] * d - 2.0 * (1.0 - x[i])
        g[i + 1] = 200.0 * d
    return g


def by_ddx(x):
    return rivals.ddx_gradient(by_scalars, x), lambda found: found[1]


GRADIENT = {
    "C": in_c(1),
    "jit": compiled(1),
    "jit, contract": compiled(1, contract=True),
    "eager": eager(1),
    "JAX": by_jax(1),
    "torch": by_torch(1),
    "HIPS": by_hips(1),
    "casadi, scalars": by_casadi(1, vectors=False),
    "casadi, vectors": by_casadi(1, vectors=True),
    "numba": by_numba,
    "ddx": by_ddx,
}
HESSIAN = {
    "C": in_c(2),
    "jit": compiled(2),
    "jit, contract": compiled(2, contract=True),
    "jit, sparse": sparse,
    "JAX": by_jax(2),
    "torch": by_torch(2),
    "HIPS": by_hips(2),
    "casadi, scalars": by_casadi(2, vectors=False),
    "casadi, vectors": by_casadi(2, vectors=True),
}
ARROW = {
    "jit, sparse": sparse_arrow,
    "casadi, scalars": casadi_arrow(vectors=False),
    "casadi, vectors": casadi_arrow(vectors=True),
}
SPARSE = ("C", "jit, sparse", "casadi, scalars", "casadi, vectors")  # who makes no Hessian of 10⁸ numbers


def rows(quick):
    for n in (4,) if quick else (10, 100, 10_000):
        given = partial(lambda n: (np.linspace(-1.0, 1.2, n),), n)
        yield Row(f"gradient-{n}", f"Rosenbrock of {n:,}, gradient", given, GRADIENT)
        if n <= DENSE:
            yield Row(f"hessian-{n}", f"Rosenbrock of {n:,}, Hessian", given, HESSIAN)
        else:
            entrants = {name: HESSIAN[name] for name in SPARSE}
            yield Row(f"hessian-{n}", f"Rosenbrock of {n:,}, sparse Hessian", given, entrants)
            yield Row(f"arrow-{n}", f"arrow of {n:,}, sparse Hessian", given, ARROW)
