"""Check gradients of functions: by this engine, written by hand, or by a framework's custom rule."""

from __future__ import annotations

import math
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any, NamedTuple

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mpmath import mp, mpf  # type: ignore[import-untyped]

from autograd_tiny.check.causes import common, explained
from autograd_tiny.check.engines import nodes_of
from autograd_tiny.check.exact import OUTSIDE, ULPS, NotExact, as_real, digits, no_floats, rebound
from autograd_tiny.check.frameworks import arguments, calls_a_framework, framework
from autograd_tiny.check.graph import check_nodes, node_table
from autograd_tiny.check.oracles import ORACLES, Slope, Slopes, Subject, stencil
from autograd_tiny.check.report import Finding, Inconclusive, Raises, Report, WrongFunction, likeness
from autograd_tiny.check.runs import without_files
from autograd_tiny.check.strategies import reals
from autograd_tiny.check.sweeps import from_zero
from autograd_tiny.engine.chain_rule import contributions
from autograd_tiny.engine.digits import counted
from autograd_tiny.engine.ieee import local_derivatives
from autograd_tiny.engine.names import name_nodes
from autograd_tiny.engine.tree import kind_of, leaves, rebuild
from autograd_tiny.engine.value import Value, topological_order
from autograd_tiny.transforms.derivatives import grad as grad_of
from autograd_tiny.transforms.derivatives import jvp

Function = Callable[..., Any]


def gradcheck(
    f: Function,
    x: Any,
    *,
    grad: Function | None = None,
    oracle: str = "auto",
    rtol: float = 1e-10,
    ulp: float = ULPS,
    accuracy: str = "backward",
    strict: bool = False,
) -> Report:
    """Check the gradient of f at x: a number, a tuple of numbers, one per argument, or a container as `grad` takes.

    >>> print(gradcheck(lambda x: x.tanh() * x, 0.5))
    correct: 8 numbers agree with the oracle (node by node, balls)
    >>> bool(gradcheck(lambda x: math.log(1 + math.exp(x)), 3.0, grad=lambda x: 1 / (1 + math.exp(-x))))
    True

    Without `grad`, f runs on Values and every node of its graph is checked at the floats it used; the code that `jit`
    compiled, and its compiled gradient, are compared with that. If f has a custom
    rule of a framework (HIPS primitive, JAX custom_vjp, torch.autograd.Function), that rule is checked. `grad(*x)`
    returns one number per argument.

    The oracle runs f in mpmath. If it cannot, the framework differentiates f without the rule; failing that, a complex
    step, then two stencils that must agree. If none applies, the outcome is "inconclusive", an error if `strict`.
    `oracle` names one of exact, framework, complex, stencil. `ulp` is the error allowed, in units in the last place;
    `rtol` the relative error allowed if no formula can be compared. `accuracy="forward"` also rejects a right formula
    that loses digits.

    Raises GradcheckError if the gradient is wrong, TypeError or ValueError if f is not a function of numbers.
    """
    _refuse(oracle, accuracy)
    given: Any = f
    foreign, point = framework(f), x
    f, grad, x = (f, grad, x) if foreign else _spread(f, grad, x)
    xs = _floats(x)
    if foreign is None and grad is None:
        report = _on_values(f, xs).raise_for(strict)
        if report and hasattr(given, "backend") and not given.batch:  # of `jit`
            _compiled(given, point, xs, f).raise_for()
        return report
    plain, call, rule = (f, f, grad) if foreign is None else (foreign.plain, foreign.call, grad or foreign.gradient)
    assert rule is not None
    subject = Subject(_name(f), plain, call, foreign)
    return _pair(subject, rule, xs, oracle, Allowed(rtol, ulp, accuracy)).raise_for(strict)


def _refuse(oracle: str = "auto", accuracy: str = "backward") -> None:
    if oracle not in ("auto", *ORACLES):
        raise ValueError(f"oracle={oracle!r}: expected one of auto, {', '.join(ORACLES)}")
    if accuracy not in ("backward", "forward"):
        raise ValueError(f"accuracy={accuracy!r}: expected backward or forward")


