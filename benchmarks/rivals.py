"""The benchmarks' functions, written as a user of each engine would, to enter in a race."""

import importlib
import math
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from autograd_tiny import Value


def layers_of(w, hidden):
    """Split parameters, given neuron by neuron with weights first, into a list of (weights, biases)."""
    layers, place = [], 0
    for out, into in ((hidden, 2), (hidden, hidden), (1, hidden)):
        rows = w[place : place + out * (into + 1)].reshape(out, into + 1)
        layers.append((rows[:, :into].copy(), rows[:, into].copy()))
        place += rows.size
    return layers


def in_order(found):
    """Put a loss and its gradients, as (weights, biases), in the order of the parameters."""
    loss, layers = found
    return [loss, [np.column_stack([weights, biases]) for weights, biases in layers]]


def jax_mlp(w, x, y, hidden):
    def make():
        import jax

        layers, xs, ys = jax.device_put((layers_of(w, hidden), x, y))

        def loss(layers, x, y):
            (w1, b1), (w2, b2), (w3, b3) = layers
            h = jax.nn.relu(jax.nn.relu(x @ w1.T + b1) @ w2.T + b2)
            return jax.nn.relu(1 - y * (h @ w3.T + b3)[:, 0]).mean()

        step = jax.jit(jax.value_and_grad(loss))
        return lambda: jax.block_until_ready(step(layers, xs, ys))

    return make


def torch_mlp(w, x, y, hidden):
    def make():
        import torch

        torch.set_num_threads(1)
        modules = []
        for weights, biases in layers_of(w, hidden):
            layer = torch.nn.Linear(*weights.shape[::-1], dtype=torch.float64)
            layer.weight.data, layer.bias.data = torch.tensor(weights), torch.tensor(biases)
            modules += [layer, torch.nn.ReLU()]
        model, xs, ys = torch.nn.Sequential(*modules[:-1]), torch.tensor(x), torch.tensor(y)

        def step():
            model.zero_grad()
            loss = torch.relu(1 - ys * model(xs)[:, 0]).mean()
            loss.backward()
            return loss.detach(), [(layer.weight.grad, layer.bias.grad) for layer in modules[:-1:2]]

        return step

    return make


def hips_mlp(w, x, y, hidden):
    def make():
        anp, differentiate = importlib.import_module("autograd.numpy"), importlib.import_module("autograd")
        layers = layers_of(w, hidden)

        def loss(layers):
            (w1, b1), (w2, b2), (w3, b3) = layers
            h = anp.maximum(anp.dot(anp.maximum(anp.dot(x, w1.T) + b1, 0), w2.T) + b2, 0)
            return anp.mean(anp.maximum(1 - y * (anp.dot(h, w3.T) + b3)[:, 0], 0))

        step = differentiate.value_and_grad(loss)
        return lambda: step(layers)

    return make


def by_neurons(w, x, hidden, largest):
    """Compute the network's output in any scalar type."""
    place, h = 0, x
    for out, into, activated in ((hidden, 2, True), (hidden, hidden, True), (1, hidden, False)):
        found = []
        for _ in range(out):
            total = w[place + into]
            for i in range(into):
                total = total + w[place + i] * h[i]
            found.append(largest(total) if activated else total)
            place += into + 1
        h = found
    return h[0]


def casadi_mlp(w, x, y, hidden, generated=False):
    """Map an SX function of one sample over the batch and sum the gradients; `generated` compiles casadi's C."""

    def make():
        import casadi

        count, n = len(w), len(x)
        ws, xs, ys = casadi.SX.sym("w", count), casadi.SX.sym("x", 2), casadi.SX.sym("y")
        loss = casadi.fmax(1 - ys * by_neurons(ws.elements(), xs.elements(), hidden, lambda t: casadi.fmax(t, 0)), 0)
        f = casadi.Function("f", [ws, xs, ys], [loss, casadi.gradient(loss, ws)])
        if generated:
            f = casadi_compiled(casadi, f)
        outputs = np.empty(1), np.empty(count)
        run = casadi_call(f.map("mean", "serial", n, [0], [0, 1]), [w, x, y], outputs)

        def call():
            run()
            return outputs[0] / n, outputs[1] / n

        return call

    return make


