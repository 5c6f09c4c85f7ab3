"""Networks: the mean loss of a batch and its gradient with respect to all weights; hinge, or cross-entropy."""

from functools import partial
from itertools import pairwise

import numpy as np
import rivals
from race import hand_written

from autograd_tiny import Value, compiler
from autograd_tiny.nn.modules import MLP
from autograd_tiny.transforms.derivatives import value_and_grad
from subjects.row import Row

BATCHED = {"batch": ("x", "y"), "reduce": "mean"}
SHAPES = {"4 × 1 lanes": (4, 1), "4 × 4 lanes": (4, 4), "8 × 4 lanes": (8, 4)}  # of the programs in C
TAPES = 100  # largest batch of an engine of scalars that is not compiled


def data(sizes, n):
    model, rng = MLP(sizes[0], list(sizes[1:]), seed=0), np.random.default_rng(n)
    w = np.array([p.data for p in model.parameters()])
    y = np.where(rng.random(n) < 0.5, -1.0, 1.0) if sizes[-1] == 1 else np.eye(sizes[-1])[rng.integers(10, size=n)]
    return sizes, model, w, rng.normal(size=(n, sizes[0])), y


def loss_of(z, y):
    """Hinge loss of a single output, or cross-entropy."""
    if not isinstance(z, list):
        return (1 + -y * z).relu()
    return sum(a.exp() for a in z).log() - sum(t * a for t, a in zip(y, z, strict=True))


def compiled(sizes, model, w, x, y, **options):
    f = value_and_grad(lambda w, x, y: loss_of(model.with_parameters(w)(x), y))
    step = compiler.jit(f, **BATCHED, **options)
    return lambda: step(w, x, y)


def compiled_of_model(sizes, model, w, x, y, contract=False):
    step = compiler.jit(value_and_grad(lambda model, x, y: loss_of(model(x), y)), **BATCHED, contract=contract)

    def numbers(found):
        loss, slopes = found
        return [loss, [p.data for p in slopes.parameters()] if hasattr(slopes, "parameters") else slopes]

    return lambda: step(model, x, y), numbers


def in_c(sizes, model, w, x, y):
    """The fastest shape of the program for this processor, at this batch."""
    import race

    n, calls = len(x), {}
    for name, (lanes, b) in SHAPES.items():
        flags = (f"-DH={sizes[1]}", f"-DL={lanes}", f"-DB={b}")
        calls[name] = hand_written("mlp", w, x, y, n, np.empty(1 + len(w)), flags=flags)()
    best = race.least(calls, 0.1, 3)
    return calls[min(best, key=best.get)]


def layers_of(sizes, w):
    """Weights and biases of each layer; parameters stand neuron by neuron, weights first."""
    found, start = [], 0
    for into, out in pairwise(sizes):
        both = w[start : start + out * (into + 1)].reshape(out, into + 1)
        found.append((both[:, :into].copy(), both[:, into].copy()))
        start += both.size
    return found


def in_order(found):
    loss, layers = found
    return [loss, [np.column_stack([np.asarray(weights), np.asarray(bias)]) for weights, bias in layers]]


def by_numpy(sizes, model, w, x, y):
    layers, n = layers_of(sizes, w), len(x)

    def step():
        hidden = [x]
        for weights, bias in layers:
            z = hidden[-1] @ weights.T
            z += bias
            hidden.append(np.maximum(z, 0.0))
        if sizes[-1] == 1:
            margin = 1 - y * z[:, 0]
            loss, d = np.maximum(margin, 0.0).sum(), np.where(margin > 0, -y, 0.0)[:, None]
        else:
            e = np.exp(z)
            total = e.sum(1, keepdims=True)
            loss, d = np.log(total).sum() - (y * z).sum(), e / total - y
        d /= n
        slopes = []
        for k in range(len(layers) - 1, -1, -1):
            slopes.append((d.T @ hidden[k], d.sum(0)))
            if k:
                d = d @ layers[k][0]
                d *= hidden[k] > 0
        return loss / n, slopes[::-1]

    return step, in_order


def array_loss(xp, relu, layers, x, y):
    """Mean loss by any library of arrays."""
    for weights, bias in layers[:-1]:
        x = relu(x @ weights.T + bias)
    z = x @ layers[-1][0].T + layers[-1][1]
    if z.shape[1] == 1:
        return xp.mean(relu(1 - y * z[:, 0]))
    return xp.mean(xp.log(xp.sum(xp.exp(z), 1)) - xp.sum(y * z, 1))