def _refuse_rules(f: Function, name: str) -> None:
    if framework(f) is not None and not getattr(f, "_is_autograd_primitive", False):  # those of HIPS run on Values
        raise TypeError(f"{name} takes a function on Values; {_name(f)} has a framework's custom rule: use gradcheck")


def gradgradcheck(f: Function, x: Any, *, strict: bool = False) -> Report:
    """Check the second derivatives of f on Values: the graph of each first derivative, node by node, and end to end.

    >>> print(gradgradcheck(lambda x, y: x**3 * y, (2.0, 5.0)).outcome)
    correct

    Takes x as `gradcheck` does, and raises the same errors.
    """
    _refuse_rules(f, "gradgradcheck")
    f, _, x = _spread(f, None, x)
    xs = _floats(x)
    total, skipped, by = 0, 0, ""
    for i in range(len(xs)):
        leaves = [Value(x, name) for x, name in zip(xs, _names(f, len(xs)), strict=True)]
        subject = f"grad({_name(f)}, argnums={i})"
        report = _checked(_as_value(grad_of(f, argnums=i)(*leaves)), leaves, subject)
        report.raise_for(strict)
        ends = _end_to_end(f, xs, i, subject).raise_for()
        total, skipped, by = total + report.checked + ends.checked, skipped + report.skipped, report.oracle
    return Report("correct", by, total, skipped)


def _end_to_end(f: Function, xs: tuple[float, ...], i: int, subject: str) -> Report:
    """Compare second derivatives with stencils of the first one's numbers, which sees values taken out of the graph."""
    first = grad_of(f, argnums=i)
    numbers = Subject(subject, first, first, None)
    near = tuple(x + 1e-7 * (k + 1) * (abs(x) or 1.0) for k, x in enumerate(xs))
    try:  # next to the point, too: a `where` may choose another branch at the point alone
        found = [_detached(numbers, f, i, at) for at in (xs, near)]
    except (NotExact, *OUTSIDE):  # a kink close by, or too steep
        return Report("inconclusive", "stencil")
    findings = tuple(here for here, there in zip(*found, strict=True) if here and there)
    outcome = "wrong" if findings else "correct"
    return Report(outcome, "stencil", len(xs), 0, findings, f"{subject} at {', '.join(map(repr, xs))}")


def _detached(first: Subject, f: Function, i: int, xs: tuple[float, ...]) -> list[Finding | None]:
    """List a finding, or None, for the derivative of `first` with respect to each argument."""
    leaves = [Value(x, name) for x, name in zip(xs, _names(f, len(xs)), strict=True)]
    y = _as_value(first.call(*leaves))
    with from_zero(y):
        y.backward()
        got = [leaf.grad or 0.0 for leaf in leaves]
    size, findings = _sizes(y), list[Finding | None]()
    starts = [Value(x) for x in xs]
    noise = 1e-10 * _sizes(_as_value(f(*starts))).get(starts[i], 0.0)  # of a stencil of the first derivative's rounding
    for leaf, d, slope in zip(leaves, got, stencil(first, xs).each, strict=True):
        room = 10 * slope.slack + 1e-6 * size.get(leaf, 0.0) + noise if slope else 0.0
        right = slope is None or not math.isfinite(d) or not math.isfinite(room) or _within(d, slope, room)
        note = "the second derivative is not that of the first: a number was taken out of the graph, as by .data"
        what, exact = f"∂{first.name}/∂{leaf.name}", mp.nstr(slope.low, 9) if slope else ""
        findings.append(None if right else Finding(WrongFunction, what, d, exact, note=note))
    return findings


def _as_value(y: Any) -> Value:
    return y if isinstance(y, Value) else +Value(float(y))


