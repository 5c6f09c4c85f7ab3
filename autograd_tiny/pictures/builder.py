"""Build a picture from one fold level: boxes, arrows, and stubs for what is cut off."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any, NamedTuple

from autograd_tiny.engine.digits import counted, spread
from autograd_tiny.engine.op import Variadic
from autograd_tiny.engine.value import Value
from autograd_tiny.pictures.captions import CaptionFacts, caption
from autograd_tiny.pictures.fold import Groups
from autograd_tiny.pictures.labels import QUANTITIES, Titles, summarized, tooltip
from autograd_tiny.pictures.options import MOST_BOXES, READABLE_BOXES, Options
from autograd_tiny.pictures.picture import Arrow, Box, Kind, Picture
from autograd_tiny.pictures.selection import nearest


class FoldLevel(NamedTuple):
    """Three nested partitions of the values: units (sums), alikes (like values of all samples), groups (modules)."""

    fold: str
    depth: int  # module depth collapsed automatically; 0 means none
    units: Groups
    alikes: Groups
    groups: Groups
    paths: dict[int, str]  # module path of each group that is a module
    boxes: int  # number of groups to draw


class PictureBuilder:
    """Builder of one picture. A box is a group of values, keyed by the index of its leading value."""

    def __init__(self, options: Options, level: FoldLevel, limit: int) -> None:
        self.options, self.level, self.graph = options, level, options.graph
        self.kept, self.capped = options.kept, level.boxes > limit
        if self.capped:
            noted = [i for i, v in enumerate(self.graph.order) if v in options.notes] if options.notes else []
            self.kept = nearest(self.graph, level.groups, options.kept, limit, [len(self.kept) - 1, *noted])
        members: dict[int, list[int]] = {}
        for i, (g, kept) in enumerate(zip(level.groups, self.kept, strict=True)):
            if kept:
                members.setdefault(g, []).append(i)
        first = {g: min(level.units[i] for i in inside) for g, inside in members.items()}
        self.members = {g: members[g] for g in sorted(members, key=first.__getitem__)}  # a sum is placed at its result
        self.keys = {g: f"n{k}" for k, g in enumerate(self.members)}
        self.left_out = len(self.kept) - sum(map(len, self.members.values()))
        self.inside = dict.fromkeys(self.members, 0)  # uses of a value within its own box
        self.cut = dict.fromkeys(self.members, 0)  # uses of values left out
        self.uses_left_out = 0
        whole = level.fold == "nothing" and not level.paths and not self.capped
        self.titles = Titles(self.graph, self.graph.labels() if whole else {}, "names" in options.show)

    @cached_property
    def times(self) -> dict[int, int]:
        """Number of samples folded into each box."""
        units: dict[int, dict[int, None]] = {}
        for i, kept in enumerate(self.kept):
            if kept:
                units.setdefault(self.level.alikes[i], {})[self.level.units[i]] = None
        times: dict[int, int] = {}
        for alike, found in units.items():
            g = self.level.groups[alike]
            times[g] = max(times.get(g, 1), len(found))
        return times

    def picture(self, finer: Sequence[FoldLevel]) -> Picture:
        arrows = self._arrows()
        boxes = [self._box(g, members) for g, members in self.members.items()]
        for g, count in self.cut.items():
            if count:
                more = f"more{self.keys[g][1:]}"
                boxes.append(Box(more, "…", count=0, tooltip=f"{counted(count, 'operand')} not drawn"))
                arrows.append(Arrow(more, self.keys[g], count))
        return Picture(
            tuple(boxes),
            tuple(arrows),
            self.options.rankdir,
            caption(self._facts(finer)),
            self.left_out,
            self.uses_left_out,
            self.options.link,
        )

    def _arrows(self) -> list[Arrow]:
        groups, kept = self.level.groups, self.kept
        stubs = self.capped or self.options.depth is not None
        merged: dict[tuple[int, int, int], list[tuple[int, int, int]]] = {}  # (tail, head, operand index or -1) to uses
        for i, xs in enumerate(self.graph.parents):
            h = groups[i]
            for k, j in enumerate(xs):
                t = groups[j]
                if not kept[i] or (not kept[j] and not stubs):
                    self.uses_left_out += 1
                elif not kept[j]:
                    self.cut[h] += 1
                elif t == h:
                    self.inside[h] += 1
                else:
                    merged.setdefault((t, h, k if self._apart(t, i) else -1), []).append((j, i, k))
        return [self._arrow(t, h, uses) for (t, h, _), uses in merged.items()]

    def _apart(self, tail: int, i: int) -> bool:
        """Return whether each operand of value i has an arrow of its own, so that a + a has two."""
        head, op = self.level.groups[i], self.graph.order[i].op
        assert op is not None
        folded = self.times[head] > 1
        if (
            head in self.level.paths
            or self.times[tail] > self.times[head]
            or (folded and isinstance(op.partials, Variadic))
        ):
            return False
        return len(self.members[head]) == self.times[head]

    def _arrow(self, tail: int, head: int, uses: list[tuple[int, int, int]]) -> Arrow:
        lit = self.options.highlight.uses
        label = []
        if len(uses) != max(self.times[tail], self.times[head]):
            label.append(f"×{len(uses):,}")
        if "local" in self.options.show:
            label.append(spread([self._local(i, k) for _, i, k in uses]))
        bold = bool(lit) and any((j, i) in lit for j, i, _ in uses)
        return Arrow(self.keys[tail], self.keys[head], len(uses), " ".join(label), bold)

    def _local(self, i: int, k: int) -> float:
        return [float(d) for d in self.graph.order[i].local_derivatives if d is not None][k]

    def _box(self, g: int, members: list[int]) -> Box:
        order, show, notes, lit = self.graph.order, self.options.show, self.options.notes, self.options.highlight.values
        roots = self._roots(g, members)
        values = [order[i] for i in roots]
        title, path = self._title(g, members, roots), self.level.paths.get(g)
        leaf = all(order[i].op is None for i in members)
        kind: Kind = "output" if members[-1] == len(order) - 1 else "leaf" if leaf else "inner"
        scope = self.graph.scopes[g] if path is None else path
        return Box(
            key=self.keys[g],
            title=title,
            lines=tuple(q.line(summarized([q.of(v) for v in values])) for q in QUANTITIES if q.label in show),
            kind=kind,
            scope=scope if "scopes" in show else "",
            count=len(members),
            inside=self.inside[g],
            note="\n".join(dict.fromkeys(notes[order[i]] for i in members if order[i] in notes)) if notes else "",
            tooltip=self._tooltip(g, title, members, values),
            bold=bool(lit) and any(i in lit for i in members),
        )

    def _title(self, g: int, members: list[int], roots: list[int]) -> str:
        times = f" ×{self.times[g]:,}" if self.times[g] > 1 else ""
        if (path := self.level.paths.get(g)) is not None:
            return path + times
        one = [i for i in members if self.level.units[i] == roots[0]]
        return self.titles.title(roots, one, self._units.get(roots[0], one)) + times

    @cached_property
    def _units(self) -> dict[int, list[int]]:
        """All values of each sum, drawn or not."""
        units: dict[int, list[int]] = {}
        for i, u in enumerate(self.level.units):
            units.setdefault(u, []).append(i)
        return units

    def _roots(self, g: int, members: list[int]) -> list[int]:
        """Values summarized in a box: the results of sums, or the values of a module used outside it."""
        if g in self.level.paths:
            return self._outputs.get(g, members)
        return list(dict.fromkeys(self.level.units[i] for i in members))

    @cached_property
    def _outputs(self) -> dict[int, list[int]]:
        """Values of each module used outside it; parameters only if there are no others."""
        groups, last = self.level.groups, len(self.kept) - 1
        used: dict[int, dict[int, None]] = {groups[last]: {last: None}}
        for i, xs in enumerate(self.graph.parents):
            for j in xs:
                if groups[j] != groups[i] and self.kept[j]:
                    used.setdefault(groups[j], {})[j] = None
        order = self.graph.order
        return {g: sorted(j for j in found if order[j].op is not None) or sorted(found) for g, found in used.items()}

    def _tooltip(self, g: int, title: str, members: list[int], values: list[Value]) -> str:
        if len(members) == 1:
            where = self.options.recording.where.get(values[0]) if self.options.recording else None
            return tooltip(title, values[0], where.source if where else "")
        among = f", {counted(self.inside[g], 'use')} among them" if self.inside[g] else ""
        return f"{title}\n{len(members):,} values{among}"

    def _facts(self, finer: Sequence[FoldLevel]) -> CaptionFacts:
        focus: Any = self.options.focus
        name = focus.name or "a value" if isinstance(focus, Value) else focus or ""
        modules = tuple(path for g, path in self.level.paths.items() if len(self.members.get(g, ())) > 1)
        return CaptionFacts(
            values=len(self.kept),
            boxes=len(self.members),
            left_out=self.left_out,
            sums=any(len(inside) > self.times[g] for g, inside in self.members.items() if g not in self.level.paths),
            samples=max(self.times.values()),
            modules=modules,
            focus=str(name),
            depth=self.options.depth,
            capped=self.capped,
            more=self._more(finer),
        )

    def _more(self, finer: Sequence[FoldLevel]) -> str:
        """A call that shows more of the graph, and how many boxes it draws."""
        options = self.options
        if self.capped:
            most = MOST_BOXES if len(self.members) < MOST_BOXES else 10 * len(self.members)
            return f"{self._call(limit=min(self.level.boxes, most))}"
        if options.depth is not None and self.left_out:
            return self._call(depth=2 * options.depth)
        if options.collapse:
            return self._call(collapse=None, fold="sums")
        for level in reversed(finer):
            if len(self.members) < level.boxes <= MOST_BOXES:
                finer_by: dict[str, Any] = {"collapse": level.depth} if level.depth else {"fold": level.fold}
                return f"{self._call(**finer_by)}, {level.boxes:,} boxes"
        if self.left_out:
            return f"draw(y), the whole graph{', folded' if len(self.kept) > READABLE_BOXES else ''}"
        names = [v.name for v in self.graph.order if v.op is None and v.name]
        return f"draw(y, focus={names[0]!r:.60}), the paths from one value to the output" if names else ""

    def _call(self, **other: Any) -> str:
        """The call of draw with the options of this picture, updated by `other`."""
        asked = {k: v for k, v in {**self.options.given, **other}.items() if v is not None}
        return f"draw(y, {', '.join(f'{option}={what!r:.60}' for option, what in asked.items())})"
