"""Calls that cost more than their work: two floats, numbers in a dict."""

import ctypes
from functools import partial

import numpy as np
import rivals
from race import hand_written

from autograd_tiny import compiler
from autograd_tiny.transforms.derivatives import value_and_grad
from subjects.row import Row


def product(x, y):
    return x * y + x


def compiled(x, y, contract=False):
    f = compiler.jit(product, contract=contract)
    return lambda: f(x, y)


def by_casadi(x, y):
    import casadi

    xs, ys = casadi.SX.sym("x"), casadi.SX.sym("y")
    return rivals.casadi_call(casadi.Function("f", [xs, ys], [product(xs, ys)]), [x, y], [np.empty(1)])


def by_python(x, y):
    return lambda: product(x, y)


FLOATS = {
    "Python": by_python,
    "C": lambda x, y: hand_written("product", x, y, returns=ctypes.c_double)(),
    "jit": compiled,
    "jit, contract": partial(compiled, contract=True),
    "JAX": lambda x, y: rivals.jax_call(product, x, y),
    "casadi, scalars": by_casadi,
    "numba": lambda x, y: rivals.numba_call(product, x, y),
}


def squares(xs):
    return sum(x * x for x in xs)


def numbers_in(tree):
    """The numbers of a dict of numbers, or of lists of rows."""
    for x in tree.values():
        yield from (number for row in x for number in row) if isinstance(x, list) else (x,)


def tree_of(shapes):
    """Rows of numbers by name, as a network of scalars keeps them; an empty shape is a number."""
    rng = np.random.default_rng(0)
    return {name: rng.normal(size=shape).tolist() for name, shape in shapes.items()}


def values_then(found):
    value, gradients = found
    return [value, list(gradients.values())]


def of_tree(tree, contract=False):
    f = compiler.jit(value_and_grad(lambda tree: squares(numbers_in(tree))), contract=contract)
    return lambda: f(tree), values_then


def jax_tree(tree):
    import jax

    arrays = {name: np.array(x) for name, x in tree.items()}
    step = jax.value_and_grad(lambda tree: sum((x * x).sum() for x in tree.values()))
    return rivals.jax_call(step, arrays), lambda found: [found[0], [found[1][name] for name in tree]]


def torch_tree(tree):
    def f(*arrays):
        return sum((x * x).sum() for x in arrays)

    return rivals.torch_call(f, *tree.values())


def hips_tree(tree):
    autograd, anp = rivals.hips()
    arrays = {name: np.array(x) for name, x in tree.items()}
    step = autograd.value_and_grad(lambda tree: sum(anp.sum(x * x) for x in tree.values()))
    return lambda: step(arrays), values_then


def flattened(enter):
    def entered(tree):
        return enter(squares, list(numbers_in(tree)))

    return entered


TREE = {
    "jit": of_tree,
    "jit, contract": partial(of_tree, contract=True),
    "eager": flattened(rivals.eager),
    "JAX": jax_tree,
    "torch": torch_tree,
    "HIPS": hips_tree,
    "casadi, scalars": flattened(rivals.casadi_gradient),
    "a GPT's Value": flattened(rivals.number),
}


def rows(quick):
    few = {f"w{i}": () for i in range(3 if quick else 200)}
    many = {f"w{i}": (2, 3) if quick else (16, 16) for i in range(1 if quick else 16)} | {"b": (6, 16)}
    return [
        Row("floats", "two floats, the value", lambda: (2.0, 3.0), FLOATS),
        Row("dict-200", "200 numbers in a dict", lambda: (tree_of(few),), TREE),
        Row("dict-4192", "4,192 numbers in a dict of rows", lambda: (tree_of(many),), TREE),
    ]
