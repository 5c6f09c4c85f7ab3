"""Options of a picture, each with type, default and help in one row, and the validated options of one picture.

`draw` and `linked` take them as keywords typed by a TypedDict, so that editors complete and check them. The help, the
signature shown by Python and the flags of the command line are built from the same rows.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, TypedDict, TypeVar, Unpack, get_args, get_type_hints

from autograd_tiny.engine.provenance import Recording, names_known, recorded
from autograd_tiny.engine.value import Value, topological_order
from autograd_tiny.pictures.fold import Indexed, to_depth
from autograd_tiny.pictures.scopes import scopes
from autograd_tiny.pictures.selection import Highlight, named, on_the_way, within

READABLE_BOXES = 100  # boxes that a person can follow and dot lays out in 0.1 s
MOST_BOXES = 2000  # default limit with an explicit `fold`

Word = Literal["names", "data", "grad", "scopes", "local"]
Fold = Literal["nothing", "sums", "samples"]
Direction = Literal["LR", "TB", "RL", "BT"]
SHOWN_BY_DEFAULT: tuple[Word, ...] = ("names", "data", "grad", "scopes")


class Option(NamedTuple):
    """Default and help of an option."""

    default: Any
    help: str
    flag: str = ""  # metavar on the command line; "" if it is not available there


class GraphOptions(TypedDict, total=False):
    """Options of `draw` and `linked`."""

    rankdir: Annotated[Direction, Option("LR", "direction of the arrows", "WAY")]
    show: Annotated[
        str | Iterable[Word],
        Option(SHOWN_BY_DEFAULT, "text of boxes and arrows (local: the local derivative on each arrow)", "WORDS"),
    ]
    fold: Annotated[Fold | None, Option(None, "how far to fold; by default as far as needed", "HOW")]
    collapse: Annotated[
        str | int | Sequence[str] | None,
        Option(None, "modules to fold into one box each, such as layers[0], or a depth of paths", "MODULE"),
    ]
    depth: Annotated[int | None, Option(None, "draw only values at most this many steps from the output", "N")]
    focus: Annotated[
        Value | str | None,
        Option(None, "draw only the paths from a value, or from all of one name, to the output", "NAME"),
    ]
    highlight: Annotated[
        Any, Option(None, "draw thick lines along all paths from a value, or along given paths", "NAME")
    ]
    limit: Annotated[
        int | None, Option(None, "draw at most this many boxes, nearest to the output; … marks a cut", "N")
    ]
    notes: Annotated[
        Mapping[Value, str] | None, Option(None, "texts for the boxes of some values, drawn with a thick frame")
    ]


class DrawOptions(GraphOptions, total=False):
    """The options of `draw`."""

    recording: Annotated[Recording | None, Option(None, "record of `tracing()`, for modules and source lines")]
    link: Annotated[str, Option("", "file of another picture, in which the modules are linked")]


@cache
def rows() -> dict[str, tuple[Any, Option]]:
    """Type and row of each option, by name.

    >>> rows()["depth"][1].help
    'draw only values at most this many steps from the output'
    """
    hints = get_type_hints(DrawOptions, include_extras=True)
    return {name: (get_args(hint)[0], get_args(hint)[1]) for name, hint in hints.items()}


def choices(name: str) -> tuple[str, ...]:
    """Words that an option accepts; () if it accepts anything.

    >>> choices("fold"), choices("depth")
    (('nothing', 'sums', 'samples'), ())
    """
    stack, found = [rows()[name][0]], []
    while stack:
        hint = stack.pop()
        found += [word for word in get_args(hint) if isinstance(word, str)]
        stack += [arg for arg in get_args(hint) if not isinstance(arg, str)]
    return tuple(found)


def sentence(name: str) -> str:
    """Help of an option, with the words that it accepts.

    >>> sentence("fold")
    'how far to fold; by default as far as needed: nothing, sums, samples'
    """
    words = ", ".join(choices(name))
    return rows()[name][1].help + (f": {words}" if words else "")


def parsed(name: str, text: str) -> str | int:
    """Value of an option given as text on the command line.

    >>> parsed("depth", "3"), parsed("focus", "3"), parsed("collapse", "layers[0]")
    (3, '3', 'layers[0]')
    """
    if int in get_args(rows()[name][0]):
        with suppress(ValueError):
            return int(text)
    return text


Function = TypeVar("Function", bound=Callable[..., Any])


def documented(f: Function) -> Function:
    """Fill in {options} in the docstring, and add each option to the signature shown by help."""
    own = [p for p in inspect.signature(f).parameters.values() if p.kind is not p.VAR_KEYWORD]
    keywords = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=option.default, annotation=hint)
        for name, (hint, option) in rows().items()
    ]
    f.__signature__ = inspect.Signature([*own, *keywords])  # type: ignore[attr-defined]
    f.__doc__ = (f.__doc__ or "").replace(
        "{options}", "\n    ".join(f"- `{name}`: {sentence(name)}" for name in rows())
    )
    return f


def asked_for(given: Mapping[str, Any]) -> dict[str, Any]:
    """The options that differ from their defaults; raises TypeError for an unknown name, with the closest one.

    >>> asked_for({"depth": 3, "fold": None})
    {'depth': 3}
    """
    for name in given:
        if name not in rows():
            near = difflib.get_close_matches(name, rows(), 1)
            raise TypeError(
                f"there is no option {name!r}: "
                + (f"did you mean {near[0]}?" if near else f"choose from {', '.join(rows())}")
            )
    return {name: x for name, x in given.items() if x is not rows()[name][1].default}


class Options:
    """The graph of y, and the validated options of its picture."""

    def __init__(self, y: Value, **given: Unpack[DrawOptions]) -> None:
        asked = asked_for(given)
        option = {name: row.default for name, (_, row) in rows().items()} | asked
        told = ("fold", "collapse", "depth", "focus")
        self.given = {name: _told(x) for name, x in asked.items() if name in told}  # for the call shown in the caption
        self.rankdir = word_of("rankdir", option["rankdir"])
        self.show = _words(option["show"])
        self.fold = None if option["fold"] is None else word_of("fold", option["fold"])
        self.limit = READABLE_BOXES if self.fold is None else MOST_BOXES
        if option["limit"] is not None:
            self.limit = _count("limit", option["limit"])
        self.focus, self.depth = option["focus"], option["depth"]
        self.notes, self.link = _notes(option["notes"]), option["link"]
        self.recording = option["recording"] or recorded()
        order = topological_order(y)
        self.graph = Indexed.of(order, scopes(order, option["recording"]), names_known(self.recording))
        if lost := [v for v in self.notes if v not in set(order)]:
            raise ValueError(f"notes: {lost[0]!r:.60} is not in the drawn graph")
        self.collapse = self._collapsed(option["collapse"])
        self.kept = self._kept()
        self.highlight = Highlight(self.graph, option["highlight"])

    def _kept(self) -> list[bool]:
        """Flags, True for each value that is drawn."""
        kept = [True] * len(self.graph.order)
        if self.focus is not None:
            kept = on_the_way(self.graph, named(self.graph, self.focus, "focus"))
        if self.depth is not None:
            near = within(self.graph, _count("depth", self.depth))
            kept = [a and b for a, b in zip(kept, near, strict=True)]
        return kept

    def _collapsed(self, what: str | int | Sequence[str] | None) -> Callable[[str], str] | None:
        """A function from a module path to the module it is collapsed into, "" for none."""
        if what is None:
            return None
        known = dict.fromkeys(scope for scope in self.graph.scopes if scope)
        if not known:
            raise ValueError(
                f"collapse={what!r:.60}: none of the values belongs to a module; "
                "name the parameters with model.name_parameters(), or pass a recording"
            )
        if isinstance(what, int):
            return to_depth(_count("collapse", what))
        if not isinstance(what, (str, Sequence)):
            raise TypeError(
                f"collapse takes paths of modules, such as {next(iter(known))!r}, or a depth, got {what!r:.60}"
            )
        paths = [what] if isinstance(what, str) else list(what)
        for path in paths:
            if not isinstance(path, str):
                raise TypeError(f"collapse takes paths of modules or a depth, got {path!r:.60}")
            if not any(_belongs(scope, path) for scope in known):
                outer = list(dict.fromkeys(to_depth(1)(scope) for scope in known))
                raise ValueError(f"collapse: no value belongs to {path!r:.60}; the modules are {', '.join(outer[:6])}")
        return lambda scope: next((path for path in paths if _belongs(scope, path)), "")


def _told(x: Any) -> Any:
    return (x.name or "…") if isinstance(x, Value) else x


def _words(show: Any) -> tuple[str, ...]:
    if not isinstance(show, (str, Iterable)):
        raise TypeError(f"show takes words from {', '.join(choices('show'))}, got {show!r:.60}")
    words = show.replace(",", " ").split() if isinstance(show, str) else show
    return tuple(word_of("show", word) for word in words)


def _notes(notes: Any) -> Mapping[Value, str]:
    if notes is not None and not isinstance(notes, Mapping):
        raise TypeError(f"notes must be a dict from Values to texts, got {notes!r:.60}")
    for v, note in (notes or {}).items():
        if not isinstance(v, Value) or not isinstance(note, str):
            raise TypeError(f"notes must map Values to texts, got {v!r:.60}: {note!r:.60}")
    return notes or {}


def _belongs(scope: str, path: str) -> bool:
    return scope == path or scope.startswith((f"{path}.", f"{path}["))


def word_of(option: str, word: Any) -> str:
    words = choices(option)
    if word not in words:
        raise ValueError(f"{option}: {word!r:.60} is not one of {', '.join(words)}")
    return str(word)


def _count(option: str, n: Any) -> int:
    if not isinstance(n, int) or isinstance(n, bool) or n < 1:
        raise ValueError(f"{option} must be an integer of at least 1, got {n!r:.60}")
    return n
