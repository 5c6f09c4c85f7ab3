"""Check a graph against the exact oracle, node by node, at the floats that each node used."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

from mpmath import mp, mpf  # type: ignore[import-untyped]

from autograd_tiny.check.exact import OUTSIDE, Facts, digits, direction, facts_of
from autograd_tiny.check.report import Finding, WrongAccumulation, WrongLocal, WrongValue, likeness
from autograd_tiny.engine.op import Op

UNIT = mpf(2) ** -53


class EngineNode(NamedTuple):
    """Node of a graph to check; operands are indices of earlier nodes, or constants as floats."""

    op: Op | None
    operands: tuple[int | float, ...]
    value: float
    adjoint: float | None  # None if the engine does not tell
    local_derivatives: tuple[float | None, ...] | None  # as the engine computed them; None if it does not tell


class Checked(NamedTuple):
    """Result of a check: numbers compared, numbers skipped at poles, and findings."""

    checked: int
    skipped: int
    findings: list[Finding]
    by: str = "mpmath"  # the numbers of the oracle: balls, mpmath, or both


class Edge(NamedTuple):
    """One use of a value by a consumer; its contribution is the consumer's adjoint × slope, within slack."""

    consumer: int
    operand: int
    low: mpf
    high: mpf
    slack: mpf
    taken: float | None


def check_nodes(nodes: Sequence[EngineNode], names: Sequence[str], accumulation: bool = True) -> Checked:
    """Check value, local derivatives and adjoint of every node; the first finding is the cause."""
    checked = skipped = 0
    findings: list[Finding] = []
    kinds: set[str] = set()
    uses: list[list[Edge] | None] = [[] for _ in nodes]  # None: a contribution is unknown
    for place, node in enumerate(nodes):
        if node.op is None:
            continue
        xs = tuple(nodes[x].value if isinstance(x, int) else x for x in node.operands)
        try:
            if not all(map(math.isfinite, xs)):
                raise ValueError("an operand is nan or inf")
            facts = facts_of(node.op, xs)
        except OUTSIDE:
            skipped += 1
            for x in node.operands:
                if isinstance(x, int):
                    uses[x] = None
            continue
        checked += 1
        kinds.add(facts.by)
        findings += _value(node, place, names, facts, xs)
        for i, x in enumerate(node.operands):
            if not isinstance(x, int):
                continue
            slopes, taken = facts.slopes[i], None if node.local_derivatives is None else node.local_derivatives[i]
            if slopes is None:
                skipped += 1
                uses[x] = None
                continue
            low, high = slopes
            if taken is not None:
                checked += 1
                if not _surely(taken, facts.rough[i + 1]) and outside(taken, low, high, facts.slacks[i]) is not None:
                    others = [float(s[0]) for k, s in enumerate(facts.slopes) if k != i and s]
                    wrong = _wrong_local(names, place, x, taken, low, facts.slacks[i], xs, node, others)
                    findings.append(replace(wrong, operand=i, oracle=oracle(xs, facts.by)))
            edges = uses[x]
            if edges is not None:
                edges.append(Edge(place, i, low, high, facts.slacks[i], taken))
        if node.local_derivatives is not None and facts.kink:
            findings += _along(node, place, names, xs)
    by = " and ".join(sorted(kinds)) or "mpmath"
    if findings or not accumulation:
        return Checked(checked, skipped, findings, by)
    for place in range(len(nodes) - 1, -1, -1):
        edges = uses[place]
        found = None if edges is None else _adjoint(nodes, place, names, edges)
        if found is None and edges is None:
            skipped += 1
        else:
            checked += 1
        if found is not None:
            findings.append(found)
            break
    return Checked(checked, skipped, findings, by)


