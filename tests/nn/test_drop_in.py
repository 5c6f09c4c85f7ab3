"""Scripts written for micrograd and for the small GPT based on it, with only the import changed."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import pytest

from autograd_tiny import Value, jit, value_and_grad

pytestmark = pytest.mark.slow


@pytest.fixture
def np():
    return pytest.importorskip("numpy", reason="NumPy is not installed")


def test_the_example_of_its_readme():
    a = Value(-4.0)
    b = Value(2.0)
    c = a + b
    d = a * b + b**3
    c += c + 1
    c += 1 + c + (-a)
    d += d * 2 + (b + a).relu()
    d += 3 * d + (b - a).relu()
    e = c - d
    f = e**2
    g = f / 2.0
    g += 10.0 / f
    assert f"{g.data:.4f}" == "24.7041"
    g.backward()
    assert f"{a.grad:.4f}" == "138.8338"
    assert f"{b.grad:.4f}" == "645.5773"


def moons(np, n, rng):
    """Make two interleaved half circles, as scikit-learn's make_moons does, with labels -1 and 1."""
    angle = np.linspace(0, math.pi, n // 2)
    outer = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    inner = np.stack([1 - np.cos(angle), 0.5 - np.sin(angle)], axis=1)
    points = np.concatenate([outer, inner]) + rng.normal(scale=0.1, size=(n, 2))
    return points, np.repeat([-1, 1], n // 2)


@pytest.mark.long
def test_its_moons_demo(np):
    from autograd_tiny.nn import MLP

    np.random.seed(1337)
    random.seed(1337)
    X, y = moons(np, 40, np.random.default_rng(1))
    model = MLP(2, [16, 16, 1])  # 2-layer neural network
    assert len(model.parameters()) == 337

    def loss(batch_size=None):
        Xb, yb = X, y
        inputs = [list(map(Value, xrow)) for xrow in Xb]
        # forward the model to get scores
        scores = list(map(model, inputs))
        # svm "max-margin" loss
        losses = [(1 + -yi * scorei).relu() for yi, scorei in zip(yb, scores, strict=True)]
        data_loss = sum(losses) * (1.0 / len(losses))
        # L2 regularization
        alpha = 1e-4
        reg_loss = alpha * sum(p * p for p in model.parameters())
        total_loss = data_loss + reg_loss
        # also get accuracy
        accuracy = [(yi > 0) == (scorei.data > 0) for yi, scorei in zip(yb, scores, strict=True)]
        return total_loss, sum(accuracy) / len(accuracy)

    for k in range(100):
        total_loss, acc = loss()
        model.zero_grad()
        total_loss.backward()
        learning_rate = 1.0 - 0.9 * k / 100
        for p in model.parameters():
            p.data -= learning_rate * p.grad
    assert acc >= 0.98
    assert total_loss.data < 0.1


def small_gpt(rng, tokens=5, width=8, heads=2, block=6, layers=1):
    """Weights, and the loss of a text, as the 200-line script writes them: every number is a Value."""

    def matrix(nout, nin, std=0.08):
        return [[Value(rng.gauss(0, std)) for _ in range(nin)] for _ in range(nout)]

    weights = {"wte": matrix(tokens, width), "wpe": matrix(block, width), "lm_head": matrix(tokens, width)}
    for i in range(layers):
        for name in ("wq", "wk", "wv", "wo"):
            weights[f"layer{i}.{name}"] = matrix(width, width)
        weights[f"layer{i}.fc1"] = matrix(4 * width, width)
        weights[f"layer{i}.fc2"] = matrix(width, 4 * width)

    def linear(x, w):
        return [sum(wi * xi for wi, xi in zip(wo, x, strict=True)) for wo in w]

    def softmax(logits):
        max_val = max(val.data for val in logits)
        exps = [(val - max_val).exp() for val in logits]
        total = sum(exps)
        return [e / total for e in exps]

    def rmsnorm(x):
        ms = sum(xi * xi for xi in x) / len(x)
        scale = (ms + 1e-5) ** -0.5
        return [xi * scale for xi in x]

    def gpt(state, token, place, keys, values):
        x = [t + p for t, p in zip(state["wte"][token], state["wpe"][place], strict=True)]
        x = rmsnorm(x)
        for i in range(layers):
            residual = x
            x = rmsnorm(x)
            q, k, v = [linear(x, state[f"layer{i}.{name}"]) for name in ("wq", "wk", "wv")]
            keys[i].append(k)
            values[i].append(v)
            mixed, size = [], width // heads
            for h in range(heads):
                part = slice(h * size, (h + 1) * size)
                own, seen = q[part], [[row[part] for row in rows[i]] for rows in (keys, values)]
                near = [sum(a * b for a, b in zip(own, row, strict=True)) / size**0.5 for row in seen[0]]
                shares = softmax(near)
                mixed += [sum(shares[t] * seen[1][t][j] for t in range(len(shares))) for j in range(size)]
            x = [a + b for a, b in zip(linear(mixed, state[f"layer{i}.wo"]), residual, strict=True)]
            residual = x
            x = [xi.relu() for xi in linear(rmsnorm(x), state[f"layer{i}.fc1"])]
            x = [a + b for a, b in zip(linear(x, state[f"layer{i}.fc2"]), residual, strict=True)]
        return linear(x, state["lm_head"])

    def loss_of(state, text):
        keys, values, losses = [[] for _ in range(layers)], [[] for _ in range(layers)], []
        for place, (token, target) in enumerate(pairwise(text)):
            probs = softmax(gpt(state, token, place, keys, values))
            losses.append(-probs[target].log())
        return (1 / len(losses)) * sum(losses)

    def sample(state, temperature):
        keys, values, text = [[] for _ in range(layers)], [[] for _ in range(layers)], [0]
        for place in range(block):
            logits = gpt(state, text[-1], place, keys, values)
            probs = softmax([logit / temperature for logit in logits])
            text.append(rng.choices(range(tokens), weights=[p.data for p in probs])[0])
        return text

    return weights, loss_of, sample


def test_a_small_gpt_trains_and_samples():
    """Run the 200-line script: embeddings, attention in heads, rmsnorm, an MLP, Adam by hand, and sampling."""
    weights, loss_of, sample = small_gpt(random.Random(42))
    params = [p for rows in weights.values() for row in rows for p in row]
    m, v, seen = [0.0] * len(params), [0.0] * len(params), []
    for step in range(25):
        loss = loss_of(weights, [0, 1, 2, 3, 4, 0])
        loss.backward()
        for i, p in enumerate(params):
            m[i] = 0.85 * m[i] + 0.15 * p.grad
            v[i] = 0.95 * v[i] + 0.05 * p.grad**2
            p.data -= 0.05 * (m[i] / (1 - 0.85 ** (step + 1))) / ((v[i] / (1 - 0.95 ** (step + 1))) ** 0.5 + 1e-8)
            p.grad = 0
        seen.append(loss.data)
    assert seen[0] == pytest.approx(math.log(5), abs=0.3)
    assert seen[-1] < 0.1
    assert sample(weights, 0.1)[:6] == [0, 1, 2, 3, 4, 0]


def test_the_step_of_a_small_gpt_compiles(np):
    weights, loss_of, _ = small_gpt(random.Random(42), width=4, block=4)
    step = jit(value_and_grad(loss_of), static="text")  # its indices are part of the program
    for text in ((0, 1, 2, 3), (0, 4, 4, 1), (0, 1, 2, 3)):
        loss = loss_of(weights, text)
        loss.backward()
        y, gradient = step({name: [[p.data for p in row] for row in rows] for name, rows in weights.items()}, text)
        assert y == pytest.approx(loss.data, rel=1e-12)
        for name, rows in weights.items():
            for row, found in zip(rows, gradient[name], strict=True):
                assert [*found] == pytest.approx([p.grad for p in row], rel=1e-9, abs=1e-12)
                for p in row:
                    p.data -= 0.1 * p.grad
                    p.grad = 0
    assert sum(len(variants.known) for variants in step._variants.values()) == 2  # one for each text


def test_numpys_ufuncs_on_arrays_of_values(np):
    xs = np.array([Value(0.5), Value(0.25)])
    y = (np.tanh(xs) * np.exp(xs) + np.sqrt(xs) - np.log(xs) / np.arctan(xs) + abs(np.sin(xs)) ** 2).sum()
    y.backward()
    for x in xs:
        h = 1e-6
        f = lambda t: np.tanh(t) * np.exp(t) + np.sqrt(t) - np.log(t) / np.arctan(t) + abs(np.sin(t)) ** 2  # noqa: E731
        assert x.grad == pytest.approx((f(x.data + h) - f(x.data - h)) / (2 * h), rel=1e-8)
    w = np.array([[Value(1.0), Value(2.0)], [Value(3.0), Value(4.0)]])
    z = w @ np.array([10.0, 1.0])
    assert [v.data for v in z] == [12.0, 34.0]
    assert isinstance(np.float64(2.0) * Value(3.0), Value)
    assert isinstance(Value(3.0) / np.float32(2.0), Value)
