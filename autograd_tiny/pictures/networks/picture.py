"""`network`: draw a network with modules as circles in columns and weights as lines."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

from autograd_tiny.engine.digits import counted, short
from autograd_tiny.engine.provenance import Recording
from autograd_tiny.engine.value import Value
from autograd_tiny.pictures.labels import DATA, QUANTITIES
from autograd_tiny.pictures.measure import shortened
from autograd_tiny.pictures.networks.graph import Circle, Key, Line, Network, folded, network_of
from autograd_tiny.pictures.networks.layout import arranged, parameter, told
from autograd_tiny.pictures.picture import Arrow, Box, Picture
from autograd_tiny.pictures.writers.graph import Graph

MOST_CIRCLES = 17  # circles in a column


def network(y: Value, recording: Recording | None = None, *, most: int = MOST_CIRCLES, link: str = "") -> Graph:
    """Draw the network that computed y: a circle per module with its activation and gradient, a line per weight.

    >>> from autograd_tiny.nn.modules import MLP
    >>> graph = network(MLP(2, [3, 1], seed=0)([1.0, -1.0]))
    >>> len(graph.picture.boxes), len(graph.picture.arrows)  # 2 inputs and 4 neurons; 9 weights
    (6, 9)

    Line width is proportional to |w|; lines are solid for w > 0 and dashed for w < 0. The samples of a batch share the
    circles, which show mean ± standard deviation. The gradient of a parameter is its current `.grad`, – if there is
    none. A column of more than `most` circles shows the first and the last ones. `link` is the file of another picture;
    each circle then links to its module there. Raises TypeError if y is not a Value, ValueError if no module is known
    to have computed it.
    """
    if not isinstance(y, Value):
        raise TypeError(f"network takes the Value that a network computed, or its loss, got {y!r:.60}")
    if most < 3:
        raise ValueError(f"most must be at least 3 (the first circle, the last, and one for the rest), got {most}")
    found = network_of(y, recording)
    found, columns = folded(found, found.columns(), most)
    boxes = {key: _box(f"n{i}", found.circles[key], y) for i, key in enumerate(key for c in columns for key in c)}
    arrows = tuple(
        Arrow(boxes[tail].key, boxes[head].key, line.uses, _label(line)) for (tail, head), line in found.lines.items()
    )
    caption = tuple(_caption(found, columns, boxes))
    picture = Picture(tuple(boxes.values()), arrows, caption=caption, uses_left_out=found.left_out, link=link)
    return arranged(picture, found, columns)


def averaged(numbers: Iterable[float | None]) -> str:
    """One number, or mean ± standard deviation of several; – if there is none.

    >>> averaged([0.5]), averaged([1.0, 2.0]), averaged([3.0, 3.0]), averaged([1.0, float("nan")]), averaged([])
    ('0.5', '1.5 ± 0.5', '3', 'nan', '–')
    """
    xs = [x for x in numbers if x is not None]
    if not xs or all(x == xs[0] for x in xs):
        return short(xs[0]) if xs else "–"
    mean = sum(x / len(xs) for x in xs)
    if not math.isfinite(mean):
        return short(mean)
    deviation = math.hypot(*(x - mean for x in xs)) / math.sqrt(len(xs))
    return f"{short(mean if abs(mean) > 1e-12 * deviation else 0.0)} ± {short(float(f'{deviation:.2g}'))}"


def _box(name: str, circle: Circle, y: Value) -> Box:
    title = _title(circle, y)
    lines = tuple(
        q.line(averaged([*map(q.of, circle.seen), *(circle.constants if q is DATA else [])])) for q in QUANTITIES
    )
    values = counted(len(circle.values), "value")
    tooltip = "\n".join([shortened(title), *map(str, lines), *told(circle.biases), values])
    scope = circle.key.of if circle.key.kind == "module" else ""
    kind = "leaf" if circle.key.kind == "input" else "output" if y in circle.seen else "inner"
    return Box(name, title, lines, kind, scope, len(circle.values), circle.inside, tooltip=tooltip)  # type: ignore[arg-type]


def _label(line: Line) -> str:
    if len(line.weights) == 1:
        (w,) = line.weights
        return parameter(w)
    return f"{len(line.weights):,} weights" if line.weights else ""


def _title(circle: Circle, y: Value) -> str:
    kind, of = circle.key
    match kind:
        case "module" | "between":
            return str(of) if kind == "module" else "between"
        case "more":
            return f"… {circle.circles} more"
        case "result":
            return str(y.name or "result")
    names = {v.name for v in circle.seen}
    index = re.search(r"(?:\[[^\]]*\])*$", of[1])
    return str(names.pop() if len(names) == 1 and None not in names else f"x{index[0] if index else ''}")


def _caption(found: Network, columns: list[list[Key]], boxes: dict[Key, Box]) -> Iterable[str]:
    several = any("±" in line.text for box in boxes.values() for line in box.lines)
    yield "in a circle, blue: activation; orange, below or after it: its gradient" + (
        ", mean ± standard deviation where a circle has several, as in a batch" if several else ""
    )
    if any(line.weights for line in found.lines.values()):
        widest = max((abs(w.data) for line in found.lines.values() for w in line.weights), default=0.0)
        several = any(len(line.weights) > 1 for line in found.lines.values())
        bare = any(not line.weights for line in found.lines.values())
        yield (
            f"lines: weights, as wide as |w|, up to {short(widest)}; solid and blue: w > 0, "
            f"dashed and purple: w < 0{', dotted: several weights' if several else ''}"
            f"{'; thin and grey: no weight' if bare else ''}"
        )
    hidden = [
        (found.circles[key].circles, len(column) - 1, i)
        for i, column in enumerate(columns)
        for key in column
        if key.kind == "more"
    ]
    if hidden:
        what = ", ".join(f"{n} of {n + rest} in column {i + 1}" for n, rest, i in hidden)
        yield f"circles drawn as one: {what}; network(y, most={max(n + rest for n, rest, _ in hidden)}) shows all"
    if found.left_out:
        uses = counted(found.left_out, "use")
        yield f"not drawn: {uses} of parameters outside their modules, as in a weight penalty"