def _sizes(y: Value) -> dict[Value, float]:
    """Sum of the magnitudes of all paths from y to each node, the scale of the rounding error of its adjoint."""
    order = topological_order(y)
    size = dict.fromkeys(order, 0.0) | {y: 1.0}
    for _, _, x, contribution in contributions(order, size):
        size[x] += abs(contribution)
    return size


def check_grads(f: Function, args: Any, order: int = 2, modes: Sequence[str] = ("rev", "fwd")) -> Report:
    """Check the derivatives of f on Values up to order 1 or 2, and reverse mode against forward mode.

    >>> check_grads(lambda x: x.sin() * x, 0.5).outcome
    'correct'

    `modes` holds "rev" for second derivatives, "fwd" for forward mode. Raises GradcheckError if a derivative is wrong,
    ValueError for another order or mode.
    """
    if order not in (1, 2) or not set(modes) <= {"rev", "fwd"}:
        raise ValueError(f"order={order!r}, modes={modes!r}: expected order 1 or 2, modes among rev and fwd")
    _refuse_rules(f, "check_grads")
    f, _, args = _spread(f, None, args)
    xs = _floats(args)
    report = gradcheck(f, xs)
    if "fwd" in modes:
        _forward_mode(f, xs).raise_for()
    if order == 2 and "rev" in modes:
        second = gradgradcheck(f, xs)
        report = Report(report.outcome, report.oracle, report.checked + second.checked, report.skipped + second.skipped)
    return report


def gradcheck_property(
    f: Function | None = None,
    grad: Function | None = None,
    *,
    max_examples: int = 400,
    each: Callable[[Report], object] | None = None,
    **domains: Any,
) -> Any:
    """Make a test that checks f and its derivative over a domain for each argument; a decorator if f is left out.

    >>> def softplus(x): return math.log1p(math.exp(-abs(x))) + max(x, 0.0)
    >>> def softplus_grad(x): return 1 / (1 + math.exp(-x))
    >>> from autograd_tiny.check.strategies import reals
    >>> test_softplus = gradcheck_property(softplus, softplus_grad, x=reals(-700, 700), max_examples=20)
    >>> test_softplus()

    A domain is a hypothesis strategy or a pair (low, high); `each` is called with every Report. `oracle`, `rtol`,
    `ulp`, `accuracy` and `strict` go to `gradcheck`. The test raises GradcheckError. Raises TypeError for an argument
    without a domain, or a domain without an argument.
    """
    if f is None:
        return lambda f: gradcheck_property(f, grad, max_examples=max_examples, each=each, **domains)
    names = _arguments(f, domains)
    strategies = [reals(*domains[n]) if isinstance(domains[n], (tuple, list)) else domains[n] for n in names]
    for name, domain in zip(names, strategies, strict=True):
        if not isinstance(domain, st.SearchStrategy):
            raise TypeError(f"{name}={domain!r:.60} is not a domain: write {name}=(-10, 10), or a hypothesis strategy")
    options = {name: item for name, item in domains.items() if name in ("oracle", "rtol", "ulp", "accuracy", "strict")}
    if unknown := [name for name in domains if name not in names and name not in options]:
        raise TypeError(f"{_name(f)} has no argument {unknown[0]}; it has {', '.join(names)}")

    _refuse(**{name: options[name] for name in ("oracle", "accuracy") if name in options})
    outcomes: list[str] = []

    @settings(
        max_examples=max_examples,
        deadline=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
        database=None,
    )
    @given(st.tuples(*strategies))
    def points(xs: tuple[float, ...]) -> None:
        try:
            report = gradcheck(f, xs, grad=grad, **options)
        except (ArithmeticError, ValueError) as error:
            outcomes.append(f"{_name(f)} raises {type(error).__name__}: {error}, at {', '.join(map(repr, xs))}")
            return  # outside the domain of f itself
        outcomes.append(report.outcome if report else str(report).replace("\n", "; ") + f", at {report.subject}")
        if each is not None:
            each(report)

    def test() -> None:
        outcomes.clear()
        with without_files():
            points()
        if "correct" not in outcomes:
            notes = (f"none of {counted(len(outcomes), 'point')} could be checked; the first:", outcomes[0])
            raise Inconclusive(Report("inconclusive", "none", subject=_name(f), notes=notes))

    return test


