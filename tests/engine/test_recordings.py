"""Records of source lines: each thread and task has its own, whatever the order of start and end."""

from __future__ import annotations

import asyncio
import contextvars
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import autograd_tiny
from autograd_tiny import Value, nn
from autograd_tiny.engine import value
from autograd_tiny.engine.provenance import is_engine, recorded, tracing
from autograd_tiny.stepper.traces import trace
from autograd_tiny.transforms.derivatives import grad


def in_threads(f, xs):
    with ThreadPoolExecutor(len(xs)) as pool:
        return list(pool.map(f, xs))


def is_plain():
    return value._new is object.__new__


def computed(recording):
    return [v.data for v in recording.where]


def test_overlapping_threads_record_their_own_and_leave_no_trace():
    step = [threading.Event() for _ in range(4)]
    a, b, found = Value(1.0), Value(2.0), {}

    def first():
        with tracing() as found["a"]:
            a + 1.0
            step[0].set()
            assert step[1].wait(10)
            a + 2.0
        step[2].set()
        assert step[3].wait(10)
        a + 3.0

    def second():
        assert step[0].wait(10)
        with tracing() as found["b"]:
            b + 10.0
            step[1].set()
            assert step[2].wait(10)
            b + 20.0
        b + 30.0
        step[3].set()

    threads = [threading.Thread(target=f) for f in (first, second)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)
    assert is_plain()
    for _ in range(20):
        thread = threading.Thread(target=lambda: a + 5.0)
        thread.start()
        thread.join(10)
    assert (computed(found["a"]), computed(found["b"])) == ([2.0, 3.0], [12.0, 22.0])


def test_many_threads_record_everything_of_theirs():
    def work(k):
        x, lengths = Value(float(k)), []
        for _ in range(30):
            with tracing() as recording:
                for _ in range(20):
                    x + 1.0
            lengths.append(computed(recording) == [k + 1.0] * 20)
        return all(lengths)

    assert all(in_threads(work, range(4)))
    assert is_plain()


def test_tasks_record_their_own_and_what_is_made_within_them():
    async def task(k):
        with tracing() as recording:
            for _ in range(5):
                Value(float(k)) + 1.0
                await asyncio.sleep(0)
        Value(float(k)) + 2.0
        return recording

    async def main():
        with tracing() as outer:
            own = await asyncio.gather(*map(task, range(5)))
            late = asyncio.create_task(asyncio.sleep(0.01, None))
            inherits = asyncio.create_task(after(late))
        await inherits
        return own, outer

    async def after(other):
        await other
        assert recorded() is None  # its context holds a record that has ended
        return Value(7.0) + 7.0

    own, outer = asyncio.run(main())
    assert [computed(recording) for recording in own] == [[k + 1.0] * 5 for k in range(5)]
    assert sorted(computed(outer)) == sorted([k + 1.0 for k in range(5)] * 5 + [k + 2.0 for k in range(5)])
    assert is_plain()


def test_generators_leave_in_any_order():
    def block():
        with tracing() as recording:
            yield recording

    first, second = block(), block()
    a, b, x = next(first), next(second), Value(1.0)
    x + 1.0
    assert recorded() is b
    first.close()
    x + 2.0
    assert recorded() is b
    second.close()
    x + 3.0
    assert recorded() is None
    assert (computed(a), computed(b)) == ([2.0], [2.0, 3.0])
    assert is_plain()


def test_a_block_that_another_context_leaves_ends_too():
    def block():
        with tracing() as recording:
            yield recording

    blocks = block()
    recording = contextvars.copy_context().run(next, blocks)
    blocks.close()
    Value(1.0) + 1.0
    assert (computed(recording), recorded()) == ([], None)
    assert is_plain()


def test_an_error_ends_a_recording():
    with pytest.raises(ZeroDivisionError), tracing() as outer, tracing():
        Value(1.0) / 0.0
    assert recorded() is None
    Value(1.0) + 1.0
    assert computed(outer) == []
    assert is_plain()


def test_a_recording_within_another_is_part_of_both():
    x = Value(1.0)
    with tracing() as outer:
        x + 1.0
        with tracing() as inner:
            x + 2.0
        x + 3.0
    assert (computed(outer), computed(inner)) == ([2.0, 3.0, 4.0], [3.0])


def test_values_know_their_place_in_the_order_of_execution():
    with tracing():
        a = Value(2.0, "a")
        late = a.exp()
        early = a * a
        steps = trace(early + late)
    places = {node.op.name: node.where.place for node in steps.nodes if node.where is not None}
    assert places == {"exp": 0, "mul": 1, "add": 2}


def test_the_engine_is_known_by_its_folder():
    folder = Path(autograd_tiny.__file__).parent
    for path in folder.rglob("*.py"):
        assert is_engine(str(path)) == (path.parent.name != "nn"), path
    assert not is_engine(os.path.join(f"{folder}_more", "value.py"))
    assert is_engine(os.path.join(str(folder), "engine", "value.py"))
    assert all(is_engine(f.__code__.co_filename) for f in (Value.binary, grad, recorded))
    assert not is_engine(nn.MLP.__call__.__code__.co_filename)