def by_jax(sizes, model, w, x, y):
    import jax

    step = jax.value_and_grad(partial(array_loss, jax.numpy, jax.nn.relu))
    return rivals.jax_call(step, layers_of(sizes, w), x, y), in_order


def by_hips(sizes, model, w, x, y):
    autograd, anp = rivals.hips()
    step, layers = autograd.value_and_grad(partial(array_loss, anp, lambda x: anp.maximum(x, 0))), layers_of(sizes, w)
    return lambda: step(layers, x, y), in_order


def by_torch(sizes, model, w, x, y):
    import torch

    torch.set_num_threads(1)
    modules = []
    for weights, biases in layers_of(sizes, w):
        layer = torch.nn.Linear(*weights.shape[::-1], dtype=torch.float64)
        layer.weight.data, layer.bias.data = torch.tensor(weights), torch.tensor(biases)
        modules += [layer, torch.nn.ReLU()]
    network, xs, ys = torch.nn.Sequential(*modules[:-1]), torch.tensor(x), torch.tensor(y)

    def step():
        network.zero_grad()
        z = network(xs)
        loss = torch.relu(1 - ys * z[:, 0]).mean() if sizes[-1] == 1 else torch.nn.functional.cross_entropy(z, ys)
        loss.backward()
        return loss.detach(), [(layer.weight.grad, layer.bias.grad) for layer in modules[:-1:2]]

    return step, in_order


def neurons(sizes, w, x, relu):
    """The network's outputs in any type of scalars."""
    place = 0
    for k, (into, out) in enumerate(pairwise(sizes)):
        found = []
        for _ in range(out):
            total = sum((w[place + i] * x[i] for i in range(into)), w[place + into])
            found.append(relu(total) if k < len(sizes) - 2 else total)
            place += into + 1
        x = found
    return x


def casadi_scalars(sizes, model, w, x, y, generated=False):
    """A function of one sample, mapped over the batch, its gradients summed; `generated`: casadi's C, compiled."""
    import casadi

    n, relu = len(x), lambda t: casadi.fmax(t, 0)
    ws, xs, ys = casadi.SX.sym("w", len(w)), casadi.SX.sym("x", sizes[0]), casadi.SX.sym("y", sizes[-1])
    z = neurons(sizes, ws.elements(), xs.elements(), relu)
    if sizes[-1] == 1:
        loss = relu(1 - ys * z[0])
    else:
        loss = casadi.log(sum(casadi.exp(a) for a in z)) - sum(t * a for t, a in zip(ys.elements(), z, strict=True))
    f = casadi.Function("f", [ws, xs, ys], [loss, casadi.gradient(loss, ws)])
    if generated:
        f = rivals.casadi_compiled(f)
    mapped = f.map("mean", "serial", n, [0], [0, 1])
    return rivals.casadi_call(mapped, [w, x, y], [np.empty(1), np.empty(len(w))]), lambda found: [f / n for f in found]


def casadi_vectors(sizes, model, w, x, y):
    """Matrices of symbols over the whole batch, samples in columns: a column of casadi is a row of NumPy."""
    import casadi

    given, names, h = [], [], casadi.MX.sym("x", sizes[0], len(x))
    y_name = casadi.MX.sym("y", sizes[-1], len(x))
    inputs, h_given = [h, y_name], [x, y]
    for k, (weights, bias) in enumerate(layers_of(sizes, w)):
        names += [casadi.MX.sym(f"w{k}", *weights.shape), casadi.MX.sym(f"b{k}", len(bias))]
        given += [weights.T, bias]
        h = casadi.mtimes(names[-2], h) + casadi.repmat(names[-1], 1, len(x))
        h = casadi.fmax(h, 0) if k < len(sizes) - 2 else h
    if sizes[-1] == 1:
        loss = casadi.sum2(casadi.fmax(1 - y_name * h, 0)) / len(x)
    else:
        loss = casadi.sum2(casadi.log(casadi.sum1(casadi.exp(h))) - casadi.sum1(y_name * h)) / len(x)
    slopes = [casadi.densify(casadi.gradient(loss, name)) for name in names]
    f = casadi.Function("f", [*names, *inputs], [loss, *slopes])
    call = rivals.casadi_call(f, [*given, *h_given], [np.empty(1), *(np.empty(g.size) for g in given)])

    def numbers(found):
        pairs = zip(found[1::2], found[2::2], strict=True)
        return in_order((found[0], [(a.reshape(-1, len(b)).T, b) for a, b in pairs]))

    return call, numbers


