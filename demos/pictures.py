"""Regenerate the pictures of the README; the page is a screenshot of the system's Chromium.

Run: make pictures
"""

import importlib
import os
import re
import shutil
from pathlib import Path

import numpy as np
from playwright.sync_api import sync_playwright
from rich.console import Console

from autograd_tiny import Value, jit, ops, value_and_grad
from autograd_tiny.engine.provenance import tracing
from autograd_tiny.optim import Adam
from autograd_tiny.pictures import network
from autograd_tiny.pictures.drawing import draw
from autograd_tiny.stepper.traces import trace
from autograd_tiny.stepper.views.prompt import Prompt
from autograd_tiny.stepper.views.sequence import gif
from autograd_tiny.train import plots

HERE = Path(__file__).parent


def shared():
    """A small graph with reuse: a is used twice, and so is b."""
    a = Value(3.0, "a")
    b = a + a
    b.name = "b"
    c = b * b
    c.name = "c"
    return c


with tracing() as recording:
    y = shared()
page_file = trace(y, recording).html(HERE.parent / "out" / "shared.html")
with open(os.devnull, "w", encoding="utf-8") as nowhere:
    console = Console(record=True, file=nowhere, width=92, highlight=False, force_terminal=True)
    prompt = Prompt(trace(y), console)
    for command in ("j 6", "why a", "paths a 2"):
        console.print(f"[bold]({prompt.state.n + 1}/8)[/bold] {command}")
        prompt.onecmd(command)
    drawn = console.export_svg(title="autograd-tiny step", unique_id="terminal")
    own_fonts = re.sub(
        r"@font-face \{.*?\}", "", drawn, flags=re.DOTALL
    )  # embedded fonts would be fetched from the network
    (HERE / "terminal.svg").write_text(own_fonts, encoding="utf-8")
gif(trace(y), HERE / "shared.gif")
penguins = importlib.import_module("3_penguins")
loss = penguins.loss_of(penguins.network(), penguins.split(penguins.read())[0])
loss.name = "loss"
loss.backward()
draw(loss, collapse=2).write(HERE / "batch.svg")
network(loss).write(HERE / "network.svg")
model, path = penguins.network(), []
X, labels = map(np.array, zip(*penguins.split(penguins.read())[0], strict=True))


def cost(model, x, label):
    return ops.softplus(-label * model(x))


step, optimizer = jit(value_and_grad(cost), batch=("x", "label"), reduce="mean"), Adam(model, lr=0.1)
for _ in range(100):
    path.append([p.data for p in model.parameters()])
    gradient = step(model, X, labels)[1]
    for name, p in model.named_parameters():
        p.grad = gradient[name]
    optimizer.step()
picture = plots.landscape(cost, model, X, labels, path=path)
picture.savefig(HERE.parent / "docs" / "static" / "landscape.png", metadata={"Software": None})
with sync_playwright() as p:
    browser = p.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"])
    page = browser.new_page(viewport={"width": 1240, "height": 620})
    page.goto(f"{page_file.resolve().as_uri()}#step=6")
    page.screenshot(path=HERE / "page.png")
    browser.close()