def needed_domains(f: Function) -> list[str]:
    """List the arguments of f, or of the function behind a framework's rule."""
    foreign = framework(f)
    return list(foreign.names if foreign else arguments(f))


def _arguments(f: Function, domains: dict[str, Any]) -> list[str]:
    names = needed_domains(f)
    for name in names:
        if name not in domains:
            raise TypeError(f"{_name(f)} needs a domain for {name}: {name}=reals(-10, 10), or {name}=(-10, 10)")
    return names


def _spread(f: Function, grad: Function | None, x: Any) -> tuple[Function, Function | None, Any]:
    """Make f and grad functions of the numbers of x, if x is one container: a dict, an array, or a list of numbers.

    A list is one number per argument, as a tuple is, unless f takes one argument.
    """
    if not callable(f):
        raise TypeError(f"gradcheck takes a function and the point x, got {f!r:.60}")
    if isinstance(x, tuple) or kind_of(x) is None or (isinstance(x, list) and (len(x) < 2 or len(arguments(f)) != 1)):
        return f, grad, x
    numbers = [number for _, number in leaves(x, "x")]

    def spread(*xs: Any) -> Any:
        return f(rebuild(x, xs))

    def gradient(*xs: Any) -> tuple[Any, ...]:
        return tuple(d for _, d in leaves(grad(rebuild(x, xs)), "the gradient"))  # type: ignore[misc]

    spread.__name__ = _name(f)
    return spread, grad and gradient, tuple(numbers)


def _floats(x: Any) -> tuple[float, ...]:
    xs = tuple(x) if isinstance(x, (tuple, list)) else (x,)
    xs = tuple(item.data if isinstance(item, Value) else item for item in xs)
    for item in xs:
        if isinstance(item, bool) or not isinstance(item, (int, float)):
            raise TypeError(
                f"gradcheck takes a number or a tuple of numbers, not {item!r:.60} of type {type(item).__name__}"
            )
    if not xs:
        raise ValueError("gradcheck needs at least one number to differentiate with respect to, got ()")
    return tuple(float(item) for item in xs)


def _name(f: Any) -> str:
    return str(getattr(f, "__name__", None) or getattr(f, "name", None) or type(f).__name__)


# Functions on Values: every node is checked.


def _on_values(f: Function, xs: tuple[float, ...]) -> Report:
    leaves = [Value(x, name) for x, name in zip(xs, _names(f, len(xs)), strict=True)]
    try:
        y = f(*leaves)
    except (TypeError, AttributeError, RuntimeError) as error:
        if not (name := calls_a_framework(error)):
            raise
        its_own = f"its derivative as grad=, such as grad={name}.grad(f)" if name != "torch" else "a Function of torch"
        raise TypeError(f"{_name(f)} computes with {name}, which takes no Value: give {its_own}") from None
    if not isinstance(y, Value):
        leak = " (math.exp(v) is a float and leaves the graph: use v.exp())"
        left = leak if isinstance(y, float) else ""
        raise TypeError(f"{_name(f)} returned {y!r:.60} of type {type(y).__name__}: expected one Value{left}")
    for leaf, x in zip(leaves, xs, strict=True):
        if leaf.data != x and x == x:
            finding = Finding(WrongFunction, f"argument {leaf.name}", leaf.data, repr(x), note=f"{_name(f)} changed it")
            return Report("wrong", "none", 0, 0, (finding,), f"{_name(f)} at {xs}")
    again = f(*(Value(x) for x in xs))
    if isinstance(again, Value) and again.data != y.data and y.data == y.data:
        note = _differs(_name(f), y.data, again.data)
        finding = Finding(WrongFunction, _name(f), again.data, repr(y.data), note=note)
        return Report("wrong", "none", 0, 0, (finding,), f"{_name(f)} at {xs}")
    return _checked(y, leaves, _name(f))


