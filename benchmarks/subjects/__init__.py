"""The rows of the table, from smallest to largest; each file holds one subject, as a user of each engine writes it."""

from subjects import arm, chains, gpt, network, pricing, rosenbrock, small, unlike

SUBJECTS = (small, rosenbrock, network, arm, pricing, chains, unlike, gpt)


def every(quick):
    """Every row by its key; `quick` makes them tiny."""
    return {row.key: row for subject in SUBJECTS for row in subject.rows(quick)}
