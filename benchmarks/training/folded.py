"""Networks trained in five folds, each program in a process of its own, on one processor and with an empty cache."""

from training.processes import least, several


def of_set(name, sizes, quick, epochs):
    runs = several("five_folds", name, 1 if quick else epochs, often=1 if quick else 3)
    return f"{name}, MLP {sizes}, {epochs} epochs", runs


def digits(quick):
    """Rows of digits: the accuracy and the seconds."""
    what, runs = of_set("digits", "64-32-10", quick, 50)
    return [
        (f"{what}: accuracy, mean of five fifths held out", runs[0]["accuracy"], "≥", 0.97),
        (f"{what}: s from the first import to all five", least(runs, "cpu"), "≤", 5),
        (f"{what}: the same by the clock", least(runs, "seconds"), "", None),
    ]


def cancer(quick):
    """Rows of breast cancer: the accuracy and the seconds."""
    what, runs = of_set("breast_cancer", "30-16-1", quick, 30)
    return [
        (f"{what}: accuracy, mean of five fifths held out", runs[0]["accuracy"], "≥", 0.965),
        (f"{what}: s from the first import to all five", least(runs, "cpu"), "≤", 3),
        (f"{what}: the same by the clock", least(runs, "seconds"), "", None),
    ]
