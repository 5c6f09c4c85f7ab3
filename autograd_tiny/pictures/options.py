"""The options of a picture: each with its type, its default and what it does, once; and those of one picture, checked.

`draw` and `linked` take them as keywords, typed by a TypedDict, so that editors complete and check them; help, the
signature that Python shows and the flags of the command line are made from the same rows.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cache
from typing import Annotated, Any, Literal, NamedTuple, TypedDict, TypeVar, Unpack, get_args, get_type_hints

from autograd_tiny.engine.provenance import Recording, recorded
from autograd_tiny.engine.value import Value, topological_order
from autograd_tiny.pictures.fold import Indexed, to_depth
from autograd_tiny.pictures.scopes import scopes
from autograd_tiny.pictures.selection import Highlight, named, on_the_way, within

READABLE_BOXES = 100  # boxes: about what a person still follows, and dot lays out in 0.1 s
MOST_BOXES = 2000  # where somebody asks for more

Word = Literal["names", "data", "grad", "scopes", "local"]
Fold = Literal["nothing", "sums", "samples"]
Direction = Literal["LR", "TB", "RL", "BT"]
SHOWN_BY_DEFAULT: tuple[Word, ...] = ("names", "data", "grad", "scopes")


class Option(NamedTuple):
    """What is said of an option beside its name and its type."""

    default: Any
    help: str
    flag: str = ""  # what its value is called on the command line; "" where nobody can write one there


class GraphOptions(TypedDict, total=False):
    """What anybody may ask of the picture of a graph."""

    rankdir: Annotated[Direction, Option("LR", "which way the arrows go", "WAY")]
    show: Annotated[
        str | Iterable[Word],
        Option(SHOWN_BY_DEFAULT, "what boxes and arrows say (local: the derivative on each arrow)", "WORDS"),
    ]
    fold: Annotated[Fold | None, Option(None, "what is folded; by default what makes it readable", "HOW")]
    collapse: Annotated[
        str | int | Sequence[str] | None,
        Option(None, "modules to fold into a box each, such as layers[0], or to which depth of their paths", "MODULE"),
    ]
    depth: Annotated[int | None, Option(None, "only so many steps from the output", "N")]
    focus: Annotated[
        Value | str | None, Option(None, "only the paths from a value, or those of a name, to the output", "NAME")
    ]
    highlight: Annotated[Any, Option(None, "thick lines along the paths from a value, or along given paths", "NAME")]
    limit: Annotated[
        int | None, Option(None, "boxes of values at most, the nearest to the output; … where others were cut off", "N")
    ]
    notes: Annotated[Mapping[Value, str] | None, Option(None, "text for the boxes of some values, in a thick frame")]


class DrawOptions(GraphOptions, total=False):
    """The options of `draw`."""

    recording: Annotated[Recording | None, Option(None, "of `tracing()`, for modules and lines of source")]
    link: Annotated[str, Option("", "the file of another picture that shows the same modules")]


@cache
def rows() -> dict[str, tuple[Any, Option]]:
    """Of each option its type and its row.

    >>> rows()["depth"][1].help
    'only so many steps from the output'
    """
    hints = get_type_hints(DrawOptions, include_extras=True)
    return {name: (get_args(hint)[0], get_args(hint)[1]) for name, hint in hints.items()}


def choices(name: str) -> tuple[str, ...]:
    """The words that an option takes, () where it takes anything.

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
    """What an option does, with the words that it takes.

    >>> sentence("fold")
    'what is folded; by default what makes it readable: nothing, sums, samples'
    """
    words = ", ".join(choices(name))
    return rows()[name][1].help + (f": {words}" if words else "")


def parsed(name: str, text: str) -> str | int:
    """The value of an option that was written on the command line.

    >>> parsed("depth", "3"), parsed("focus", "3"), parsed("collapse", "layers[0]")
    (3, '3', 'layers[0]')
    """
    if int in get_args(rows()[name][0]):
        with suppress(ValueError):
            return int(text)
    return text