def _names(f: Function, n: int) -> tuple[str, ...]:
    """Names of the first n arguments of f; x3 for one without a name."""
    return (*arguments(f), *(f"x{i}" for i in range(len(arguments(f)), n)))[:n]


def _checked(y: Value, leaves: Sequence[Value], subject: str) -> Report:
    xs = tuple(leaf.data for leaf in leaves)
    with from_zero(y):
        y.backward()
        nodes, order = nodes_of(y)
    named = name_nodes(order)
    labels = [named[v].label for v in order]
    checked = check_nodes(nodes, [label.text if label.binds == 99 else f"({label.text})" for label in labels])
    if checked.findings:
        first = explained(checked.findings[0], nodes, lambda op, xs: local_derivatives(op, op.ieee(*xs), xs))
        checked = checked._replace(findings=[first, *checked.findings[1:]])
    table = node_table([named[v].title for v in order], nodes, checked.findings)
    at = ", ".join(f"{leaf.name} = {leaf.data!r}" for leaf in leaves)
    sure = math.isfinite(y.data) and checked.checked > 0
    notes = () if sure else (f"{named[y].title} is {y.data!r}: no derivative is defined there",)
    return Report(
        "wrong" if checked.findings else "correct" if sure else "inconclusive",
        f"node by node, {checked.by}",
        checked.checked,
        checked.skipped,
        tuple(checked.findings),
        f"{subject} = {named[y].written or named[y].label.text}   at {at}",
        table,
        f"gradcheck({subject}, {xs if len(xs) > 1 else xs[0]!r})",
        notes if not checked.findings else (),
        graph=tuple(order),
    )


def _forward_mode(f: Function, xs: tuple[float, ...]) -> Report:
    """Compare the value and the slopes of forward mode along each axis with those of reverse mode."""
    runs = [jvp(f, xs, tuple(float(k == i) for k in range(len(xs)))) for i in range(len(xs))]
    return _agreement(f, xs, runs[0][0], [slope for _, slope in runs], "forward mode")


def _compiled(f: Any, x: Any, xs: tuple[float, ...], spread: Function) -> Report:
    """Compare the value of compiled code, and of its compiled gradient, with those of f on Values."""
    kind, (original, *options) = f.recipe
    one = spread is f and not isinstance(x, (tuple, list))
    slopes = kind(grad_of(original) if one or spread is not f else grad_of(original, tuple(range(len(xs)))), *options)
    found = slopes(x) if one or spread is not f else slopes(*xs)
    numbers = [float(d) for _, d in leaves(found, "the gradient")]
    return _agreement(spread, xs, float(spread(*xs)), numbers, f"compiled code ({f.backend})")


def _agreement(f: Function, xs: tuple[float, ...], value: float, slopes: Sequence[float], way: str) -> Report:
    """Compare a value and slopes with those of reverse mode, within the rounding error of the paths between."""
    inputs = [Value(x) for x in xs]
    y = f(*inputs)
    with from_zero(y):
        y.backward()
        exact = [leaf.grad for leaf in inputs]
    size = _sizes(y)
    unit = (2 * len(size) + 4) * 2**-52
    error = sum(abs(v.data) * paths for v, paths in size.items() if v.data and paths) * 8 * unit
    pairs = [(_name(f), value, y.data, error)]
    for i, (leaf, got, slope) in enumerate(zip(inputs, slopes, exact, strict=True)):
        pairs.append((f"∂{_name(f)}/∂{_names(f, len(xs))[i]}", got, slope, unit * size.get(leaf, 0.0)))
    note = f"{way} and reverse mode disagree"
    findings = tuple(
        Finding(WrongFunction, what, got, repr(right), note=note)
        for what, got, right, room in pairs
        if math.isfinite(right) and not abs(got - right) <= room  # true of nan
    )
    outcome = "wrong" if findings else "correct"
    return Report(outcome, "reverse mode", len(pairs), 0, findings, f"{_name(f)} at {xs}")


