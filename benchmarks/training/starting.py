"""A second process: seconds until a network that an earlier one trained has done its first step."""

from training.processes import least, several


def second(quick):
    """Two networks, after a process that trained them."""
    rows = []
    for sizes in ("64-32-10", "2-16-16-1"):
        runs = several("first_step", sizes, often=1 if quick else 7, warm=True)
        rows += [
            (f"MLP {sizes}: s from the first import to the end of the first step", least(runs, "cpu"), "≤", 0.3),
            (f"MLP {sizes}: the same by the clock", least(runs, "seconds"), "", None),
            (f"MLP {sizes}: by the clock from the start of the interpreter", least(runs, "process"), "", None),
        ]
    return rows