def node_table(texts: Sequence[str], nodes: Sequence[EngineNode], findings: Sequence[Finding]) -> tuple[str, ...]:
    """Format a line per node, with an arrow at the node to blame; () without findings."""
    if not findings:
        return ()
    lines, width = [], max(map(len, texts))
    for i, (text, node) in enumerate(zip(texts, nodes, strict=True)):
        told = ["–" if d is None else repr(d) for d in node.local_derivatives or ()]
        local = f"  local {', '.join(told)}" if told else ""
        mark = "   <== here" if i == findings[0].node else ""
        lines.append(f"{text:<{width}}  = {node.value!r}  adjoint {node.adjoint!r}{local}{mark}")
    return tuple(lines)


def _value(
    node: EngineNode, place: int, names: Sequence[str], facts: Facts, xs: tuple[float, ...]
) -> Iterator[Finding]:
    if _surely(node.value, facts.rough[0]):
        return
    if math.isfinite(node.value) and any(
        abs(mpf(node.value) - y) <= facts.value_slack for y in (facts.value, facts.below)
    ):
        return
    if not math.isfinite(node.value) and abs(facts.value) > 1.7e308:
        return
    yield Finding(
        WrongValue,
        names[place],
        node.value,
        mp.nstr(facts.value, 17),
        _ulps(node.value, facts.value, facts.value_slack),
        oracle(xs, facts.by),
        node=place,
    )


def oracle(xs: Sequence[float], by: str = "mpmath") -> str:
    """Describe the oracle and its number of digits."""
    return f"oracle: {by}, {digits(xs) if xs else 130} digits"


def _surely(got: float, rough: tuple[float, float, float]) -> bool:
    """True if a float lies within the slack, as floats already tell."""
    low, high, room = rough
    return room > 0 and low - room <= got <= high + room


def outside(taken: float, low: mpf, high: mpf, slack: mpf) -> mpf | None:
    """Distance of a derivative from the interval of its slopes; None if it lies inside."""
    if not math.isfinite(taken):
        return mpf(0) if abs(high) < 1.7e308 else None
    if low - slack <= mpf(taken) <= high + slack:
        return None
    return max(low - taken, taken - high)


def _wrong_local(
    names: Sequence[str],
    place: int,
    x: int,
    taken: float,
    exact: mpf,
    slack: mpf,
    xs: tuple[float, ...],
    node: EngineNode,
    others: list[float],
) -> Finding:
    assert node.op is not None
    like = likeness(taken, float(exact), others)
    at = ", ".join(map(repr, xs))
    note = f"the rule of {node.op.name} at ({at})"
    what, ulps = f"∂{names[place]}/∂{names[x]}", _ulps(taken, exact, slack)
    return Finding(WrongLocal, what, taken, mp.nstr(exact, 17), ulps, oracle(xs), note, place, cause=like)


def _along(node: EngineNode, place: int, names: Sequence[str], xs: tuple[float, ...]) -> Iterator[Finding]:
    """Check at a kink that the derivatives along (1, 1) and (1, -1) lie between the slopes."""
    assert node.op is not None
    assert node.local_derivatives is not None
    if len(xs) != 2 or any(d is None or not math.isfinite(d) for d in node.local_derivatives):
        return
    for along in ((1, 1), (1, -1)):
        slopes = direction(node.op, xs, along)
        got = sum(d * s for d, s in zip(node.local_derivatives, along, strict=True) if d is not None)
        if slopes is not None and not slopes[0] - 1e-9 <= got <= slopes[1] + 1e-9:
            at = ", ".join(map(repr, xs))
            note = f"the rule of {node.op.name} at ({at}), a kink: local derivatives do not add up along {along}"
            yield Finding(
                WrongLocal, f"∂{names[place]} along {along}", got, mp.nstr(slopes[0], 17), None, oracle(xs), note, place
            )
            return