Function = TypeVar("Function", bound=Callable[..., Any])


def documented(f: Function) -> Function:
    """Put each option into the docstring, where it says {options}, and into the signature that help and notebooks show."""
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
    """The options that are not as they are by default; raises TypeError, with the nearest, for one that is not known.

    >>> asked_for({"depth": 3, "fold": None})
    {'depth': 3}
    """
    for name in given:
        if name not in rows():
            near = difflib.get_close_matches(name, rows(), 1)
            raise TypeError(
                f"there is no option {name!r}: "
                + (f"did you mean {near[0]}?" if near else f"there are {', '.join(rows())}")
            )
    return {name: x for name, x in given.items() if x is not rows()[name][1].default}


class Options:
    """The graph below y, and what its picture is to be like: each word and name checked."""

    def __init__(self, y: Value, **given: Unpack[DrawOptions]) -> None:
        asked = asked_for(given)
        option = {name: row.default for name, (_, row) in rows().items()} | asked
        told = ("fold", "collapse", "depth", "focus")
        self.given = {name: _told(x) for name, x in asked.items() if name in told}  # to be told in a call
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
        self.graph = Indexed.of(order, scopes(order, option["recording"]))
        if lost := [v for v in self.notes if v not in set(order)]:
            raise ValueError(f"notes: {lost[0]!r:.60} is not in the graph")
        self.collapse = self._collapsed(option["collapse"])
        self.kept = self._kept()
        self.highlight = Highlight(self.graph, option["highlight"])

    def _kept(self) -> list[bool]:
        """Whether each value is to be drawn."""
        kept = [True] * len(self.graph.order)
        if self.focus is not None:
            kept = on_the_way(self.graph, named(self.graph, self.focus, "focus"))
        if self.depth is not None:
            near = within(self.graph, _count("depth", self.depth))
            kept = [a and b for a, b in zip(kept, near, strict=True)]
        return kept

    def _collapsed(self, what: str | int | Sequence[str] | None) -> Callable[[str], str] | None:
        """Which module a path is collapsed into, "" for none."""
        if what is None:
            return None
        known = dict.fromkeys(scope for scope in self.graph.scopes if scope)
        if not known:
            raise ValueError(
                f"collapse={what!r:.60}: none of the values belongs to a module, which parameters are named for"
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
                raise ValueError(f"collapse: no value belongs to {path!r:.60}; there are {', '.join(outer[:6])}")
        return lambda scope: next((path for path in paths if _belongs(scope, path)), "")


def _told(x: Any) -> Any:
    return (x.name or "…") if isinstance(x, Value) else x


def _words(show: Any) -> tuple[str, ...]:
    if not isinstance(show, (str, Iterable)):
        raise TypeError(f"show is words of {', '.join(choices('show'))}, got {show!r:.60}")
    words = show.replace(",", " ").split() if isinstance(show, str) else show
    return tuple(word_of("show", word) for word in words)


def _notes(notes: Any) -> Mapping[Value, str]:
    if notes is not None and not isinstance(notes, Mapping):
        raise TypeError(f"notes are a dict from Values to texts, got {notes!r:.60}")
    for v, note in (notes or {}).items():
        if not isinstance(v, Value) or not isinstance(note, str):
            raise TypeError(f"notes are a text for each of some Values, got {v!r:.60}: {note!r:.60}")
    return notes or {}


def _belongs(scope: str, path: str) -> bool:
    return scope == path or scope.startswith((f"{path}.", f"{path}["))


def word_of(option: str, word: Any) -> str:
    words = choices(option)
    if word not in words:
        raise ValueError(f"{option}: {word!r:.60} is none of {', '.join(words)}")
    return str(word)


def _count(option: str, n: Any) -> int:
    if not isinstance(n, int) or isinstance(n, bool) or n < 1:
        raise ValueError(f"{option} is a number of 1 or more, got {n!r:.60}")
    return n
