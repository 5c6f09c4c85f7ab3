"""Test traces as JSON: a file is complete and consistent, or is refused with the path to the fault."""

from __future__ import annotations

import contextlib
import copy
import io
import json
import math
import re

import pytest
from hypothesis import given
from rich.console import Console

from autograd_tiny import Op, Value
from autograd_tiny.check import programs
from autograd_tiny.engine import ops
from autograd_tiny.engine.provenance import tracing
from autograd_tiny.nn.modules import Neuron
from autograd_tiny.stepper.attribution import paths, why
from autograd_tiny.stepper.breakpoints import BreakpointError
from autograd_tiny.stepper.diagnosis import diagnose
from autograd_tiny.stepper.museum import BUGS, exhibit
from autograd_tiny.stepper.narration import explain_step
from autograd_tiny.stepper.trace_json import FORMAT, VERSION, from_json, to_json
from autograd_tiny.stepper.traces import trace
from autograd_tiny.stepper.views import layout
from autograd_tiny.stepper.views.page import page
from autograd_tiny.stepper.views.prompt import Prompt
from autograd_tiny.stepper.views.scene import Scene
from autograd_tiny.stepper.views.terminal import print_trace

pytestmark = pytest.mark.slow

OWN = Op("double", lambda x: 2 * x, (lambda y, x: 2.0,))
NEAR = Op("near", lambda a, b: a - b, (lambda y, a, b: 1.0, lambda y, a, b: -1.0), infix=("~", 7))


def small():
    """A trace with reuse, a constant, a kink, and gradients of an earlier backward()."""
    a, b = Value(3.0, "a"), Value(-2.0, "b")
    (a * b).backward()
    return trace((a * 2.0 + b * 3.0).relu() * a)


def recorded():
    """A trace with modules and lines, an op of three operands, ops that are not in the table."""
    with tracing() as recording:
        x = Value(0.5, "x")
        z = ops.fsum(Neuron(1, seed=0)([x]), NEAR(OWN(x), -1.0), 0.25)
    return trace(z, recording)


def broken():
    """A trace with nan and inf, forward and backward."""
    x = Value(0.0, "x")
    return trace(x.sqrt() * 0.0 + Value(math.nan) * Value(-math.inf, "far"))


TRACES = {f.__name__: f for f in (small, recorded, broken, lambda: trace(Value(1.0, "alone")))}


@given(programs())
def test_json_keeps_a_trace(program):
    steps = trace(program.value())
    text = to_json(steps)
    again = from_json(text)
    assert to_json(again) == text
    said = [[explain_step(each, n) for n in range(len(each))] for each in (steps, again)]
    assert said[0] == said[1]


@pytest.mark.parametrize("make", TRACES.values(), ids=TRACES)
def test_what_is_read_is_written_the_same(make):
    steps = make()
    again = from_json(to_json(steps))
    assert to_json(again) == to_json(steps)
    for n in range(len(steps)):
        assert explain_step(again, n)[:5] == explain_step(steps, n)[:5]
    assert str(diagnose(again)) == str(diagnose(steps))


def test_json_of_numbers_that_are_not_finite_and_of_ops_not_in_the_table():
    steps = trace(OWN(Value(math.inf, "x")) * Value(0.0, "zero"))
    again = from_json(to_json(steps))
    assert (
        [repr(step.contribution) for step in again[5:]]
        == [repr(step.contribution) for step in steps[5:]]
        == ["0.0", "inf", "0.0"]
    )


def test_any_name_can_be_written_to_a_file(tmp_path):
    steps = trace(Value(1.0, "\ud800</script>") * 2.0)
    assert to_json(from_json(to_json(steps).encode().decode())) == to_json(steps)
    assert b"?</script>" not in steps.html(tmp_path / "page.html").read_bytes()


def changed(**fields):
    """Return the JSON of a small trace with fields such as ``steps__8__local`` replaced."""
    found = json.loads(to_json(small()))
    for path, x in fields.items():
        *way, last = [int(part) if part.isdecimal() else part for part in path.split("__")]
        at = found
        for part in way:
            at = at[part]
        at[last] = x
    return json.dumps(found)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nope", "this is not JSON"),
        ("[]", "this JSON is not a trace: its format is not 'autograd-tiny trace'"),
        ("[" * 100_000, "nested too deeply"),
        ('{"format": ' + "[" * 100_000, "nested too deeply"),
        (f'{{"format": "{FORMAT}", "version": {VERSION}}}', "damaged: nodes: missing"),
        (changed(version=2), "has version 2, and this autograd_tiny reads version 1"),
        (changed(version=True), "has version True, and this autograd_tiny reads version 1"),
        (changed(nodes=[]), "nodes: expected at least one node, got none"),
        (changed(nodes__0__data="x"), "nodes[0].data: expected a number, got 'x'"),
        (changed(nodes__0__data=10**400), "nodes[0].data: expected a number, got 1000"),
        (changed(nodes__0__data=math.inf), "nodes[0].data: expected a number, got inf"),
        (changed(nodes__0__id=7), "nodes[0].id: expected 0, got 7"),
        (changed(nodes__0__more=7), "nodes[0].more: not a field of this format"),
        (changed(nodes__1__operands__0=1), "nodes[1].operands[0]: expected the id of an earlier node, got 1"),
        (changed(nodes__4__operands=[1, 1]), "nodes[3]: no later node uses it, and it is not the output"),
        (changed(nodes__1__op=None), "nodes[1]: a node without an op cannot have operands"),
        (changed(nodes__0__op={"name": "f", "symbol": "", "binds": 99}), "at least one node among the operands"),
        (changed(nodes__0__source="train.py"), "nodes[0].source: expected a file and a line, train.py:12"),
        (changed(steps__12__nth=3), "steps[12].nth: expected 1, got 3"),
        (changed(steps__8__local=3.5), "steps[8].contribution: expected 3.5, got 3.0"),
        (changed(steps__9__flags=["odd"]), "steps[9].flags[0]: expected one of nan, inf"),
        (changed(steps__9={"kind": "sideways"}), "steps[9].kind: expected a step: forward, seed, backward, got"),
        (changed(steps__9={"kind": "forward", "node": 0, "flags": []}), "steps[9].kind: expected backward, got"),
        (changed(steps=[]), "steps: expected 15 for these nodes, got 0"),
    ],
    ids=lambda text: text[-60:],
)  # fmt: skip
def test_json_that_is_refused(text, message):
    with pytest.raises(ValueError, match=re.escape(message)):
        from_json(text)


