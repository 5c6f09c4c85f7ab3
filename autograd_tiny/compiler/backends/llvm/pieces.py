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


def pieces(text: str) -> list[tuple[list[str], str]]:
    """Modules that together define what `text` defines, each with the names of functions that the last one calls.

    >>> leaf = "define internal void @f(ptr %x) {{\\n{}  ret void\\n}}\\n".format("  fence seq_cst\\n" * LINES)
    >>> caller = "define void @g(ptr %x) {\\n  call void @f(ptr %x)\\n  ret void\\n}\\n"
    >>> (names, _), (_, last) = pieces(leaf + caller)
    >>> names, "fence" in last
    (['f'], False)

    The last one calls them by their addresses in its table @room, to be filled after loading. It keeps tables, such as
    @layout, and all functions that are not internal, or mention a table or another function.
    """
    text = "\n" + text
    if text.count("\n") <= LINES:
        return [([], text)]
    head, *parts = text.split(_OPEN)
    functions = []
    for part in parts:
        function, _, after = part.partition(_CLOSE)
        functions.append(f"define {function}{_CLOSE}")
        head += "\n" + after
    lines = head.splitlines()
    shared = "\n".join([line for line in lines if not line.startswith("@")])
    tables = [line for line in lines if line.startswith("@")]
    known = {line.partition(" ")[0] for line in tables} | {_NAME.search(f)[0] for f in functions}  # type: ignore[index]
    found: list[tuple[list[str], str]] = []
    last, names, group, count = [], [], "", 0
    for function in functions:
        header = _HEADER.match(function)
        if header is None or known.intersection(_NAME.findall(function, header.end())):
            last.append(function)
            continue
        name, given, more = header.groups()
        last.append(_THROUGH.format(name=name, given=given, more=more, i=count, bare=given.replace(" noalias", "")))
        names.append(name[1:])
        group += function.replace("define internal", "define", 1)
        count += 1
        if group.count("\n") > LINES:
            found.append((names, f"{shared}\n{group}{_SOME}"))
            names, group = [], ""
    if group:
        found.append((names, f"{shared}\n{group}{_SOME}"))
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
