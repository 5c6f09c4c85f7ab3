"""A small GPT: the loss of a text and its gradient; one layer, its weights in a dict of rows of numbers."""

import math
from functools import partial
from itertools import pairwise

import numpy as np
import rivals

from autograd_tiny import Value, compiler
from autograd_tiny.transforms.derivatives import value_and_grad
from subjects.row import Row

HEADS = 4


def data(width, letters, block, text):
    """Weights as rows of numbers, and the letters of a text by number."""
    rng = np.random.default_rng(0)
    shapes = {"letter": (letters, width), "place": (block, width), "out": (letters, width)}
    shapes |= dict.fromkeys(("query", "key", "value", "mixed"), (width, width))
    shapes |= {"wide": (4 * width, width), "narrow": (width, 4 * width)}
    weights = {name: rng.normal(scale=0.2, size=shape).tolist() for name, shape in shapes.items()}
    return weights, [int(k) for k in rng.integers(letters, size=text + 1)]


# In scalars.


def matrix(rows, x):
    return [sum(w * a for w, a in zip(row, x, strict=True)) for row in rows]


def normed(x):
    scale = (sum(a * a for a in x) * (1 / len(x)) + 1e-5) ** -0.5
    return [a * scale for a in x]


def softmax(z):
    powers = [a.exp() for a in z]
    total = sum(powers)
    return [a / total for a in powers]


def loss_of(weights, text):
    """Mean cross-entropy of each letter's successor."""
    keys, values, loss, size = [], [], 0.0, len(weights["query"]) // HEADS
    for place, (letter, following) in enumerate(pairwise(text)):
        x = normed([a + b for a, b in zip(weights["letter"][letter], weights["place"][place], strict=True)])
        before, x = x, normed(x)
        query = matrix(weights["query"], x)
        keys.append(matrix(weights["key"], x))
        values.append(matrix(weights["value"], x))
        seen = []
        for start in range(0, len(x), size):
            part = slice(start, start + size)
            near = [sum(a * b for a, b in zip(query[part], key[part], strict=True)) * size**-0.5 for key in keys]
            shares = softmax(near)
            for i in range(start, start + size):
                seen.append(sum(share * value[i] for share, value in zip(shares, values, strict=True)))
        x = [a + b for a, b in zip(matrix(weights["mixed"], seen), before, strict=True)]
        wide = [a.relu() for a in matrix(weights["wide"], normed(x))]
        x = [a + b for a, b in zip(matrix(weights["narrow"], wide), x, strict=True)]
        loss = loss - softmax(matrix(weights["out"], x))[following].log()
    return loss * (1 / (len(text) - 1))


def in_order(found):
    loss, slopes = found
    return [loss, [np.asarray(rows) for rows in slopes.values()]]


def compiled(weights, text, contract=False):
    step = compiler.jit(value_and_grad(lambda weights: loss_of(weights, text)), contract=contract)
    return lambda: step(weights), in_order


def tape(engine, weights, text):
    """Call in an engine of scalars, imported when asked for."""
    Engine = engine()
    leaves = {name: [[Engine(x) for x in row] for row in rows] for name, rows in weights.items()}
    flat = [x for rows in leaves.values() for row in rows for x in row]

    def call():
        for x in flat:
            x.grad = 0.0
        loss = loss_of(leaves, text)
        loss.backward()
        return [loss.data, [x.grad for x in flat]]

    return call


def number():
    from number import Number

    return Number


# In matrices, by any library of arrays.


def array_loss(xp, weights, text):
    normed = lambda x: x / xp.sqrt((x * x).mean(-1)[:, None] + 1e-5)  # noqa: E731
    n = len(text) - 1
    x = before = normed(weights["letter"][text[:-1]] + weights["place"][:n])
    size, x = x.shape[1] // HEADS, normed(x)
    query, key, value = (
        xp.swapaxes((x @ weights[name].T).reshape(n, HEADS, size), 0, 1) for name in ("query", "key", "value")
    )
    near = query @ xp.swapaxes(key, 1, 2) / math.sqrt(size)
    powers = xp.tril(xp.exp(near))
    seen = xp.swapaxes(powers / powers.sum(-1)[..., None] @ value, 0, 1).reshape(n, HEADS * size)
    x = seen @ weights["mixed"].T + before
    wide = normed(x) @ weights["wide"].T
    x = (wide * (wide > 0)) @ weights["narrow"].T + x
    z = x @ weights["out"].T
    return (xp.log(xp.exp(z).sum(-1)) - z[xp.arange(n), text[1:]]).mean()


def by_jax(weights, text):
    import jax

    arrays = {name: np.array(rows) for name, rows in weights.items()}
    step = jax.value_and_grad(partial(array_loss, jax.numpy))
    in_place = lambda found: in_order((found[0], {name: found[1][name] for name in weights}))  # noqa: E731
    return rivals.jax_call(step, arrays, np.array(text)), in_place


def by_torch(weights, text):
    import torch

    letters = torch.tensor(text)

    def f(*arrays):
        return array_loss(torch, dict(zip(weights, arrays, strict=True)), letters)

    return rivals.torch_call(f, *weights.values())


def by_hips(weights, text):
    autograd, anp = rivals.hips()
    arrays, letters = {name: np.array(rows) for name, rows in weights.items()}, np.array(text)
    step = autograd.value_and_grad(lambda weights: array_loss(anp, weights, letters))
    return lambda: step(arrays), in_order


ENTRANTS = {
    "jit": compiled,
    "jit, contract": partial(compiled, contract=True),
    "eager": partial(tape, lambda: Value),
    "a GPT's Value": partial(tape, number),
    "JAX": by_jax,
    "torch": by_torch,
    "HIPS": by_hips,
}


def rows(quick):
    sizes = (4, 3, 3, 2) if quick else (16, 27, 16, 8)
    return [Row("gpt", "a GPT of 4,192 weights, a text of 8", partial(data, *sizes), ENTRANTS)]