# Any function and its gradient: checked end to end.


class Allowed(NamedTuple):
    """Error allowed between a gradient and the slopes."""

    rtol: float  # used if no formula can be compared
    ulp: float
    accuracy: str


def _pair(f: Subject, gradient: Function, xs: tuple[float, ...], oracle: str, allowed: Allowed) -> Report:
    at = f"{f.name} at {', '.join(map(repr, xs))}"
    if any(not math.isfinite(x) for x in xs):
        return Report("inconclusive", "none", subject=at, notes=("an argument is not finite",))
    try:
        y = f.call(*xs)
    except AttributeError as error:
        if error.obj.__class__ is not float:
            raise
        with_values = f"gradcheck({f.name}, x) without grad checks a function on Values"
        raise TypeError(
            f"{f.name} uses .{error.name} of a float, but with grad it is given floats: {with_values}"
        ) from None
    if (report := _unlike(f, xs, y, calls=1)) is not None:
        return report
    if isinstance(y, float) and not math.isfinite(y):
        return Report("inconclusive", "none", subject=at, notes=(f"{f.name} is {y!r}: no derivative is defined there",))
    got: tuple[float, ...] | Exception
    try:
        got = _gradient(gradient, xs, f.name)
    except (ArithmeticError, ValueError) as error:  # f itself is fine here
        got = error
    reasons = []
    for name in ORACLES if oracle == "auto" else (oracle,):
        try:
            found = ORACLES[name](f, xs)
            if None in found.each and (report := _unlike(f, xs, y, calls=20)) is not None:
                return report
            if isinstance(got, Exception):
                return _raised(f, gradient, got, found, name, at)
            if f.foreign and gradient is f.foreign.gradient and (bent := list(_bent(f, xs, got))):
                return Report("wrong", name, 0, 0, tuple(bent), at)
            return _compared(f, gradient, xs, got, found, name, allowed)
        except (NotExact, *OUTSIDE) as error:
            if name != "framework" or f.foreign:
                reasons.append(f"{name}: {error}")
    return Report("inconclusive", "none", subject=at, notes=("no oracle could determine the slope", *reasons))


def _unlike(f: Subject, xs: tuple[float, ...], y: Any, calls: int) -> Report | None:
    """Call f again, and report a result that differs."""
    for _ in range(calls):
        again = f.call(*xs)
        if y != again and y == y:
            finding = Finding(WrongFunction, f.name, float(again), repr(float(y)), note=_differs(f.name, y, again))
            return Report("wrong", "none", 0, 0, (finding,), f"{f.name} at {', '.join(map(repr, xs))}")
    return None


def _differs(name: str, y: Any, again: Any) -> str:
    return f"two calls differ: {name} gave {y!r}, then {again!r}: it is random, or keeps state between calls"


def _raised(f: Subject, gradient: Function, error: Exception, found: Slopes, name: str, at: str) -> Report:
    """Report a gradient that raises: wrong where the slopes are finite."""
    said = f"{_name(gradient)} raises {type(error).__name__}: {error}"
    if None in found.each:
        return Report("inconclusive", name, skipped=len(found.each), subject=at, notes=(said, "a slope is not finite"))
    slopes = ", ".join(mp.nstr(slope.low, 17) for slope in found.each if slope)
    finding = Finding(Raises, f"the gradient of {f.name}", math.nan, slopes, oracle=f"oracle: {name}", note=said)
    return Report("wrong", name, 0, 0, (finding,), at)


