"""Find the module of each value in a graph, from a record or from the names of the parameters."""

from __future__ import annotations

import re
from collections import Counter

from autograd_tiny.engine.op import Variadic
from autograd_tiny.engine.provenance import Recording, recorded
from autograd_tiny.engine.value import Value

_STEP = r"""[^\W\d]\w*(?:\[(?:'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|[^\[\]'"])*\])*"""  # neurons[3], parts['first']
_PATH = re.compile(rf"({_STEP}(?:\.{_STEP})*)\.{_STEP}", re.DOTALL)


def split(path: str) -> list[str]:
    """Split a path into its steps, from the outermost module inwards.

    >>> split("layers[0].neurons[3]"), split("parts['a.b']"), split("∂y/∂x")
    (['layers[0]', 'neurons[3]'], ["parts['a.b']"], ['∂y/∂x'])
    """
    if not re.fullmatch(rf"{_STEP}(?:\.{_STEP})*", path, re.DOTALL):
        return [path] if path else []
    steps = re.findall(_STEP, path, re.DOTALL)
    return steps if ".".join(steps) == path else [path]


def owner(name: str | None) -> str:
    """Path of the module that owns a parameter of this name; "" if the name is not a path.

    >>> owner("layers[0].neurons[3].w[1]"), owner("parts['a.b'].b"), owner("x1")
    ('layers[0].neurons[3]', "parts['a.b']", '')
    """
    path = _PATH.fullmatch(str(name or ""))
    return path[1] if path else ""


def scopes(order: list[Value], recording: Recording | None = None) -> dict[Value, str]:
    """Path of the module of each value in a topological order, "" for none.

    >>> from autograd_tiny.nn.modules import MLP
    >>> from autograd_tiny.engine.value import topological_order
    >>> y = MLP(1, [1, 1], seed=0)([Value(2.0, "x")]).tanh() ** 2
    >>> for scope in dict.fromkeys(scope for v, scope in scopes(topological_order(y)).items() if v.op is not None):
    ...     print(repr(scope))
    'layers[0].neurons[0]'
    'layers[1].neurons[0]'
    ''

    A record of modules takes precedence: `recording`, or the active one within `tracing()`. Other values are inferred
    from parameters, which are leaves named by a path, as `name_parameters` names them. These belong to a module:
    - an op on its parameters and on other values (`w * x` and `b + …`, but not the regulariser `w * w`);
    - a sum of its values, until each of its parameters occurs once;
    - a function applied directly to such a value, its activation.
    This covers an `nn.MLP`, and also the function that a caller applies directly to its output. In other modules some
    values may be left without a module.
    """
    recording = recording or recorded()
    where = recording.where if recording and recording.outermost else {}
    held = {
        p: owner(name) or type(module).__name__
        for module in (recording.outermost if recording else ())
        for name, p in module.named_parameters()
    }
    found = {v: scope for v in order if v.op is None and (scope := held.get(v) or owner(v.name))}
    if not found and not where:
        return dict.fromkeys(order, "")
    size = Counter(found.values())
    used: dict[Value, int] = {}  # number of parameters of its module that a node includes
    for v in order:
        if v not in found:
            if v in where:
                found[v], used[v] = where[v].scope, 1
            elif v.op is None:
                found[v] = ""
            else:
                found[v], used[v] = _inferred(v, found, used, size)
    return {v: found[v] for v in order}


def _inferred(v: Value, found: dict[Value, str], used: dict[Value, int], size: Counter[str]) -> tuple[str, int]:
    """Module of a node, and the number of its parameters that the node includes."""
    parameters = [x for x in v.parents if x.op is None and found[x]]
    others = [x for x in v.parents if x.op is not None or not found[x]]
    of = {found[x] for x in parameters}
    if len(of) == 1:
        scope = of.pop()
        if not others and not _takes_a_constant(v):
            return NOWHERE
        count = len(parameters)
        inherited = sum(used[x] for x in others if found[x] == scope)
        return scope, count + inherited if count + inherited <= size[scope] else count
    inside = {found[x] for x in others}
    if parameters or len(inside) != 1 or not (scope := inside.pop()):
        return NOWHERE
    count = sum(used[x] for x in others)
    adds = _many(v) or (_sign(v) in ("+", "-") and len(v.operands) > 1)
    belongs = _is_sum(v, count, size[scope]) if adds else _is_activation(v, others)
    return (scope, count) if belongs else NOWHERE


NOWHERE = "", 0


def _takes_a_constant(v: Value) -> bool:
    """Return whether a float operand may be an input of the network: in w * 2, not in w ** 2."""
    return bool(_constants(v)) and (_many(v) or _sign(v) in ("+", "-", "*", "/"))


def _is_sum(v: Value, count: int, size: int) -> bool:
    """Return whether v adds up values of one module that have not been added up before."""
    constants = _constants(v)
    start = constants == [0.0] and v.operands[0] == 0.0 and count < size  # the 0 that Python's sum() starts from
    return count <= size and (_many(v) or start or not constants)


def _is_activation(v: Value, operands: list[Value]) -> bool:
    """Return whether v is a function applied directly to a sum or product."""
    if len(operands) != 1 or (op := operands[0].op) is None or v.op is None:
        return False
    return v.op.infix is None and (op.infix is not None or isinstance(op.partials, Variadic))


def _constants(v: Value) -> list[float]:
    return [x for x in v.operands if not isinstance(x, Value)]


def _many(v: Value) -> bool:
    return v.op is not None and isinstance(v.op.partials, Variadic)


def _sign(v: Value) -> str:
    return v.op.infix[0] if v.op is not None and v.op.infix else ""
