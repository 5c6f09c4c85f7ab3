"""Scripts written for micrograd and for the small GPT based on it, with only the import changed."""

from __future__ import annotations

import math
import random
from itertools import pairwise

import pytest

from autograd_tiny import Value

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


def test_the_idioms_of_a_small_gpt():
    """Run linear maps, softmax, rmsnorm, cross entropy and Adam as written in the 200-line script."""
    rng = random.Random(42)

    def matrix(nout, nin, std=0.08):
        return [[Value(rng.gauss(0, std)) for _ in range(nin)] for _ in range(nout)]

    state = {"wte": matrix(5, 4), "wq": matrix(4, 4), "wk": matrix(4, 4), "wv": matrix(4, 4), "lm_head": matrix(5, 4)}
    params = [p for mat in state.values() for row in mat for p in row]

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

    def gpt(token_id, keys, values):
        x = rmsnorm(state["wte"][token_id])
        q, k, v = linear(x, state["wq"]), linear(x, state["wk"]), linear(x, state["wv"])
        keys.append(k)
        values.append(v)
        attn = softmax([sum(q[j] * kt[j] for j in range(4)) / 4**0.5 for kt in keys])
        out = [sum(attn[t] * values[t][j] for t in range(len(values))) for j in range(4)]
        x = [a + b for a, b in zip(x, out, strict=True)]
        return linear(x, state["lm_head"])

    tokens = [0, 1, 2, 3, 4]
    m, v = [0.0] * len(params), [0.0] * len(params)
    seen = []
    for step in range(60):
        keys, values, losses = [], [], []
        for token, target in pairwise(tokens):
            probs = softmax(gpt(token, keys, values))
            losses.append(-probs[target].log())
        loss = (1 / len(losses)) * sum(losses)
        loss.backward()
        for i, p in enumerate(params):
            m[i] = 0.9 * m[i] + 0.1 * p.grad
            v[i] = 0.95 * v[i] + 0.05 * p.grad**2
            p.data -= 0.05 * (m[i] / (1 - 0.9 ** (step + 1))) / ((v[i] / (1 - 0.95 ** (step + 1))) ** 0.5 + 1e-8)
            p.grad = 0
        seen.append(loss.data)
    assert seen[0] == pytest.approx(math.log(5), abs=0.3)
    assert seen[-1] < 0.1


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