def _bent(f: Subject, xs: tuple[float, ...], got: tuple[float, ...]) -> Iterator[Finding]:
    """Check that a custom rule is linear in the cotangent, the gradient with respect to its result."""
    assert f.foreign is not None
    for g in (-4.0, 0.5):  # powers of two round nothing
        pulled = _gradient(f.foreign.pulled(g), xs, f.name)
        for name, d, p in zip(f.foreign.names, got, pulled, strict=True):
            if math.isfinite(d) and not abs(p - g * d) <= 64 * 2**-52 * abs(g * d) + 5e-324:
                note = f"the rule does not multiply by the gradient of its result, here {g}"
                yield Finding(WrongFunction, f"∂{f.name}/∂{name}, times {g}", p, repr(g * d), note=note)
                return


def _gradient(gradient: Function, xs: tuple[float, ...], name: str) -> tuple[float, ...]:
    found = gradient(*xs)
    if hasattr(found, "tolist"):
        found = found.tolist()
    found = tuple(found) if isinstance(found, (tuple, list)) else (found,)
    if len(found) != len(xs):
        got = f"{_name(gradient)} returned {counted(len(found), 'number')}"
        raise TypeError(f"{got}: expected {len(xs)}, one per argument of {name}")
    for d in found:
        if d is None or isinstance(d, (str, complex)) or not hasattr(type(d), "__float__"):
            raise TypeError(f"{_name(gradient)} returned {d!r:.60} of type {type(d).__name__}: expected a number")
    return tuple(float(d) for d in found)


def _compared(
    f: Subject,
    gradient: Function,
    xs: tuple[float, ...],
    got: tuple[float, ...],
    found: Slopes,
    name: str,
    allowed: Allowed,
) -> Report:
    """Compare a float gradient with the slopes; if only digits are lost, its formula decides."""
    names = f.foreign.names if f.foreign else _names(f.plain, len(xs))
    with mp.workdps(digits(xs)):
        formula: list[Any] | None = None
        known = f.foreign is not None or name != "exact"
        findings, notes, checked = [], [], 0
        for i, (d, slope) in enumerate(zip(got, found.each, strict=True)):
            if slope is None:
                continue
            checked += 1
            room = slope.slack * mpf(allowed.ulp) / ULPS
            if _within(d, slope, room):
                continue
            if len(xs) > 1:  # at a kink of several arguments each slope is one of many
                many = found.along([float(k == i) for k in range(len(xs))])
                if many is not None and many.high - many.low > 2 * many.slack and _within(d, many, many.slack):
                    continue
            others, oracle = got[:i] + got[i + 1 :], f"{name}, {found.by}" if found.by else name
            finding = replace(_finding(f, f"∂{f.name}/∂{names[i]}", d, slope, room, oracle, allowed, others), operand=i)
            if not known:
                formula, known = _formula(gradient, xs), True
            if formula is not None and formula[i] is not None:
                wrong = not _within(formula[i], slope, room) or _is_noise(d, slope, f.call(*xs), xs)
            else:
                wrong = not math.isfinite(d) or abs(mpf(d) - slope.low) > allowed.rtol * abs(slope.low) + room
            if wrong or allowed.accuracy == "forward":
                findings.append(finding)
            else:
                notes.append(f"{finding.what} = {d!r} loses digits (exact {finding.exact}), but its formula is right")
        if findings:
            findings[0] = replace(findings[0], note=_cause(f, gradient, xs, findings[0], name))
        if not findings and None not in found.each and len(xs) > 1 and found.kinks():
            findings += _along(f, got, found, name, allowed)
    at = ", ".join(f"{name} = {x!r}" for name, x in zip(names, xs, strict=True))
    outcome = "wrong" if findings else "correct" if checked else "inconclusive"
    given = xs if len(xs) > 1 else repr(xs[0])
    own = "" if f.foreign else f", grad={_name(gradient)}"
    return Report(
        outcome,
        name,
        checked,
        len(xs) - checked,
        tuple(findings),
        f"{f.name} at {at}",
        (),
        f"gradcheck({f.name}, {given}{own})",
        tuple(notes),
        numbers=found.by,
    )