def casadi_compiled(casadi, f):
    """Compile the C that casadi generates for f, and load it."""
    folder, here = Path(tempfile.mkdtemp()), Path.cwd()
    os.chdir(folder)  # casadi writes to the current folder only
    try:
        f.generate("f.c")
    finally:
        os.chdir(here)
    flags = ["-O3", "-march=native", "-shared", "-fPIC"]
    subprocess.run([os.environ.get("CC", "cc"), *flags, folder / "f.c", "-o", folder / "f.so", "-lm"], check=True)
    return casadi.external(f.name(), str(folder / "f.so"))


def casadi_call(f, given, outputs):
    """Make the cheapest call of f: it reads and writes the arrays in place."""
    buffer, run = f.buffer()
    for i, x in enumerate(given):
        buffer.set_arg(i, memoryview(np.ascontiguousarray(x).reshape(-1)))
    for i, y in enumerate(outputs):
        buffer.set_res(i, memoryview(y))
    run.keeps = buffer, given  # the buffer holds their addresses only
    return run


def ddx_mlp(w, x, y, hidden):
    def make():
        import ddx

        def loss():
            ws = [ddx.var(f"w{i}") for i in range(len(w))]
            out = by_neurons(ws, [ddx.param("x0"), ddx.param("x1")], hidden, lambda t: ddx.max(t, 0.0))
            return ddx.max(1.0 - ddx.param("y") * out, 0.0)

        equation = ddx.equation(loss).compile(points=len(x))
        call = equation.buffer(np.concatenate([np.tile(w[:, None], (1, len(x))), x.T, y[None]]))
        assert equation.uses_kernel

        def step():
            call()
            return call.value.mean(), call.jacobian.mean(1)

        return step

    return make


def micrograd_mlp(w, x, y, hidden):
    def make():
        model = importlib.import_module("micrograd.nn").MLP(2, [hidden, hidden, 1])
        for p, q in zip(model.parameters(), w.tolist(), strict=True):
            p.data = q
        data = list(zip(x.tolist(), y.tolist(), strict=True))

        def step():
            model.zero_grad()
            loss = sum((1 + -b * model(a)).relu() for a, b in data) * (1 / len(data))
            loss.backward()
            return [loss.data, *(p.grad for p in model.parameters())]

        return step

    return make


def eager_mlp(model, x, y):
    def make():
        data = list(zip(x.tolist(), y.tolist(), strict=True))

        def step():
            model.zero_grad()
            loss = sum(((1 + -b * model(a)).relu() for a, b in data), Value(0.0)) * (1 / len(data))
            loss.backward()
            return [loss.data, *(p.grad for p in model.parameters())]

        return step

    return make


def casadi_rosenbrock(x, order):
    def make():
        import casadi

        s = casadi.SX.sym("x", len(x))
        f = casadi.sum1(100 * (s[1:] - s[:-1] ** 2) ** 2 + (1 - s[:-1]) ** 2)
        derivative = casadi.gradient(f, s) if order == 1 else casadi.hessian(f, s)[0]
        function, out = casadi.Function("f", [s], [derivative]), np.empty(derivative.nnz())
        run = casadi_call(function, [x], [out])

        def call():
            run()
            return out

        return call

    return make


