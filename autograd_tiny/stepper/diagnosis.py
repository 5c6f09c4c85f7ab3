"""Find the origin of nan and inf, dead units, and data changed after the forward pass."""

from __future__ import annotations

import html
import inspect
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograd_tiny.engine.digits import short
from autograd_tiny.engine.extras import needed_by
from autograd_tiny.engine.names import number, spell
from autograd_tiny.engine.provenance import is_engine, tracing
from autograd_tiny.engine.tree import leaves, rebuild
from autograd_tiny.engine.value import Value
from autograd_tiny.stepper.events import Node
from autograd_tiny.stepper.flags import FLAGS, has_flag
from autograd_tiny.stepper.origins import first_gradient, first_value, numbers, place, remedy
from autograd_tiny.stepper.traces import Trace, trace

MOST_NAMED = 5  # values that a sentence names


@dataclass(frozen=True)
class Diagnosis:
    """The symptoms found, the earliest cause first; false if there are none.

    >>> a = Value(3.0, "a")
    >>> bool(diagnose(a * a)), str(diagnose(a * a)).partition(":")[0]
    (False, 'nothing found')
    """

    symptoms: tuple[str, ...]

    def __bool__(self) -> bool:
        return bool(self.symptoms)

    def __str__(self) -> str:
        return (
            "\n".join(self.symptoms)
            or "nothing found: all numbers are finite, no unit is dead, no data was changed after the forward pass"
        )

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None, **kwargs: Any) -> dict[str, str]:
        return {"text/html": f"<pre>{html.escape(str(self))}</pre>", "text/plain": str(self)}


def diagnose(y: Value | Trace | Callable[..., Any], *args: Any, check: bool = False) -> Diagnosis:
    """Find where nan and inf begin, dead and saturated units, and data changed after the forward pass.

    >>> x = Value(0.0, "x")
    >>> print(diagnose(x.sqrt() * 2))
    the gradient of x is inf from sqrt(x) on: it has a pole, the local derivative ∂sqrt(x)/∂x is inf where x = 0
      try: (x + eps).sqrt() with a small eps, such as 1e-12

    A function is run on Values of `args`, and what it raises is found, too:

    >>> print(diagnose(lambda xs: xs[0] * xs[1], [2.0, float("nan")]).symptoms[0])
    xs[1] is given as nan at ...:1
      try: replace or leave out such numbers before the computation: math.isfinite(x) finds them

    With `check`, compare every local derivative with the exact one and name the first that is wrong; this needs
    autograd_tiny[check]. Under `tracing()` each symptom has its source line. Raises TypeError if y is neither a Value,
    a Trace nor a function, ImportError if `check` lacks its packages.
    """
    if isinstance(y, (Value, Trace)):
        if args:
            raise TypeError("diagnose takes arguments after a function only, as in diagnose(loss, x)")
        caller = sys._getframe(1)
        return _diagnosed(y if isinstance(y, Trace) else trace(y), check, {**caller.f_globals, **caller.f_locals})
    if not callable(y):
        raise TypeError(f"diagnose takes a Value, a Trace or a function and its arguments, got {y!r:.60}")
    return _of_function(y, args, check)


def _diagnosed(steps: Trace, check: bool, variables: Mapping[str, Any]) -> Diagnosis:
    found = [*_changed(steps), *first_value(steps, variables), *first_gradient(steps), *_units(steps)]
    if check:
        found += _checked(steps)
    return Diagnosis(tuple(found))


def _of_function(f: Callable[..., Any], args: tuple[Any, ...], check: bool) -> Diagnosis:
    """Run f on Values named after its arguments, and diagnose each number that it returns until one has a symptom."""
    try:
        names = list(inspect.signature(f).bind(*args).arguments)
    except (TypeError, ValueError):
        names = []  # f itself raises, or has no signature
    name = getattr(f, "__name__", "the function")
    with tracing() as recording:
        given = []
        for i, x in enumerate(args):
            found = leaves(x, names[i] if i < len(names) else f"argument {i}")
            given.append(rebuild(x, [v if isinstance(v, Value) else Value(v, path) for path, v in found]))
        try:
            returned = f(*given)
            ys = [(path, y) for path, y in leaves(returned, "the result")]
        except Exception as error:  # what the user's function raises is the finding
            raised = f"{name} raises {type(error).__name__}{_raised_at(error)}: {error}"
            return Diagnosis((f"{raised}\n  try: {advice}" if (advice := remedy(error)) else raised,))
        diagnosis = Diagnosis(())
        for path, y in ys:
            if not isinstance(y, Value):
                kind = type(y).__name__
                return Diagnosis((f"{path} of {name} is {y!r:.60} of type {kind}, which records nothing: no gradient",))
            if diagnosis := _diagnosed(trace(y, recording), check, {}):
                break
    return diagnosis


def _raised_at(error: Exception) -> str:
    """Format the line of the user's code that raised, the innermost outside of this package."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if not is_engine(frame.filename)]
    return f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""


def _changed(steps: Trace) -> list[str]:
    for node in steps.nodes:
        if node.op is None:
            continue
        xs = numbers(node)
        try:
            now = node.op.ieee(*xs)
        except (TypeError, ValueError):
            continue
        if now != node.data and (now == now or node.data == node.data):
            names = [x.name for x in node.operands if isinstance(x, Node)]
            computed = spell(node.op, [number(x) for x in xs]).text
            found = f"{node.named.title} is {short(node.data)}, but {computed} is {short(now)}"
            changed = names[0] if len(set(names)) == 1 else f"one of {', '.join(names[:MOST_NAMED])}"
            return [f"{found}: {changed} was changed after the forward pass{place(node)}"]
    return []


def _units(steps: Trace) -> list[str]:
    found: dict[str, list[str]] = {name: [] for name, flag in FLAGS.items() if flag.symptom}
    for n in range(steps.seed + 1, len(steps)):
        step = steps[n]
        for flag, names in found.items():
            if has_flag(step, flag):
                names.append(step.node.name)
    return [
        f"{flag}: {len(names):,} of {steps.seed:,} values {_verb(FLAGS[flag].symptom, len(names))}: "
        f"{', '.join(names[:MOST_NAMED])}{', …' if len(names) > MOST_NAMED else ''}"
        for flag, names in found.items()
        if names
    ]


def _verb(phrase: str, n: int) -> str:
    """Make a verb phrase agree with a count: 1 of 2 values passes, 2 of 2 values pass."""
    verb, _, rest = phrase.partition(" ")
    if n > 1:
        return phrase
    singular = {"have": "has", "pass": "passes", "lose": "loses"}.get(verb, verb)
    return f"{singular} {rest}".replace("their ", "its ").replace("theirs", "its own")


def _checked(steps: Trace) -> list[str]:
    with needed_by("diagnose(…, check=True)"):
        from autograd_tiny.check import graph

    nodes = [
        graph.EngineNode(
            node.op,
            tuple(x.number if isinstance(x, Node) else x for x in node.operands),
            node.data,
            None,
            node.local_derivatives,
        )
        for node in steps.nodes
    ]
    found = graph.check_nodes(nodes, [node.name for node in steps.nodes], accumulation=False).findings
    return [f"wrong: {_told(found[0])}{place(steps.nodes[found[0].node or 0])}"] if found else []


def _told(finding: Any) -> str:
    return f"{finding.what} is {finding.got!r} and should be {finding.exact}: {finding.note}"
