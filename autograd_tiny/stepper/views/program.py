"""The program of a trace: the lines of the user's file, or statements written from the graph."""

from __future__ import annotations

import ast
import linecache
import re
from collections import defaultdict
from pathlib import Path
from typing import NamedTuple

from autograd_tiny.engine.digits import short
from autograd_tiny.engine.names import number, spell
from autograd_tiny.engine.op import Spelled
from autograd_tiny.pictures.measure import printable
from autograd_tiny.stepper.events import Node
from autograd_tiny.stepper.traces import Trace

MOST_LINES = 60
LONGEST = 60  # characters of an expression within another; a longer one is a statement of its own
_NUMBERED = re.compile(r"v\d+")  # the name of a value that has no other
_MARKS = re.compile("(\x01\\d+\x02|\x03)")  # \x01 17 \x02 … \x03 around the text of node 17


class Program(NamedTuple):
    """Lines as (file and line number, parts of the text), and each node's (line, first part, part after its last)."""

    lines: list[tuple[str, list[str]]]
    spans: dict[int, tuple[int, int, int]]


def program(trace: Trace) -> Program:
    """Collect the lines that made the values; without any, write statements such as ``b = a + a``.

    >>> from autograd_tiny import Value
    >>> from autograd_tiny.stepper.traces import trace
    >>> a = Value(3.0, "a"); b = a + a; b.name = "b"
    >>> found = program(trace(b * a)); found.lines
    [('', ['a = 3']), ('', ['b = ', 'a', ' + ', 'a']), ('', ['b', ' * ', 'a'])]
    >>> found.spans  # the line and the parts of a, b and the product
    {0: (0, 0, 1), 1: (1, 0, 4), 2: (2, 0, 3)}

    It has no lines if there would be more than 60.
    """
    found = _of_files(trace) or _of_graph(trace)
    return found if len(found.lines) <= MOST_LINES else Program([], {})


def _of_files(trace: Trace) -> Program | None:
    at: dict[int, tuple[str, int]] = {}
    for node in trace.nodes:
        # A trace read from JSON names a file of another machine: a line of ours would be wrong, or a secret.
        if node.where is not None and node.where.file and node.rules is None:
            at[node.number] = node.where.file, node.where.line
    marked: dict[str, set[int]] = defaultdict(set)
    for file, line in at.values():
        if linecache.getline(file, line).strip():
            marked[file].add(line)
    lines: list[tuple[str, list[str]]] = []
    index: dict[tuple[str, int], int] = {}
    for file, used in marked.items():
        previous = 0
        for line in sorted(_around(file, used)):
            if previous and line > previous + 1:
                lines.append(("", ["⋮"]))
            previous = line
            index[file, line] = len(lines)
            text = printable(linecache.getline(file, line).rstrip().expandtabs(4))
            lines.append((f"{Path(file).name}:{line}" if len(marked) > 1 else str(line), [text]))
    spans = {i: (index[place], 0, 1) for i, place in at.items() if place in index}
    return Program(lines, spans) if lines else None


def _around(file: str, used: set[int]) -> set[int]:
    """The lines of the innermost functions that hold the used ones; of long functions, the neighbours."""
    try:
        tree = ast.parse("".join(linecache.getlines(file)))
    except (SyntaxError, ValueError):  # a template, or a notebook with magic commands
        tree = ast.Module([], [])
    functions = [f for f in ast.walk(tree) if isinstance(f, (ast.FunctionDef, ast.AsyncFunctionDef))]
    shown: set[int] = set()
    for line in used:
        sizes = [(f.end_lineno or f.lineno, f.lineno) for f in functions if f.lineno <= line <= (f.end_lineno or 0)]
        last, first = min(sizes, key=lambda ends: ends[0] - ends[1], default=(line, line))
        shown |= set(range(first, last + 1)) if last - first < MOST_LINES // 2 else {line - 1, line, line + 1}
    return {line for line in shown if linecache.getline(file, line).strip()}


def _of_graph(trace: Trace) -> Program:
    inline: list[Spelled] = []  # the text of each node within another: its name, or what it is computed as
    statements: dict[int, str] = {}
    for node in trace.nodes:
        label, last = Spelled(printable(node.name), node.named.label.binds), node is trace.output
        if node.op is None:
            statements[node.number] = f"{label.text} = {short(node.data)}"
        else:
            computed = spell(node.op, [_marked(x, inline) if isinstance(x, Node) else number(x) for x in node.operands])
            own = node.name != node.named.written and not _NUMBERED.fullmatch(node.name)
            if own or last or len(_MARKS.sub("", computed.text)) > LONGEST:
                nameless = last and not own
                statements[node.number] = computed.text if nameless else f"{label.text} = {computed.text}"
            else:
                label = computed
        inline.append(label)
        if len(statements) > MOST_LINES:
            return Program([], {})
    lines: list[tuple[str, list[str]]] = []
    spans: dict[int, tuple[int, int, int]] = {}
    for n in filter(statements.__contains__, trace.forward):
        parts, inside = _parted(statements[n])
        for i, (start, end) in inside.items():
            if i not in statements:
                spans.setdefault(i, (len(lines), start, end))
        spans[n] = len(lines), 0, len(parts)
        lines.append(("", parts))
    return Program(lines, dict(sorted(spans.items())))


def _marked(node: Node, inline: list[Spelled]) -> Spelled:
    text, binds = inline[node.number]
    return Spelled(f"\x01{node.number}\x02{text}\x03", binds)


def _parted(text: str) -> tuple[list[str], dict[int, tuple[int, int]]]:
    """Split a text at its marks; return the parts, and the first and last of each marked node's first text."""
    parts: list[str] = []
    inside: dict[int, tuple[int, int]] = {}
    opened: list[tuple[int, int]] = []
    for piece in _MARKS.split(text):
        if piece.startswith("\x01"):
            opened.append((int(piece[1:-1]), len(parts)))
        elif piece == "\x03":
            node, start = opened.pop()
            inside.setdefault(node, (start, len(parts)))
        elif piece:
            parts.append(piece)
    return parts, inside