ODD = [None, True, 0, -1, 2.5, -0.0, 1e308, 5e-324, 10**30, math.nan, "nan", "", "x", " ", "\x1b[2J\u202e", "\ud800",
       "9" * 3000, "a:1", [], {}, [[]], {"constant": 1.0}, [0, 0, 0]]  # fmt: skip


PLACE = re.compile(
    r"this JSON is not a trace|this trace has version|this trace is damaged: (nodes|steps|format|version)[\w.\[\]]*: "
)


def mutants(document):
    """Yield the document with one fault at every place: replaced, off by one, deleted, doubled, moved, renamed.

    Each comes with its kind: the path of fields, and the change.
    """
    text, places = json.dumps(document), [((), document)]
    for way, at in places:
        items = at.items() if isinstance(at, dict) else enumerate(at) if isinstance(at, list) else ()
        places += [((*way, key), item) for key, item in items]
    for k, (*way, last) in enumerate(way for way, _ in places if way):

        def mutant(done, change, way=way, last=last):
            found = json.loads(text)
            at = found
            for key in way:
                at = at[key]
            change(at, last)
            return (*[key for key in (*way, last) if isinstance(key, str)], repr(done)), found

        item = document
        for key in (*way, last):
            item = item[key]
        near = [item + 1, item - 1, -item, str(item)] if isinstance(item, (int, float)) else []
        for new in ODD[k % 3 :: 3] + near:  # across its places a field meets all of them
            if type(new) is not type(item) or new != item:
                yield mutant(new, lambda at, key, new=new: at.__setitem__(key, new))
        yield mutant("deleted", lambda at, key: at.__delitem__(key))
        if isinstance(last, int):
            yield mutant("doubled", lambda at, key: at.insert(key, copy.deepcopy(at[key])))
            yield mutant("first", lambda at, key: at.insert(0, at.pop(key)))
        else:
            yield mutant("renamed", lambda at, key: at.__setitem__(f"{key}s", at.pop(key)))


def look(steps):
    """Run every view of a trace."""
    console = Console(file=io.StringIO(), width=80, force_terminal=True)
    print_trace(steps, console)
    page(steps)
    Scene(steps).graph(len(steps) - 1)
    str(diagnose(steps))
    for bug in BUGS:
        str(exhibit(steps, bug))
    for node in steps.nodes:
        why(steps, node)
        repr(paths(steps, node))
    for n in (len(steps), 0, len(steps) // 2):
        steps.at(n).seek(-1)
    for text in ("nan", "kink", "|grad| > 1", "op relu", "node a", "scope layers", "line 3"):
        with contextlib.suppress(BreakpointError):
            steps.find(text)
    prompt = Prompt(steps, console)
    prompt.preloop()
    for line in ("s", "exact", "list", "values", "why", "paths", "c", "p", "why a", "paths a 3", "watch a", "rc", "n",
                 "ns", "diagnose", "b op mul", "j 2", "z"):  # fmt: skip
        prompt.onecmd(line)


@pytest.mark.parametrize(
    "make", [pytest.param(make, id=name, marks=[pytest.mark.long] * (name != "small")) for name, make in TRACES.items()]
)
def test_one_thing_wrong_is_refused_or_can_be_seen(make, monkeypatch):
    monkeypatch.setattr(layout, "MOST_BY_RENDERER", 0)  # Graphviz is slow
    refused, seen = 0, set()
    for kind, document in mutants(json.loads(to_json(make()))):
        text = json.dumps(document)
        try:
            steps = from_json(text)
        except ValueError as error:
            refused += 1
            if not PLACE.match(str(error)):
                raise
            continue
        again = to_json(steps)
        assert to_json(from_json(again)) == again
        if kind not in seen:  # other places of the same field are alike
            seen.add(kind)
            try:
                look(steps)
            except Exception as error:
                error.add_note(text)
                raise
    assert refused > 100
