"""Named sets of data: points drawn from a seed, penguins, and those that ship with scikit-learn."""

from __future__ import annotations

from collections.abc import Callable
from difflib import get_close_matches
from importlib.resources import as_file, files
from typing import Any

import numpy as np

from autograd_tiny.data.reading import read_csv
from autograd_tiny.data.tables import Column, Numbers, Table
from autograd_tiny.engine.extras import needed_by


def load_set(name: str, n: int | None = None, seed: int | None = None) -> Table:
    """Return a named set as a table; its last column is the one to predict.

    moons, circles, spirals and xor are drawn from a seed, 200 points in two classes unless n says otherwise. penguins,
    the Palmer penguins of Horst, Hill and Gorman (CC0), have missing values. iris, wine, breast_cancer, digits and
    diabetes need scikit-learn.

    >>> load_set("moons", n=100, seed=0)
    Table(100 rows: x, y, moon)
    >>> load_set("penguins").drop_missing().drop("year")
    Table(333 rows: island, bill_length_mm, bill_depth_mm, flipper_length_mm, body_mass_g, sex, species)
    >>> load_set("moon")
    Traceback (most recent call last):
    ValueError: no set is called 'moon': did you mean 'moons'?
    """
    if name not in SETS:
        near = get_close_matches(str(name), SETS, 1)
        meant = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(SETS)}"
        raise ValueError(f"no set is called {name!r}: {meant}")
    if name in DRAWN:
        n = 200 if n is None else n
        if not isinstance(n, int) or n < 4:
            raise ValueError(f"{name} has 4 points or more, not {n!r}")
        return DRAWN[name](n, np.random.default_rng(0 if seed is None else seed))
    if n is not None or seed is not None:
        raise ValueError(f"{name} is not drawn, and takes no n and no seed")
    return _penguins() if name == "penguins" else _of_sklearn(name, SKLEARN[name])


def _moons(n: int, random: np.random.Generator) -> Table:
    """Two half circles that reach into each other."""
    upper = np.arange(n) % 2 == 0
    angle = random.uniform(0.0, np.pi, n)
    x = np.where(upper, np.cos(angle), 1.0 - np.cos(angle))
    y = np.where(upper, np.sin(angle), 0.5 - np.sin(angle))
    return _points(x, y, 0.1, random, "moon", np.where(upper, "upper", "lower"))


def _circles(n: int, random: np.random.Generator) -> Table:
    """A circle around another."""
    inner = np.arange(n) % 2 == 0
    angle, radius = random.uniform(0.0, 2 * np.pi, n), np.where(inner, 0.5, 1.0)
    return _points(
        radius * np.cos(angle), radius * np.sin(angle), 0.07, random, "circle", np.where(inner, "inner", "outer")
    )


def _spirals(n: int, random: np.random.Generator) -> Table:
    """Two arms that turn around each other one and a half times."""
    one = np.arange(n) % 2 == 0
    along = np.sqrt(random.uniform(0.01, 1.0, n))
    angle = 3 * np.pi * along + np.where(one, 0.0, np.pi)
    return _points(along * np.cos(angle), along * np.sin(angle), 0.02, random, "arm", np.where(one, "one", "other"))


def _xor(n: int, random: np.random.Generator) -> Table:
    """Four clouds at the corners of a square, opposite ones of one class."""
    corner = np.arange(n) % 4
    x, y = np.where(corner % 2 == 0, 1.0, -1.0), np.where(corner < 2, 1.0, -1.0)
    return _points(x, y, 0.3, random, "signs", np.where(x * y > 0, "same", "different"))


def _points(x: Numbers, y: Numbers, noise: float, random: np.random.Generator, name: str, labels: Any) -> Table:
    return Table({"x": x + random.normal(0, noise, len(x)), "y": y + random.normal(0, noise, len(y)), name: labels})


def _penguins() -> Table:
    with as_file(files("autograd_tiny.data").joinpath("penguins.csv")) as path:
        table = read_csv(path)
    return Table({**table.drop("species").columns, "species": table["species"]})


def _of_sklearn(name: str, target: str) -> Table:
    with needed_by(f"the set {name}"):
        from sklearn import datasets
    loaded = getattr(datasets, f"load_{name}")()
    columns: dict[str, Column] = {
        str(feature).replace(" (cm)", "_cm").replace(" ", "_").replace("/", "_per_"): loaded.data[:, k]
        for k, feature in enumerate(loaded.feature_names)
    }
    asked = loaded.target
    if name != "digits" and hasattr(loaded, "target_names"):
        asked = [str(loaded.target_names[k]) for k in asked.tolist()]
    return Table({**columns, target: asked})


DRAWN: dict[str, Callable[[int, np.random.Generator], Table]] = {
    "moons": _moons, "circles": _circles, "spirals": _spirals, "xor": _xor,
}  # fmt: skip
SKLEARN = {
    "iris": "species", "wine": "cultivar", "breast_cancer": "diagnosis", "digits": "digit", "diabetes": "progression",
}  # fmt: skip
SETS = [*DRAWN, "penguins", *SKLEARN]
