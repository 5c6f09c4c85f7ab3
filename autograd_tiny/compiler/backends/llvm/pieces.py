"""Cut a module of LLVM assembly into modules of bounded size, to be compiled one after another.

A module is compiled under a lock of llvmlite and in memory that grows with it; small ones let other threads in between.
"""

from __future__ import annotations

import re

LINES = 1500  # of a piece, some 50 ms
PAGE = 512  # addresses
_NAME = re.compile(r"@[\w.]+")
_HEADER = re.compile(
    r"define internal void (@[\w.]+)\(((?:(?:ptr|i64|double)(?: noalias)? %\w+(?:, )?)*)\)([^\n]*) \{\n"
)
_OPEN, _CLOSE = "\ndefine ", "\n}\n"


def pieces(text: str, times: int = 1) -> list[tuple[list[str], str]]:
    """Modules that together define what `text` defines, each with the names of functions that the last one calls.

    Each has about LINES lines, or so many `times` as many.

    >>> leaf = "\\ndefine internal void @f(ptr %x) {{\\n{}  ret void\\n}}\\n".format("  fence seq_cst\\n" * LINES)
    >>> caller = "\\ndefine void @g(ptr %x) {\\n  call void @f(ptr %x)\\n  ret void\\n}\\n"
    >>> (names, _), (_, last) = pieces(leaf + caller)
    >>> names, "fence" in last
    (['f'], False)

    The last one calls them by their addresses in its table @room, to be filled after loading. It keeps tables, such as
    @layout, and all functions that are not internal, or mention a table or another function.
    """
    lines = LINES * times
    if text.count("\n") <= lines:
        return [([], text)]
    head, *parts = text.split(_OPEN)
    rest = "\n".join([head, *(part.partition(_CLOSE)[2] for part in parts)]).splitlines()
    shared = "\n".join([line for line in rest if not line.startswith("@")])
    tables = [line for line in rest if line.startswith("@")]
    known = {line.partition(" ")[0] for line in tables}
    known.update(_NAME.search(part)[0] for part in parts)  # type: ignore[index]
    found: list[tuple[list[str], str]] = []
    last, names, group, size, count = [], [], [shared], 0, 0
    parts.reverse()
    while parts:
        function = f"define {parts.pop().partition(_CLOSE)[0]}{_CLOSE}"
        header = _HEADER.match(function)
        if header is None or known.intersection(_NAME.findall(function, header.end())):
            last.append(function)
            continue
        name, given, more = header.groups()
        last.append(_THROUGH.format(name=name, given=given, more=more, i=count, bare=given.replace(" noalias", "")))
        names.append(name[1:])
        group.append(function.replace("define internal", "define", 1))
        size, count = size + function.count("\n"), count + 1
        if size > lines:
            found.append((names, "\n".join([*group, _SOME])))
            names, group, size = [], [shared], 0
    if names:
        found.append((names, "\n".join([*group, _SOME])))
    # LLVM reserves whole pages without counting the addresses of library functions: leave room in the last one.
    room = f"@room = global [{-(-count // PAGE) * PAGE + 1} x ptr] zeroinitializer"
    return [*found, ([], "\n".join([shared, room, *tables, *last]))]


_SOME = "@some = internal global i64 0\n"  # a page for the addresses of library functions
_THROUGH = """\
define internal void {name}({given}){more} {{
  %at = getelementptr ptr, ptr @room, i64 {i}
  %function = load ptr, ptr %at
  call void %function({bare})
  ret void
}}
"""