def jax_rosenbrock(x, order):
    def make():
        import jax

        transformed = (jax.grad, jax.hessian)[order - 1]
        f = jax.jit(transformed(lambda x: (100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum()))
        there = jax.device_put(x)
        return lambda: f(there).block_until_ready()

    return make


def hips_rosenbrock(x, order):
    def make():
        autograd = importlib.import_module("autograd")
        anp = importlib.import_module("autograd.numpy")
        transformed = (autograd.grad, autograd.hessian)[order - 1]
        f = transformed(lambda x: anp.sum(100.0 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2))
        return lambda: f(x)

    return make


def jax_black_scholes(given):
    def make():
        import jax
        import jax.numpy as jnp
        from jax.scipy.special import erfc

        def price(spot, strike, years, rate, vol):
            spread = vol * jnp.sqrt(years)
            d1 = (jnp.log(spot / strike) + (rate + 0.5 * vol * vol) * years) / spread
            normal = lambda d: 0.5 * erfc(-d * math.sqrt(0.5))  # noqa: E731
            return spot * normal(d1) - strike * jnp.exp(-rate * years) * normal(d1 - spread)

        def greeks(*xs):
            return jax.value_and_grad(price, (0, 2, 3, 4))(*xs), jax.grad(jax.grad(price))(*xs)

        f, there = jax.jit(jax.vmap(greeks)), jax.device_put(given)
        return lambda: jax.block_until_ready(f(*there))

    return make


def jax_arm(torques, q, v, a):
    def make():
        import jax

        class Number:  # lets torques() run on JAX's numbers
            def __init__(self, x):
                self.x = x

            def sin(self):
                return jax.numpy.sin(self.x)

            def cos(self):
                return jax.numpy.cos(self.x)

            def __add__(self, other):
                return Number(self.x + other.x)

        def f(q, v, a):
            return jax.numpy.stack(torques([Number(q[0]), Number(q[1])], v, a))

        both = jax.jit(jax.vmap(lambda q, v, a: (f(q, v, a), jax.jacobian(f, (0, 1, 2))(q, v, a))))
        there = jax.device_put((q, v, a))
        return lambda: jax.block_until_ready(both(*there))

    return make


def casadi_arm(torques, q, v, a):
    def make():
        import casadi

        class Number:
            def __init__(self, x):
                self.x = x

            def sin(self):
                return casadi.sin(self.x)

            def cos(self):
                return casadi.cos(self.x)

            def __add__(self, other):
                return Number(self.x + other.x)

        s = [casadi.SX.sym(name, 2) for name in "qva"]
        ys = casadi.vertcat(*torques([Number(x) for x in s[0].elements()], s[1].elements(), s[2].elements()))
        slopes = casadi.densify(casadi.jacobian(ys, casadi.vertcat(*s)))
        f = casadi.Function("f", s, [ys, slopes]).map(len(q), "serial")
        outputs = np.empty(2 * len(q)), np.empty(12 * len(q))
        run = casadi_call(f, [q, v, a], outputs)

        def call():
            run()
            return outputs

        return call

    return make


def logistic(r, x, steps):
    for _ in range(steps):
        x = r * x * (1 - x)
    return x


def jax_logistic(r, x, steps):
    def make():
        import jax

        f = jax.value_and_grad(lambda r, x: jax.lax.fori_loop(0, steps, lambda i, x: r * x * (1 - x), x), (0, 1))
        compiled, there = jax.jit(f), jax.device_put((r, x))
        return lambda: jax.block_until_ready(compiled(*there))

    return make


def casadi_logistic(r, x, steps):
    def make():
        import casadi

        s = casadi.SX.sym("s", 2)
        y = logistic(s[0], s[1], steps)
        f = casadi.Function("f", [s], [casadi.vertcat(y, casadi.gradient(y, s))])
        out = np.empty(3)
        run = casadi_call(f, [np.array([r, x])], [out])

        def call():
            run()
            return out

        return call

    return make


def ddx_logistic(r, x, steps):
    def make():
        import ddx

        equation = ddx.equation(lambda: logistic(ddx.var("r"), ddx.var("x"), steps)).compile(points=1)
        call = equation.buffer(np.array([r, x]))
        assert equation.uses_kernel

        def step():
            call()
            return call.value, call.jacobian

        return step

    return make


def torch_logistic(r, x, steps):
    def make():
        import torch

        def step():
            given = [torch.tensor(u, dtype=torch.float64, requires_grad=True) for u in (r, x)]
            y = logistic(*given, steps)
            y.backward()
            return [y.item(), *(u.grad.item() for u in given)]

        return step

    return make


def hips_logistic(r, x, steps):
    def make():
        f = importlib.import_module("autograd").value_and_grad(lambda given: logistic(given[0], given[1], steps))
        return lambda: f((r, x))

    return make


def micrograd_logistic(r, x, steps):
    def make():
        Theirs = importlib.import_module("micrograd.engine").Value

        def step():
            given = Theirs(r), Theirs(x)
            y = logistic(*given, steps)
            y.backward()
            return [y.data, *(u.grad for u in given)]

        return step

    return make
