"""Train a small network to tell two species of penguins apart by their bills.

Run: python demos/3_penguins.py
Step through its first training step: autograd-tiny step demos/3_penguins.py:loss

Data: autograd_tiny/data/penguins.csv, the Palmer penguins of Allison Horst, Alison Hill and Kristen Gorman (CC0),
measured by Kristen Gorman and the Palmer Station, Antarctica LTER: https://doi.org/10.1371/journal.pone.0090081
"""

import csv
import random
from importlib.resources import files
from statistics import mean, stdev

from rich.progress import track

from autograd_tiny import Value
from autograd_tiny.engine import ops
from autograd_tiny.nn.modules import MLP

KINDS = {"Adelie": -1.0, "Chinstrap": 1.0}
COLUMNS = ("bill_length_mm", "bill_depth_mm")
RATE, EPOCHS = 0.5, 80


def read():
    """(inputs, label) of each penguin of the two species: inputs scaled to mean 0 and deviation 1, label -1 or 1."""
    with files("autograd_tiny.data").joinpath("penguins.csv").open(encoding="utf-8", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["species"] in KINDS and row[COLUMNS[0]] != "NA"]
    columns = [[float(row[name]) for row in rows] for name in COLUMNS]
    scaled = [[(x - mean(column)) / stdev(column) for x in column] for column in columns]
    return [(list(xs), KINDS[row["species"]]) for row, xs in zip(rows, zip(*scaled, strict=True), strict=True)]


def loss_of(model, points):
    """Mean logistic loss: log(1 + exp(-label · score))."""
    return ops.fsum(*((-label * model(xs)).softplus() for xs, label in points)) / len(points)


def accuracy(model, points):
    return mean((model(xs).data > 0) == (label > 0) for xs, label in points)


def split(points):
    """Split the points into two thirds for training and one third for testing."""
    shuffled = random.Random(0).sample(points, len(points))
    return shuffled[: 2 * len(points) // 3], shuffled[2 * len(points) // 3 :]


def network():
    return MLP(2, [4, 1], activation=ops.tanh, seed=0)


def loss():
    """Loss of the untrained network on one penguin, small enough to follow every step of its gradient."""
    ((length, depth), label), *_ = split(read())[0]
    score = network()([Value(length, "bill_length"), Value(depth, "bill_depth")])
    score.name = "score"
    y = (-label * score).softplus()
    y.name = "loss"
    return y


def main():
    learn, ask = split(read())
    model = network()
    print(f"{model}, {len(model.parameters())} parameters; {len(learn)} penguins to train on, {len(ask)} to test on")
    print(f"before:  loss {loss_of(model, learn).data:.4f}   right on {accuracy(model, ask):.0%} of the others")
    for _ in track(range(EPOCHS), "learning"):
        error = loss_of(model, learn)
        model.zero_grad()
        error.backward()
        for parameter in model.parameters():
            parameter.data -= RATE * parameter.grad
    print(f"after:   loss {loss_of(model, learn).data:.4f}   right on {accuracy(model, ask):.0%} of the others")


if __name__ == "__main__":
    main()
