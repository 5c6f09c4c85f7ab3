"""Derivatives of functions: grad, value_and_grad, jvp, vjp, jacobian, hessian, hvp.

Functions take scalars and nested lists, tuples, dicts and Modules of scalars, and the transforms compose in any
order. Floats in, floats out; given Values, or inside another transform, the results are Values that can be
differentiated again. A Value that f closes over is a constant: pass it as an argument to differentiate with respect
to it later; a parameter of a Module counts however f reaches it (doors.py). Transforms never write `.grad`: adjoints
are in a dict of the call.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial, wraps
from operator import attrgetter
from typing import Any

from autograd_tiny.engine import ops
from autograd_tiny.engine.chain_rule import by_square, contributions, present, slope_of_square, taken
from autograd_tiny.engine.digits import counted
from autograd_tiny.engine.ieee import local_derivatives, never_raise
from autograd_tiny.engine.operand import Operand
from autograd_tiny.engine.tree import array_of, flat, holds_operands, is_array, kind_of, leaves, rebuild
from autograd_tiny.engine.value import Value, topological_order
from autograd_tiny.transforms.absence import guarding
from autograd_tiny.transforms.argnums import Argnums, positional
from autograd_tiny.transforms.derived import Derived, require_function
from autograd_tiny.transforms.doors import (
    NODES,
    Doors,
    depends,
    differentiating,
    doors,
    handed_out,
    is_differentiating,
    lift,
    lifted_all,
    returned,
)
from autograd_tiny.transforms.dual import ABSENT, Dual, forward_level, is_live, new_level
from autograd_tiny.transforms.floats import explain_float
from autograd_tiny.transforms.libraries import explaining
from autograd_tiny.transforms.making import refuse_floats
from autograd_tiny.transforms.reverse import swept
from autograd_tiny.transforms.tracer import Tracer, is_recording, is_stale, lifts, number, traced

Function = Callable[..., Any]
_data = attrgetter("data")


class NotOneNumber(TypeError):
    """A function whose gradient is taken returned a container."""


def grad(f: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Return the function that computes ∂f/∂argument, in the structure of the argument; f returns one number.

    >>> grad(lambda x: x**3)(2.0), grad(grad(lambda x: x**3))(2.0)
    (12.0, 12.0)
    >>> grad(lambda p: p["w"] * 3 + p["b"])({"w": 2.0, "b": 1.0})
    {'w': 3.0, 'b': 1.0}

    `argnums` is the position of an argument, its name, or a tuple of these. The gradient with respect to a Module is a
    dict keyed by parameter name. With `has_aux`, f returns the number and anything else, and the result is the gradient
    and this, its numbers as floats. Raises TypeError if f does not return a number, an argument is not made of real
    numbers or argnums is not an argument, and ValueError if it names one twice.
    """
    require_function(f, "grad")

    def derivative(*args: Any, **kwargs: Any) -> Any:
        first, aux = _with_aux(f) if has_aux else (f, [])
        run = _run(first, args, kwargs, argnums)
        gradient = run.gradient(_scalar(f, run.output))
        return (gradient, _settled_aux(aux.pop(), run.keep)) if has_aux else gradient

    return Derived(derivative, grad, f, argnums, has_aux)


