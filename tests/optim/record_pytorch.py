"""Record PyTorch's optimizers in float64 on a fixed problem: `python record_pytorch.py > pytorch.json`."""

from __future__ import annotations

import json
import math

import torch
from torch.optim import SGD, Adagrad, Adam, AdamW, Optimizer, RMSprop
from torch.optim.lr_scheduler import CosineAnnealingLR, ExponentialLR, LinearLR, StepLR

X = [[math.sin(1.0 + 0.7 * i * j) for j in range(1, 4)] for i in range(8)]
Y = [math.cos(0.3 * i * i) for i in range(8)]
START = [0.5, -1.0, 0.25, 2.0]
AFTER = (1, 10, 100)


class Lion(Optimizer):
    """Algorithm 2 of Chen et al., 2023, which PyTorch lacks."""

    def __init__(self, params, lr, betas, weight_decay):
        super().__init__(params, {"lr": lr, "betas": betas, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self):
        for group in self.param_groups:
            lr, (beta1, beta2) = group["lr"], group["betas"]
            for p in group["params"]:
                m = self.state[p].setdefault("m", torch.zeros_like(p))
                p.mul_(1 - lr * group["weight_decay"])
                p.add_(torch.sign(m.mul(beta1).add(p.grad, alpha=1 - beta1)), alpha=-lr)
                m.mul_(beta2).add_(p.grad, alpha=1 - beta2)


RUNS = [
    (SGD, {"lr": 0.05}),
    (SGD, {"lr": 0.05, "weight_decay": 0.1}),
    (SGD, {"lr": 0.02, "momentum": 0.9}),
    (SGD, {"lr": 0.02, "momentum": 0.8, "weight_decay": 0.1}),
    (SGD, {"lr": 0.02, "momentum": 0.9, "nesterov": True}),
    (SGD, {"lr": 0.02, "momentum": 0.8, "nesterov": True, "weight_decay": 0.1}),
    (Adam, {"lr": 0.05}),
    (Adam, {"lr": 0.05, "betas": [0.8, 0.95], "eps": 1e-3, "weight_decay": 0.1}),
    (AdamW, {"lr": 0.05}),
    (AdamW, {"lr": 0.05, "betas": [0.8, 0.95], "eps": 1e-3, "weight_decay": 0.2}),
    (RMSprop, {"lr": 0.02}),
    (RMSprop, {"lr": 0.01, "alpha": 0.9, "eps": 1e-3, "weight_decay": 0.1}),
    (Adagrad, {"lr": 0.3}),
    (Adagrad, {"lr": 0.3, "eps": 1e-3, "weight_decay": 0.1}),
    (Lion, {"lr": 0.01, "betas": [0.9, 0.99], "weight_decay": 0.0}),
    (Lion, {"lr": 0.01, "betas": [0.8, 0.95], "weight_decay": 0.3}),
]
FACTORS = {  # by our names and options
    "cosine": ({"steps": 11, "floor": 0.1}, lambda o: CosineAnnealingLR(o, 11, eta_min=0.1)),
    "step_decay": ({"every": 5, "factor": 0.5}, lambda o: StepLR(o, 5, 0.5)),
    "exponential": ({"factor": 0.9}, lambda o: ExponentialLR(o, 0.9)),
    "warmup": ({"steps": 5}, lambda o: LinearLR(o, start_factor=1 / 5, total_iters=4)),
}


def trained(make, options, schedule=None, clip=None):
    """Train for 100 steps; return the parameters after some of them."""
    w = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    x, y = torch.tensor(X, dtype=torch.float64), torch.tensor(Y, dtype=torch.float64)
    optimizer, found = make([w], **options), []
    scheduler = schedule and schedule(optimizer)
    for step in range(1, AFTER[-1] + 1):
        optimizer.zero_grad()
        ((torch.tanh(x @ w[:3] + w[3]) - y) ** 2).mean().backward()
        if clip:
            torch.nn.utils.clip_grad_norm_([w], clip)
        optimizer.step()
        if scheduler:
            scheduler.step()
        if step in AFTER:
            found.append(w.detach().tolist())
    return found


def factors(make, steps=12):
    """Return the learning rates that a scheduler makes of 1."""
    optimizer = SGD([torch.zeros(1, dtype=torch.float64, requires_grad=True)], lr=1.0)
    scheduler, found = make(optimizer), []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def lines(rows, ends):
    """Write rows of text as JSON, one per line."""
    return ends[0] + "\n" + ",\n".join(f" {row}" for row in rows) + "\n" + ends[1]


if __name__ == "__main__":
    torch.set_num_threads(1)
    runs = [{"name": m.__name__, "options": options, "parameters": trained(m, options)} for m, options in RUNS]
    made = {name: {"options": options, "factors": factors(make)} for name, (options, make) in FACTORS.items()}
    cosine = trained(Adam, {"lr": 0.05}, lambda o: CosineAnnealingLR(o, 100))
    fields = {
        "torch": json.dumps(torch.__version__),
        "X": json.dumps(X),
        "y": json.dumps(Y),
        "start": json.dumps(START),
        "after": json.dumps(AFTER),
        "runs": lines(map(json.dumps, runs), "[]"),
        "clipped": json.dumps({"max_norm": 0.01, "lr": 0.5, "parameters": trained(SGD, {"lr": 0.5}, clip=0.01)}),
        "factors": lines((f'"{name}": {json.dumps(row)}' for name, row in made.items()), "{}"),
        "scheduled": json.dumps({"lr": 0.05, "steps": 100, "parameters": cosine}),
    }
    print("{\n" + ",\n".join(f'"{name}": {text}' for name, text in fields.items()) + "\n}")