def _within(d: Any, slope: Slope, room: Any) -> bool:
    """True if d lies between the slopes; an infinity stands for a slope beyond the largest double."""
    if not math.isfinite(d):
        return bool(d == math.copysign(math.inf, slope.low) and abs(slope.low) > sys.float_info.max)
    return bool(slope.low - room <= mpf(d) <= slope.high + room)


def _is_noise(d: float, slope: Slope, y: float, xs: tuple[float, ...]) -> bool:
    """True if d has no right digit, and is larger than what rounding leaves of an almost flat slope."""
    if not math.isfinite(d):
        return True
    off = abs(mpf(d) - slope.low)
    return bool(off > abs(slope.low) / 2 and off > 1e-6 * max(1.0, abs(y)) / max(1.0, *map(abs, xs)))


def _finding(
    f: Subject, what: str, d: float, slope: Slope, room: Any, name: str, allowed: Allowed, others: Sequence[float]
) -> Finding:
    off = float(abs(mpf(d) - slope.low) / room * mpf(allowed.ulp)) if math.isfinite(d) and room else None
    two_sided = slope.high - slope.low > 2 * slope.slack
    exact = mp.nstr(slope.low, 17) + (f" to {mp.nstr(slope.high, 17)}" if two_sided else "")
    like = likeness(d, float(slope.low), others)
    return Finding(WrongFunction, what, d, exact, off, f"oracle: {name}", cause=like)


def _cause(f: Subject, gradient: Function, xs: tuple[float, ...], finding: Finding, oracle: str) -> str:
    """Name the kind of mistake if it is the same at points beside xs."""
    told, i = list[str](), finding.operand
    if i is None or not finding.cause:
        return ""
    for step in (0.37, -0.53, 0.71, -0.19):
        near = tuple(x + step * (k + 1) * min(1.0, abs(x) or 1.0) for k, x in enumerate(xs))
        try:
            slope, got = ORACLES[oracle](f, near).each[i], _gradient(gradient, near, f.name)
        except Exception:  # outside the domain f and its gradient may raise anything
            continue
        if slope is not None:
            others = got[:i] + got[i + 1 :]
            told.append("right" if _within(got[i], slope, slope.slack) else likeness(got[i], float(slope.low), others))
    return common(finding.cause, told)


def _along(f: Subject, got: tuple[float, ...], found: Slopes, name: str, allowed: Allowed) -> Iterator[Finding]:
    """Check at a kink of several arguments that the gradient lies between the slopes along drawn directions, too."""
    n = len(got)
    rng = random.Random(n)
    directions = [[1.0] * n, [(-1.0) ** k for k in range(n)]]
    directions += [[rng.randint(-8, 8) / 8 for _ in range(n)] for _ in range(4)]
    for direction in directions:
        try:
            slope = found.along(direction)
        except NotExact:
            continue
        if slope is None:
            continue
        rooms = [s.slack * abs(v) for s, v in zip(found.each, direction, strict=True) if s]
        room = (slope.slack + sum(rooms)) * mpf(allowed.ulp) / ULPS
        d = mp.fsum(mpf(g) * v for g, v in zip(got, direction, strict=True))
        if not _within(d, slope, room):
            what = f"∂{f.name} along ({', '.join(f'{v:g}' for v in direction)})"
            finding = _finding(f, what, float(d), slope, room, name, allowed, ())
            yield replace(finding, note="at a kink or a tie the derivatives do not add up: no subgradient")
            return


def _formula(gradient: Function, xs: tuple[float, ...]) -> list[Any] | None:
    """Evaluate the gradient's formula in mpmath, free of rounding; None if it cannot be run there."""
    try:
        with no_floats():
            found = rebound(gradient)(*map(mpf, xs))
        return [as_real(d) for d in (found if isinstance(found, (tuple, list)) else (found,))]
    except Exception:  # code for floats may raise anything in mpmath
        return None