def value_and_grad(f: Function, argnums: Argnums = 0, has_aux: bool = False) -> Derived:
    """Return the function that computes (f, ∂f/∂argument) in one forward and one backward pass.

    >>> value_and_grad(lambda x, y: x * y, argnums=(0, 1))(2.0, 5.0)
    (10.0, (5.0, 2.0))

    >>> value_and_grad(lambda w, *, x: ((w * x) ** 2, {"prediction": w * x}), "w", has_aux=True)(2.0, x=5.0)
    ((100.0, {'prediction': 10.0}), 100.0)

    Raises as `grad` does.
    """

    def derivative(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        first, aux = _with_aux(f) if has_aux else (f, [])
        run = _run(first, args, kwargs, argnums)
        y = _scalar(f, run.output)
        value, gradient = run.settled(y), run.gradient(y)
        return ((value, _settled_aux(aux.pop(), run.keep)) if has_aux else value), gradient

    return Derived(derivative, value_and_grad, f, argnums, has_aux)


def jacobian(f: Function, argnums: Argnums = 0) -> Function:
    """Return the function that computes ∂outputs/∂argument: the structure of the output around that of the argument.

    >>> jacobian(lambda x: [x[0] * x[1], x[0].exp()])([0.0, 2.0])
    [[2.0, 0.0], [1.0, 0.0]]

    Reverse mode: one forward pass, one backward sweep per output. Raises TypeError as `grad` does, but f may return any
    structure of numbers.
    """

    def derivative(*args: Any, **kwargs: Any) -> Any:
        run = _run(f, args, kwargs, argnums)
        if is_array(run.output) and not run.output.size and is_array(like := run.gradient(0.0)):
            return array_of([], run.output.shape + like.shape)  # no number holds the inner shape
        return rebuild(run.output, [run.gradient(y) for _, y in leaves(run.output, "output")])

    return Derived(derivative, jacobian, f, argnums)


def hessian(f: Function, argnums: Argnums = 0) -> Function:
    """Return the function that computes every second derivative of f: the structure of the argument, twice.

    >>> hessian(lambda x: x[0] ** 2 * x[1])([3.0, 5.0])
    [[10.0, 6.0], [6.0, 0.0]]

    Reverse over reverse mode: one backward sweep per number of the argument. Raises as `grad` does.
    """
    return Derived(jacobian(grad(f, argnums), argnums), hessian, f, argnums)


def jvp(f: Function, primals: tuple[Any, ...], tangents: tuple[Any, ...]) -> tuple[Any, Any]:
    """Compute (f(*primals), its directional derivative along tangents) by forward mode.

    >>> jvp(lambda x, y: x * y, (2.0, 5.0), (1.0, 10.0))
    (10.0, 25.0)

    Raises TypeError unless both are tuples, and ValueError if their structures differ.
    """
    if not (isinstance(primals, (tuple, list)) and isinstance(tangents, (tuple, list))):
        raise TypeError("jvp(f, primals, tangents) takes two tuples, one item per argument: jvp(f, (x,), (1.0,))")
    xs, ts = [x for _, x in leaves(primals)], _alike("tangents", tangents, "primals", primals)
    if not xs:
        for i, x in enumerate(primals):
            refuse_floats(x, f"argument {i}")
    keep = holds_operands(primals) or holds_operands(tangents)
    ts = [ABSENT if _is_nothing(t) else t for t in ts]
    with forward_level() as level:
        inner = [lift(x, level) if keep or isinstance(x, Dual) or depends(x) else number(x) for x in xs]
        duals = [Dual(x, t, level) for x, t in zip(inner, ts, strict=True)]
        moved = rebuild(primals, duals)
        run = doors(_name(f), level, inner, [primals], [moved], ())
        with differentiating(level, duals, xs), explaining("differentiated"):
            output = f(*moved)
        ys = numbers_of(output, _name(f))
        carried = [y if isinstance(y, Dual) and y.level == level else Dual(y, 0.0) for y in ys]
        along = [_plus(y.tangent, _push(y.primal, run, ts, keep or depends(y.primal))) for y in carried]
    return (
        rebuild(output, [_settle(y.primal, keep) for y in carried]),
        rebuild(output, [_settle(t, keep) for t in along]),
    )


def vjp(f: Function, *primals: Any) -> tuple[Any, Callable[[Any], tuple[Any, ...]]]:
    """Compute f(*primals) and return it with the function from a cotangent to one gradient per primal.

    >>> y, pullback = vjp(lambda x, y: [x * y, x + y], 2.0, 5.0)
    >>> y, pullback([1.0, 100.0])
    ([10.0, 7.0], (105.0, 102.0))

    The cotangent has the structure of the output; pullback raises ValueError if it has not.
    """
    run = _run(f, primals, {}, tuple(range(len(primals))))
    ys = flat(run.output)

    def pullback(cotangent: Any) -> tuple[Any, ...]:
        gs = _alike("the cotangent", cotangent, "the output", run.output)
        chosen = [(y, g) for y, g in zip(ys, gs, strict=True) if not _is_nothing(g)]
        token = never_raise.set(True)
        try:
            weighted = ops.dot(*[y for y, _ in chosen], *[g for _, g in chosen]) if chosen else 0.0
        finally:
            never_raise.reset(token)
        gradient: tuple[Any, ...] = run.gradient(weighted, run.keep or holds_operands(cotangent), handed_out)
        return gradient

    return rebuild(run.output, [handed_out(run.settled(y), run.doors.level) for y in ys]), pullback


def hvp(f: Function, x: Any, v: Any) -> Any:
    """Compute the Hessian of f at x times v, forward over reverse, at the cost of about two gradients.

    >>> hvp(lambda x: x[0] ** 2 * x[1], [3.0, 5.0], [1.0, 0.0])
    [10.0, 6.0]

    Raises ValueError if v differs from x in structure.
    Source: Pearlmutter, Fast Exact Multiplication by the Hessian, Neural Computation 6 (1), 1994.
    """
    return jvp(grad(f), (x,), (v,))[1]


def stop_gradient(x: Any) -> Any:
    """Return x as a constant: the same numbers, without their operations.

    >>> grad(lambda x: x * stop_gradient(x))(3.0)
    3.0

    x may be a number or a container of numbers; raises TypeError for anything else.
    """
    return rebuild(x, [_constant(leaf) for _, leaf in leaves(x)])


@dataclass(frozen=True, slots=True)
class _Run:
    """One run of a function on fresh nodes, ready for a backward sweep from any of its outputs."""

    output: Any
    doors: Doors
    shape: Any  # of the differentiated arguments
    keep: bool  # results stay Values

    def settled(self, x: Any) -> Any:
        return _settle(x, self.keep)

    def gradient(self, y: Any, keep: bool = False, hand_out: Callable[[Any, int], Any] | None = None) -> Any:
        keep = keep or self.keep or depends(y)
        gs = [_settle(g, keep) for g in _pull(y, self.doors, keep)]
        gs = [hand_out(g, self.doors.level) for g in gs] if hand_out else gs
        return rebuild(self.shape, gs, as_gradient=True)


def _run(f: Function, args: tuple[Any, ...], kwargs: dict[str, Any], argnums: Argnums) -> _Run:
    f, args, kwargs, at = positional(f, args, kwargs, argnums)
    chosen = at if isinstance(at, tuple) else (at,)
    keep = holds_operands(args) or holds_operands(kwargs)
    level, lifted_args = new_level(), list(args)
    lifted: list[Any] = []
    originals: list[Any] = []
    for i in chosen:
        xs = flat(args[i], f"argument {i}")
        if not xs:
            refuse_floats(args[i], f"argument {i}")
        fresh = lifted_all(xs, level)
        lifted_args[i] = rebuild(args[i], fresh)
        lifted += fresh
        originals += xs
    others = [x for i, x in enumerate(args) if i not in {j % len(args) for j in chosen}]
    given, copies = [args[i] for i in chosen], [lifted_args[i] for i in chosen]
    found = doors(_name(f), level, lifted, given, copies, [others, kwargs])
    with differentiating(level, lifted, originals):
        try:
            output = f(*lifted_args, **kwargs)
        except (AttributeError, TypeError, ValueError) as error:
            if isinstance(error, AttributeError):
                explain_float(error, f, lifted_args, kwargs)
            with explaining("differentiated"):
                raise
    numbers_of(output, _name(f))
    shape = tuple(args[i] for i in chosen) if isinstance(at, tuple) else args[at]
    return _Run(output, found, shape, keep)


def numbers_of(output: Any, name: str) -> list[Any]:
    """List the numbers that a function returned; raises TypeError, naming the path, for anything else."""
    found = list(leaves(output, f"the result of {name}"))
    if output is None:
        raise TypeError(f"{name} returned None, expected numbers: is a `return` missing?")
    for path, y in found:
        if (isinstance(y, Dual) and not is_live(y)) or (isinstance(y, Tracer) and is_stale()):
            ended = "a jvp" if isinstance(y, Dual) else "a recording"
            raise TypeError(f"{path} is {y!r}, which belongs to {ended} that has ended: return it from the function")
    return [y for _, y in found]


def _pull(y: Any, doors: Doors, keep: bool) -> list[Any]:
    """Compute the adjoint of each target, starting from an adjoint of 1 for y."""
    if isinstance(y, Dual):  # ε is a constant: differentiate each part separately
        primal, tangent = _pull(y.primal, doors, keep), _pull(y.tangent, doors, keep)
        return [Dual(p, t, y.level) for p, t in zip(primal, tangent, strict=True)]
    if not isinstance(y, NODES):
        return [0.0] * len(doors.targets)
    if is_recording() and isinstance(y, Value):  # of numbers that f closes over only
        y, keep = traced(y), True
    if isinstance(y, Tracer) and (found := swept(y, doors)) is not None:
        return [_plus(g, h) for g, h in found]
    order = topological_order(y, stop=doors.targets)
    active = doors.active(y, order)
    local = partial(_locals, active) if keep else taken
    guarded = _guarding(y, order) if isinstance(y, Tracer) else None
    adjoint: dict[Any, Any] = {y: 1.0}
    below = [v for v in order if v in active]
    for _, _, x, contribution in contributions(below, adjoint, local, _times, _itself if keep else _data, guarded):
        if x in active:
            adjoint[x] = adjoint[x] + contribution if x in adjoint else contribution
    return [
        _plus(adjoint.get(x, 0.0), adjoint.get(original, 0.0))
        for x, original in zip(doors.targets, doors.origins, strict=True)
    ]


def _guarding(y: Tracer, order: list[Any]) -> Callable[[Any, int, Any, Any], Any] | None:
    """Return `guarding` for nodes."""
    tape = y.tape
    guarded = guarding(tape, [v.place for v in order], is_differentiating())
    if guarded is None:
        return None
    return lambda v, i, x, contribution: tape.at(guarded(v.place, i, tape.place(x), tape.place(contribution)))


def _push(y: Any, doors: Doors, tangents: list[Any], keep: bool) -> Any:
    """Compute the derivative of y along the tangents of the originals that it depends on, in forward mode."""
    if isinstance(y, Dual):
        return Dual(_push(y.primal, doors, tangents, keep), _push(y.tangent, doors, tangents, keep), y.level)
    if not isinstance(y, NODES):
        return 0.0
    if is_recording() and isinstance(y, Value):  # of numbers that f closes over only
        y, keep = traced(y), True
    if isinstance(y, Tracer) and not doors.has_origins() and not doors.ended(lifts()):
        return 0.0
    order = topological_order(y, stop=[x for x in doors.targets if isinstance(x, NODES)])
    active = doors.active(y, order).intersection(order)
    slope = {x: t for x, t in zip(doors.origins, tangents, strict=True) if x is not None and t is not ABSENT}
    squares: dict[Any, Any] = {}  # slopes of the squares of nodes
    itself = _itself if keep else _data
    for v in order:
        if v.op is None or v not in active or v in slope:
            continue
        parts, xs = [], v.operands
        for i, d in enumerate(_locals(active, v) if keep else taken(v)):
            if xs[i] in slope and d is not None:
                d2 = by_square(v.op, xs, i, itself) if xs[i] in squares else None
                parts.append(_times(slope[xs[i]], d) if d2 is None else _times(squares[xs[i]], d2))
        if parts:
            slope[v] = sum(parts[1:], parts[0])
            if v.op.squared:
                moved = [(x, slope[x], squares.get(x)) for x in xs if x in slope]
                squares[v] = slope_of_square(v.op, moved, itself, _times)
    return slope.get(y, 0.0) if y in active else 0.0


def _plus(a: Any, b: Any) -> Any:
    """Add b to a; a constant 0.0 makes no node."""
    return a if b.__class__ is float and b == 0.0 else b if a.__class__ is float and a == 0.0 else a + b


def _locals(active: set[Any], v: Any) -> tuple[Any, ...]:
    """Compute the local derivatives of a node as Values, by the rules that the forward pass used."""
    wanted = tuple([x in active for x in v.operands])
    ds = local_derivatives(v.op, v, v.operands, wanted)
    if not isinstance(v, Value):
        return present(v, ds)
    for d, before, w in zip(ds, v.local_derivatives, wanted, strict=True):
        if w and repr(number(d)) != repr(number(before)):
            raise RuntimeError(f"the .data of {v!r} or of its operands was changed after the forward pass")
    return present(v, ds)


def _times(g: Any, d: Any) -> Any:
    """Multiply g by d; a constant factor of 1.0 makes no node."""
    if g.__class__ is float and g == 1.0:
        return d
    return g if d.__class__ is float and d == 1.0 else g * d


def _itself(x: Any) -> Any:
    return x


def _is_nothing(x: Any) -> bool:
    """Return True if a direction or a weight is given as 0: what it would multiply is absent, even if infinite."""
    return isinstance(x, (int, float)) and x == 0


def _settle(x: Any, keep: bool) -> Any:
    """Convert x to float, unless it is differentiated further."""
    return returned(x) if keep or depends(x) or isinstance(x, Dual) else number(x)


def settled(tree: Any) -> Any:
    """Convert the numbers of a tree to floats, except those an enclosing derivative depends on."""
    return rebuild(tree, [_settle(x, False) for x in flat(tree, "the result")])


def _constant(x: Any) -> Any:
    if isinstance(x, (*NODES, Dual)):
        return x.detach()
    if isinstance(x, Operand):
        raise TypeError(f"stop_gradient takes numbers, got {x!r:.60}: a {type(x).__name__} has no gradient to stop")
    return x


def _alike(name: str, given: Any, of: str, model: Any) -> list[Any]:
    """List the leaves of `given` in the order of `model`; a dict keyed by parameter name matches a Module."""
    there = {_plain(path): x for path, x in leaves(given, "")}
    wanted = [_plain(path) for path, _ in leaves(model, "")]
    if sorted(there) != sorted(wanted):
        got, expected = counted(len(there), "number"), counted(len(wanted), "number")
        paths = [[path for path, _ in leaves(tree, "")] for tree in (given, model)]
        at = next((i for i, (a, b) in enumerate(zip(*paths, strict=False)) if _plain(a) != _plain(b)), None)
        where = "" if at is None else f": {name} has {paths[0][at]} where {of} has {paths[1][at]}"
        raise ValueError(f"the structure of {name} ({got}) differs from that of {of} ({expected}){where}")
    return [there[path] for path in wanted]


def _plain(path: str) -> str:
    """Normalise a path: ``[0].w`` and ``[0]['w']`` become equal."""
    return path.replace("'", "").replace('"', "").replace("]", "").replace("[", ".")


def _name(f: Function) -> str:
    return getattr(f, "__name__", "the function")


def _scalar(f: Function, output: Any) -> Any:
    """Return the one number that f returned, also if it is in an array without axes."""
    if is_array(output) and output.shape == ():
        return output.item()
    if kind_of(output) is not None:
        got = f"an array of shape {output.shape}" if is_array(output) else f"a {type(output).__name__}"
        cure = ", such as y.item()" if is_array(output) and output.size == 1 else "; use jacobian"
        raise NotOneNumber(f"{_name(f)} returned {got}: grad needs one number{cure}")
    return output


def _with_aux(f: Function) -> tuple[Function, list[Any]]:
    """Return the function that returns the first of the pair that f returns, and a list that gets the second."""
    aux: list[Any] = []

    def first(*args: Any, **kwargs: Any) -> Any:
        pair = f(*args, **kwargs)
        if not (isinstance(pair, (tuple, list)) and len(pair) == 2):
            raise TypeError(
                f"{_name(f)} returned {pair!r:.60}: with has_aux it returns a pair, one number and the rest"
            )
        aux[:] = [pair[1]]
        return pair[0]

    return wraps(f)(first) if hasattr(f, "__name__") else first, aux


def _settled_aux(tree: Any, keep: bool) -> Any:
    """Convert the Values of a tree of anything to floats, unless they are differentiated further."""
    kind = kind_of(tree)
    if kind is None:
        return _settle(tree, keep) if isinstance(tree, Operand) else tree
    items = [item for _, item in kind.items(tree)]
    new = [_settled_aux(item, keep) for item in items]
    return tree if all(a is b for a, b in zip(items, new, strict=True)) else kind.build(tree, new)
