"""Compare loops over equal blocks with the same steps written one by one: time to compile, and time of a call.

Run: python benchmarks/chains.py, or python benchmarks/chains.py garch gpt for two of its rows. Both forms are first
checked to give the same bits. Recording, which is the same for both, and compiling are in seconds of the processor;
calls are minima of interleaved rounds.
"""

import time

import numpy as np
from quick import parser

from autograd_tiny.compiler import jit
from autograd_tiny.compiler.backends.llvm import chains
from autograd_tiny.compiler.backends.llvm.engine import Code, compiled, machine
from autograd_tiny.compiler.backends.llvm.functions import functions
from autograd_tiny.compiler.backends.llvm.kernel import single
from autograd_tiny.compiler.backends.llvm.loops import loops
from autograd_tiny.compiler.lower import prepared
from autograd_tiny.nn.modules import MLP
from autograd_tiny.transforms.derivatives import value_and_grad

rng = np.random.default_rng(0)


def garch(n):
    """Make the negative log-likelihood of n returns."""
    returns = rng.normal(size=n).tolist()

    def f(p):
        w, a, b = p
        s, total = w / (1 - a - b), 0.0
        for x in returns:
            total = total + (s.log() + x * x / s)
            s = w + a * (x * x) + b * s
        return total * 0.5

    return f, [0.1, 0.1, 0.8]


def recurrence(n):
    def f(p):
        x, a = p
        for _ in range(n):
            x = (a * x).sin() + 0.1 * x
        return x

    return f, [0.5, 1.1]


def lotka(n):
    """Make n steps of the fourth-order Runge–Kutta method for two species."""

    def slope(p, x, y):
        return p[0] * x - p[1] * x * y, p[2] * x * y - p[3] * y

    def f(p):
        x, y, h = p[4], p[5], 0.05
        for _ in range(n):
            k = [slope(p, x, y)]
            for part in (h / 2, h / 2, h):
                k.append(slope(p, x + part * k[-1][0], y + part * k[-1][1]))
            x, y = (v + h / 6 * (k[0][i] + 2 * k[1][i] + 2 * k[2][i] + k[3][i]) for i, v in enumerate((x, y)))
        return x * y

    return f, [1.1, 0.4, 0.1, 0.4, 10.0, 5.0]


def samples(n):
    """Make the hinge loss of a network over n samples, one after the other."""
    model, xs, ys = MLP(2, [8, 8, 1], seed=0), rng.normal(size=(n, 2)).tolist(), rng.choice([-1.0, 1.0], n).tolist()

    def f(w):
        net = model.with_parameters(w)
        return sum((1 - y * net(x)).relu() for x, y in zip(xs, ys, strict=True))

    return f, [p.data for p in model.parameters()]


def rnn(n, width=8):
    """Make a recurrent network over n time steps."""
    xs = rng.normal(size=n).tolist()

    def f(w):
        rows = [w[i * width : (i + 1) * width] for i in range(width + 2)]
        h, total = [0.0] * width, 0.0
        for x in xs:
            h = [(dot(row, h) + u * x).tanh() for row, u in zip(rows, rows[width], strict=False)]
            total = total + (dot(rows[-1], h) - x) ** 2
        return total

    return f, (0.3 * rng.normal(size=width * (width + 2))).tolist()


def gpt(block, width=16, heads=4, words=27):
    """Make the loss of a transformer of one layer on a text of `block` words."""
    shapes = {"words": words, "places": block, "out": words, "q": width, "k": width, "v": width, "o": width}
    shapes |= {"up": 4 * width, "down": width}
    columns = {"down": 4 * width}
    text, size = rng.integers(0, words, block + 1).tolist(), width // heads

    def f(w):
        tables, at = {}, 0
        for name, rows in shapes.items():
            length = columns.get(name, width)
            tables[name] = [w[at + i * length : at + (i + 1) * length] for i in range(rows)]
            at += rows * length
        keys, values, loss = [], [], 0.0
        for t in range(block):
            x = normed(added(tables["words"][text[t]], tables["places"][t]))
            z = normed(x)
            q, k, v = ([dot(row, z) for row in tables[name]] for name in "qkv")
            keys.append(k)
            values.append(v)
            seen = []
            for h in range(0, width, size):
                weights = softmax([dot(q[h : h + size], k[h : h + size]) / size**0.5 for k in keys])
                seen += [dot(weights, [v[j] for v in values]) for j in range(h, h + size)]
            x = added(x, [dot(row, seen) for row in tables["o"]])
            z = normed(x)
            inner = [dot(row, z).relu() for row in tables["up"]]
            x = added(x, [dot(row, inner) for row in tables["down"]])
            loss = loss - softmax([dot(row, x) for row in tables["out"]])[text[t + 1]].log()
        return loss / block

    total = sum(rows * columns.get(name, width) for name, rows in shapes.items())
    return f, (0.08 * rng.normal(size=total)).tolist()


def dot(a, b):
    return sum((x * y for x, y in zip(a, b, strict=True)), 0.0)


def added(a, b):
    return [x + y for x, y in zip(a, b, strict=True)]


def normed(x):
    scale = (dot(x, x) / len(x) + 1e-5) ** -0.5
    return [v * scale for v in x]


def softmax(z):
    powers = [v.exp() for v in z]
    total = sum(powers)
    return [p / total for p in powers]


ROWS = {  # arguments, and those of --quick
    garch: ((2_000,), (100,)),
    recurrence: ((10_000,), (200,)),
    lotka: ((100,), (4,)),
    samples: ((50,), (4,)),
    rnn: ((50,), (5,)),
    gpt: ((8,), (2, 4, 2, 5)),
}


def main(names, quick):
    if quick:
        chains.MIN_STEPS = 0
    print(f"{'':12}{'steps':>9}{'record':>10}{'loops':>10}{'one by one':>12}{'call':>12}{'one by one':>12}{'ratio':>8}")
    for make, sizes in ROWS.items():
        if not names or make.__name__ in names:
            f, p = make(*sizes[quick])
            program, recording = taking(prepared_gradient, f, p, clock=time.process_time)
            kernels, builds = zip(
                *(taking(built, program, write, clock=time.process_time) for write in (chains.chained, functions)),
                strict=True,
            )
            x, calls = np.array(p), []
            first, second = (kernel(x) for kernel in kernels)
            assert np.array_equal(first, second, equal_nan=True)
            for _ in range(1 if quick else 200):
                calls.append([taking(kernel, x)[1] for kernel in kernels])
            loop, steps = (1e6 * call for call in np.min(calls, axis=0))
            print(
                f"{make.__name__:12}{len(program.steps):>9,}{recording:>8.2f} s{builds[0]:>8.2f} s{builds[1]:>10.2f} s"
                f"{loop:>9.1f} µs{steps:>9.1f} µs{loop / steps:>8.2f}"
            )


def prepared_gradient(f, p):
    return prepared(jit(value_and_grad(f)).program(p))


def built(program, write):
    made = write(program, machine(), contract=False)
    return single(program, Code(compiled(made.text + loops(program, machine(), made))))


def taking(f, *args, clock=time.perf_counter):
    start = clock()
    found = f(*args)
    return found, clock() - start


if __name__ == "__main__":
    arguments = parser(__doc__)
    arguments.add_argument("rows", nargs="*", help=", ".join(make.__name__ for make in ROWS))
    given = arguments.parse_args()
    main(given.rows, given.quick)