def _adjoint(nodes: Sequence[EngineNode], place: int, names: Sequence[str], edges: list[Edge]) -> Finding | None:
    """Check that an adjoint is the sum of its contributions; the output's seed of 1 counts as one."""
    got = nodes[place].adjoint
    if got is None:
        return None
    if _adds_up(nodes, got, place == len(nodes) - 1, edges):
        return None
    low = high = slack = mpf(0)
    if place == len(nodes) - 1:
        low = high = mpf(1)
    terms = []
    for edge in edges:
        g = nodes[edge.consumer].adjoint
        if g is None or not math.isfinite(g):
            return None
        ends = sorted((g * edge.low, g * edge.high)) if edge.taken is None else [mpf(g) * mpf(edge.taken)] * 2
        low, high = low + ends[0], high + ends[1]
        slack += abs(g) * edge.slack if edge.taken is None else 0
        terms.append(ends[0])
    slack += (len(terms) + 2) * UNIT * (mp.fsum(abs(t) for t in terms) + mpf(high - low)) + len(terms) * mpf(5e-324)
    if math.isfinite(got) and low - slack <= mpf(got) <= high + slack:
        return None
    if not math.isfinite(got) and abs(high) > 1.7e308:
        return None
    contributions = [float(t) for t in terms]
    shown = (
        f"its {len(terms)} contribution{'s' * (len(terms) != 1)} {contributions}"
        if terms
        else "it has no consumer: its contributions"
    )
    consumers = {edge.consumer for edge in edges}
    shared = any(sum(node.operands.count(c) for node in nodes[c + 1 :]) > 1 for c in consumers)
    uses = [x for node in nodes for x in node.operands if isinstance(x, int) and nodes[x].op]
    hint = _accumulation_hint(got, contributions, place == len(nodes) - 1, shared, len(set(uses)) < len(uses))
    note = f"every rule agrees with the oracle; {shown} sum to {mp.nstr(low, 17)}\n        hint: {hint}"
    what = f"adjoint of {names[place]}"
    return Finding(WrongAccumulation, what, got, mp.nstr(low, 17), _ulps(got, low, slack), oracle(()), note, place)


def _adds_up(nodes: Sequence[EngineNode], got: float, is_output: bool, edges: list[Edge]) -> bool:
    """True if an adjoint is the sum of its contributions, as floats already tell; `_adjoint` decides the others."""
    terms = []
    for edge in edges:
        g = nodes[edge.consumer].adjoint
        if g is None or edge.taken is None:
            return False
        terms.append(g * edge.taken)
    size = math.fsum(map(abs, terms)) if terms else 0.0
    if not 1e-280 < size < 1e300:
        return not terms and is_output and got == 1.0
    total = math.fsum([1.0, *terms] if is_output else terms)
    own = 2.0**-53 * 1.01 * (size + abs(total))  # of the products and of this sum
    return abs(got - total) + own <= 0.99 * (len(terms) + 2) * 2.0**-53 * size


def _accumulation_hint(got: float, terms: list[float], is_output: bool, shared: bool, branches: bool) -> str:
    if is_output:
        return "the sweep must start with 1 at the output"
    if len(terms) > 1 and got in terms:
        early = "a consumer was processed before its own consumers (topological order), or " if shared else ""
        return f"{early}one path is kept, the others are lost: use += instead of =, and a list of parents, not a set"
    if got == 0:
        return "nothing arrived: a path is cut, or the node is missing from the topological order, or too late in it"
    if terms and abs(got - 2 * math.fsum(terms)) <= 1e-9 * abs(got):
        order = ", or before all its consumers (topological order)" if branches else ""
        return f"twice the sum: a node was processed twice{order}, or an old gradient was not reset"
    if len(terms) > 1 and any(
        abs(got - math.fsum(t for k, t in enumerate(terms) if k != j)) <= 1e-9 * abs(got) for j in range(len(terms))
    ):
        return "one contribution is missing: a node was processed too early, or an operand used twice was counted once"
    return "a node was processed before all its consumers (topological order), or an old gradient was not reset"


def _ulps(got: float, exact: mpf, slack: mpf) -> float | None:
    """Error in ulp; the slack is 8 ulp."""
    if not math.isfinite(got) or not slack:
        return None
    return float(abs(mpf(got) - exact) / slack * 8)