def by_ddx(sizes, model, w, x, y):
    import ddx

    def loss():
        ws, xs = [ddx.var(f"w{i}") for i in range(len(w))], [ddx.param(f"x{i}") for i in range(sizes[0])]
        (z,) = neurons(sizes, ws, xs, lambda t: ddx.max(t, 0.0))
        return ddx.max(1.0 - ddx.param("y") * z, 0.0)

    equation = ddx.equation(loss).compile(points=len(x))
    call = equation.buffer(np.concatenate([np.tile(w[:, None], (1, len(x))), x.T, y[None]]))
    assert equation.uses_kernel

    def step():
        call()
        return call.value.mean(), call.jacobian.mean(1)

    return step


def by_scalars(tape):
    def enter(sizes, model, w, x, y):
        xs, ys = x.tolist(), y.tolist()

        def mean(ws):
            total = 0.0
            for a, t in zip(xs, ys, strict=True):
                z = neurons(sizes, ws, a, lambda t: t.relu())
                total = total + loss_of(z if len(z) > 1 else z[0], t)
            return total * (1 / len(xs))

        return tape(mean, w)

    return enter


def eager(sizes, model, w, x, y):
    data = list(zip(x.tolist(), y.tolist(), strict=True))

    def step():
        model.zero_grad()
        loss = sum((loss_of(model(a), t) for a, t in data), Value(0.0)) * (1 / len(data))
        loss.backward()
        return [loss.data, *(p.grad for p in model.parameters())]

    return step


def entrants(sizes, n):
    found = {
        "NumPy": by_numpy,
        "jit": compiled,
        "jit, contract": partial(compiled, contract=True),
        "JAX": by_jax,
        "torch": by_torch,
        "HIPS": by_hips,
        "casadi, vectors": casadi_vectors,
    }
    if sizes[-1] == 1:
        found["C"] = in_c
    if max(sizes) <= 64:
        found["casadi, scalars"] = casadi_scalars
    if max(sizes) <= 16:
        found["jit, NumPy"] = partial(compiled, backend="numpy")
        found["casadi, its C"] = partial(casadi_scalars, generated=True)
    if max(sizes) <= 16 and n <= TAPES:
        found |= {"eager": eager, "a GPT's Value": by_scalars(rivals.number)}
    if max(sizes) <= 16 and sizes[-1] == 1:  # ddx has one result, micrograd no exp
        found |= {"ddx": by_ddx, **({"micrograd": by_scalars(rivals.micrograd)} if n <= TAPES else {})}
    return found


def flops_of(sizes):
    """Flops of one sample's matrix products: forward, to the weights, to the inputs of all layers but the first."""
    weights = [a * b for a, b in pairwise(sizes)]
    return 6 * sum(weights) - 2 * weights[0]


TABLE = {
    (2, 16, 16, 1): (1, 100, 1_024, 8_192),
    (2, 64, 64, 1): (100, 1_024, 8_192),
    (64, 32, 10): (100, 1_024, 8_192),
    (64, 128, 128, 10): (100, 1_024),
}


def rows(quick):
    for sizes, batches in TABLE.items():
        name = "-".join(map(str, sizes))
        tiny = (2, 4, 4, 1) if sizes[-1] == 1 else (3, 4, 10)
        for n in (n for n in batches if n <= TAPES or not quick):
            shape, many = (tiny, min(n, 9)) if quick else (sizes, n)
            given = partial(data, shape, many)
            row = partial(Row, given=given, near=1e-8, flops=many * flops_of(shape))
            yield row(f"mlp-{name}-at-{n}", f"MLP {name}, batch of {n:,}", entrants=entrants(shape, many))
            if (sizes[1], n) == (16, 100):
                title = f"MLP {name}, batch of {n:,}, step(model, X, y)"
                calls = {"jit": compiled_of_model, "jit, contract": partial(compiled_of_model, contract=True)}
                others = {name: enter for name, enter in entrants(shape, many).items() if name in ("C", "JAX", "torch")}
                yield row(f"model-{name}-at-{n}", title, entrants=calls | others)
