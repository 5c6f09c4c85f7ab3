"""The GPT of the demo: eager and compiled agree, padding changes nothing, and a step of it can be looked at."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from autograd_tiny import diagnose, draw, network, optim, trace
from autograd_tiny.engine.provenance import tracing

FILE = Path(__file__).parents[2] / "demos" / "8_gpt.py"
NAMES = [["mia", "johanna"], ["a", "henry"], ["otto", "zoe"]]


@pytest.fixture
def gpt():
    pytest.importorskip("numpy", reason="the demo needs NumPy")
    spec = importlib.util.spec_from_file_location("gpt", FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def small(gpt, monkeypatch):
    """The demo with a network that is quick to run eagerly."""
    monkeypatch.setattr(gpt, "MODEL", gpt.GPT(width=4, heads=2))
    return gpt


def mean_loss(gpt, model, names):
    samples = zip(*[x.tolist() for x in gpt.encoded(names)], strict=True)
    return sum(gpt.loss_of(model, *sample) for sample in samples) / len(names)


@pytest.mark.slow
def test_compiled_steps_are_the_eager_ones(small):
    import numpy as np

    w = np.array([p.data for p in small.MODEL.parameters()])
    model = small.MODEL.with_parameters(p.detach() for p in small.MODEL.parameters())
    eager, adam, step = optim.Adam(model, lr=0.01), optim.Adam(lr=0.01), small.compiled()
    slots, losses = adam.init(len(w)), []
    for i in range(20):
        names = NAMES[i % len(NAMES)]
        y, gradient = step(w, *small.encoded(names))
        adam.update(w, gradient, slots, i)
        loss = mean_loss(small, model, names)
        eager.zero_grad()
        loss.backward()
        eager.step()
        losses.append(y)
        assert y == pytest.approx(loss.data, abs=1e-9)
    assert losses[-1] < losses[0] - 0.5
    assert [p.data for p in model.parameters()] == pytest.approx(w.tolist(), abs=1e-9)
    assert sum(len(variants.known) for variants in step._variants.values()) == 1  # recorded once for all names


def test_what_follows_the_end_of_a_name_changes_nothing(small):
    letters, following, mask = [x[0].tolist() for x in small.encoded(["mia"])]
    n = len("mia") + 1
    assert mask == [1.0] * n + [0.0] * (small.BLOCK - n)
    loss = small.loss_of(small.MODEL, letters, following, mask)
    assert small.loss_of(small.MODEL, letters[:n], following[:n], mask[:n]).data == pytest.approx(loss.data, rel=1e-14)
    other = [*letters[:n], *range(small.BLOCK - n)]
    assert small.loss_of(small.MODEL, other, following, mask).data == loss.data


@pytest.mark.slow
def test_a_step_can_be_stepped_through(gpt, tmp_path):
    page = tmp_path / "gpt.html"
    subprocess.run(
        [sys.executable, "-m", "autograd_tiny", "step", f"{FILE}:loss", "--html", page],
        capture_output=True, check=True, env={**os.environ, "PYTHONIOENCODING": "utf-8"},
    )  # fmt: skip
    assert "block.attention.query" in page.read_text(encoding="utf-8")
    followed = trace(gpt.loss())
    assert followed.output.name == "loss"
    assert followed.at(len(followed)).grad(followed.node("block.attention.query.weight[0][0]")) != 0.0


def test_a_step_is_drawn_by_layers_and_diagnosed(gpt):
    with tracing() as recording:
        loss = gpt.loss()
    loss.backward()
    picture = draw(loss, collapse=2, recording=recording).picture
    assert len(picture.boxes) < 30
    assert {"block.attention", "block.mlp", "output"} <= {box.scope for box in picture.boxes}
    circles = {box.scope for box in network(loss, recording=recording).picture.boxes}
    assert {"block.attention.query", "block.attention.key", "block.mlp.wide", "block.mlp_sum"} <= circles
    assert "nan" not in str(diagnose(loss))
