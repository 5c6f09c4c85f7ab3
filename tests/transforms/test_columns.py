"""A program holds columns: every step can be read back, whatever its constants and its width."""

from __future__ import annotations

import math
import pickle
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autograd_tiny.check import programs, special_reals
from autograd_tiny.compiler.lower import prepared
from autograd_tiny.engine import ops
from autograd_tiny.transforms.columns import NONE, Steps, columns_of
from autograd_tiny.transforms.program import Program, Step


def exact(place):
    return place if isinstance(place, int) else struct.pack("d", place) if place == place else "nan"


def shown(steps):
    return [(op, *map(exact, operands)) for op, operands in steps]


def written(rows):
    """Make a program of two inputs from rows of an op and operands."""
    return Program(("x", "y"), tuple(Step(op, tuple(operands)) for op, operands in rows), (2, -0.0, 7.5, math.nan))


ROWS = st.one_of(
    st.tuples(st.sampled_from([ops.fsum, ops.logsumexp]), st.integers(1, 6)),
    st.sampled_from([(ops.neg, 1), (ops.mul, 2), (ops.where, 3)]),
)
PLACES = st.one_of(st.integers(0, 1), special_reals(), st.just(math.nan))


@given(st.lists(ROWS.flatmap(lambda row: st.tuples(st.just(row[0]), st.lists(PLACES, min_size=row[1], max_size=row[1]))), min_size=1))  # fmt: skip  # noqa: E501
def test_columns_hold_every_step(rows):
    program = written(rows)
    assert program.steps.kinds() == list(dict.fromkeys((op, len(operands)) for op, operands in program.steps))
    assert shown(program.steps) == [(op, *map(exact, operands)) for op, operands in rows]
    assert shown(pickle.loads(pickle.dumps(program)).steps) == shown(program.steps)
    columns = columns_of(program)
    read = lambda x: x if x >= 0 else columns.constants[~x]  # noqa: E731
    again = [
        (columns.ops[code], *[exact(read(column[i])) for column in columns.operands if column[i] != NONE])
        for i, code in enumerate(columns.code)
    ]
    assert again == shown(program.steps)
    assert [exact(read(y)) for y in columns.outputs] == [exact(y) for y in program.outputs]
    assert len(columns.operands) == max(len(operands) for _, operands in rows)
    assert len(set(map(exact, columns.constants))) == len(columns.constants)


@given(programs())
def test_steps_are_a_sequence(program):
    steps = program.steps
    assert steps == tuple(steps) == Steps.of(len(program.inputs), list(steps))
    assert hash(steps) == hash(tuple(steps))
    assert steps[:2] == tuple(steps)[:2]
    assert repr(steps) == repr(tuple(steps))
    with pytest.raises(IndexError):
        steps[len(steps)]


def test_constants_written_twice_keep_their_places():
    steps = Steps(1, [ops.mul, ops.add], ([0, 1], [0, 1], [-1, -3], [NONE, NONE]), {}, [2.0, 2.0, 5.0])
    assert steps == (Step(ops.mul, (0, 2.0)), Step(ops.add, (1, 5.0)))
    assert prepared(Program(("x",), steps, (2, 2.0))).run([3.0]) == [11.0, 2.0]
