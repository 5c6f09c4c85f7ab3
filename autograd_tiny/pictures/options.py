"""What was asked of a picture: the graph it is of, which part, what to show; each word and name checked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from autograd_tiny.engine.provenance import Recording, recorded
from autograd_tiny.engine.value import Value, topological_order
from autograd_tiny.pictures.fold import Indexed, to_depth
from autograd_tiny.pictures.scopes import scopes
from autograd_tiny.pictures.selection import Highlight, named, on_the_way, within

SHOWN = ("names", "data", "grad", "scopes")
WORDS = (*SHOWN, "local")
DIRECTIONS = ("LR", "TB", "RL", "BT")
FOLDS = ("nothing", "sums", "samples")
READABLE = 100  # boxes: about what a person still follows, and dot lays out in 0.1 s
MOST = 2000  # boxes, where somebody asks for more


class Asked:
    """The graph below y, and what its picture is to be like."""

    def __init__(
        self,
        y: Value,
        *,
        rankdir: str = "LR",
        show: str | Iterable[str] = SHOWN,
        fold: str | None = None,
        collapse: str | int | Sequence[str] | None = None,
        depth: int | None = None,
        focus: Value | str | None = None,
        highlight: Any = None,
        limit: int | None = None,
        notes: Mapping[Value, str] | None = None,
        recording: Recording | None = None,
        link: str = "",
    ) -> None:
        given = {"fold": fold, "collapse": collapse, "depth": depth, "focus": _name(focus)}
        self.given = {option: what for option, what in given.items() if what is not None}  # to be told in a call
        self.rankdir = word_of("rankdir", rankdir, DIRECTIONS)
        if not isinstance(show, (str, Iterable)):
            raise TypeError(f"show is words of {', '.join(WORDS)}, got {show!r:.60}")
        words = show.replace(",", " ").split() if isinstance(show, str) else list(show)
        self.show = tuple(word_of("show", word, WORDS) for word in words)
        self.fold = None if fold is None else word_of("fold", fold, FOLDS)
        self.limit = READABLE if fold is None else MOST
        if limit is not None:
            self.limit = _count("limit", limit)
        self.focus, self.depth = focus, depth
        for v, note in _items(notes):
            if not isinstance(v, Value) or not isinstance(note, str):
                raise TypeError(f"notes are a text for each of some Values, got {v!r:.60}: {note!r:.60}")
        self.notes, self.recording, self.link = notes or {}, recording or recorded(), link
        order = topological_order(y)
        self.graph = Indexed.of(order, scopes(order, recording))
        if lost := [v for v in self.notes if v not in set(order)]:
            raise ValueError(f"notes: {lost[0]!r:.60} is not in the graph")
        self.collapse = self._collapsed(collapse)
        self.kept = [True] * len(order)
        if focus is not None:
            self.kept = on_the_way(self.graph, named(self.graph, focus, "focus"))
        if depth is not None:
            near = within(self.graph, _count("depth", depth))
            self.kept = [a and b for a, b in zip(self.kept, near, strict=True)]
        self.highlight = Highlight(self.graph, highlight)

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


def _name(focus: Value | str | None) -> str | None:
    return (focus.name or "…") if isinstance(focus, Value) else focus


def _items(notes: Any) -> Iterable[tuple[Any, Any]]:
    if notes is not None and not isinstance(notes, Mapping):
        raise TypeError(f"notes are a dict from Values to texts, got {notes!r:.60}")
    return (notes or {}).items()


def _belongs(scope: str, path: str) -> bool:
    return scope == path or scope.startswith((f"{path}.", f"{path}["))


def word_of(option: str, word: Any, words: Sequence[str]) -> str:
    if word not in words:
        raise ValueError(f"{option}: {word!r:.60} is none of {', '.join(words)}")
    return str(word)


def _count(option: str, n: Any) -> int:
    if not isinstance(n, int) or isinstance(n, bool) or n < 1:
        raise ValueError(f"{option} is a number of 1 or more, got {n!r:.60}")
    return n
