"""The rows of `train.py`, each a function of `quick`: figures beside their targets, or a table."""

import importlib

ROWS = {
    "digits": "folded:digits",
    "epochs": "epochs:digits",
    "steps": "epochs:own_steps",
    "cancer": "folded:cancer",
    "moons": "moons:learned",
    "micrograd": "moons:micrograd",
    "second": "starting:second",
    "optimizers": "keeping:optimizers",
    "killed": "keeping:killed",
}
TABLES = {"sizes": "epochs:sizes"}  # lines of cells, the header first


def row(name):
    """Return the function of a row; its file is imported when it is called."""
    file, _, function = (ROWS | TABLES)[name].partition(":")
    return lambda quick: getattr(importlib.import_module(f"training.{file}"), function)(quick)
