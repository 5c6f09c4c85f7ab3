"""Generate the script of a live page: the op table as switches over op codes, beside two files written by hand."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

from autograd_tiny.compiler.passes import without_dead_steps
from autograd_tiny.engine import ops
from autograd_tiny.live.spelling import FIXED, ROWS, SUMS, absences_of, body, forward_of, slopes_of
from autograd_tiny.transforms.program import Program

OPERANDS = ("a", "b", "c")
FORWARD = """\
function forward(P,V,i,end){const{O,S,X}=P;for(;i<end;i++){
const s=S[i],a=V[X[s]],b=V[X[s+1]],c=V[X[s+2]];let y;
switch(O[i]){case 0:continue;%s;
default:{const r=P.own[O[i]-%d];if(r.stuck)continue;y=ownForward(r,V,X,s,S[i+1])}}V[i]=y}}"""
SLOPES = """\
function slopes(P,V,D,end){const{O,S,X,n}=P;for(let i=0;i<end;i++){
const s=S[i],y=V[i],a=V[X[s]],b=V[X[s+1]],c=V[X[s+2]];
switch(O[i]){case 0:continue;%s;
default:ownSlopes(P.own[O[i]-%d],y,V,X,s,S[i+1],D)}}}"""
ABSENT = """\
function absent(o,k,a,b,c){let y=0;switch(4*o+k){%s}return y}"""


def script() -> str:
    """Return the script, the same for every page: the functions of `runtime.js`, the table, `Program`.

    >>> "const NAMES" in script(), "eval" in script(), len(script().encode()) < 25_000
    (True, False, True)
    """
    return _script()


@cache
def _script() -> str:
    here = files("autograd_tiny.live")
    runtime, program = (flush((here / name).read_text(encoding="utf-8")) for name in ("runtime.js", "program.js"))
    return "\n".join([runtime, table(), program])


def table() -> str:
    """Write the rows of the op table as JavaScript: their names, results, local derivatives, and what is absent."""
    forward: dict[str, list[int]] = {}
    slopes: dict[str, list[int]] = {}
    absent: dict[str, list[int]] = {}
    for code, row in enumerate(FIXED, 1):
        arity = len(row.partials)  # type: ignore[arg-type]
        xs = OPERANDS[:arity]
        forward.setdefault(body(forward_of(row, arity), xs, ["y"]), []).append(code)
        slopes.setdefault(_slopes(slopes_of(row, arity), xs), []).append(code)
        for k, y in enumerate(absences_of(row, arity).outputs if row.absent else ()):
            program = without_dead_steps(absences_of(row, arity).with_outputs((y,)))
            absent.setdefault(body(program, xs, ["y"]), []).append(4 * code + k)
    forward["y=polygamma(a,b)"] = [ROWS.index("polygamma") + 1]
    forward |= {f"y={text}": [ROWS.index(row.name) + 1] for row, text in SUMS.items()}
    squared = {ROWS.index(row.name) + 1: row.squared for row in ops.TABLE.values() if row.squared}
    names = f'"{" ".join(ROWS)}".split(" ")'
    own = len(ROWS) + 1
    return "\n".join(
        [
            f"const NAMES={names},SQUARED={{{','.join(f'{k}:{v}' for k, v in squared.items())}}};",
            FORWARD % (_cases(forward), own),
            SLOPES % (_cases({text: codes for text, codes in slopes.items() if text}), own),
            ABSENT % _cases(absent),
        ]
    )


def _slopes(program: Program, xs: tuple[str, ...]) -> str:
    """Write the local derivatives of a row; those that take more than arithmetic, only for operands that can move."""
    takes = ["y", *xs]
    written = []
    for k, place in enumerate(program.outputs):
        at = f"s+{k}" if k else "s"
        text = body(without_dead_steps(program.with_outputs((place,))), takes, [f"D[{at}]"])
        if len(xs) > 1 and "(" in text:
            text = f"if(X[{at}]<n){{{text}}}"
        written.append(text)
    return ";".join(written)


def _cases(bodies: dict[str, list[int]]) -> str:
    """Write the cases of a switch; equal bodies share one."""
    return ";".join(
        f"{''.join(f'case {code}:' for code in codes)}{f'{{{text}}}' if 'const' in text else text};break"
        for text, codes in bodies.items()
    )


def flush(text: str) -> str:
    """Remove what one script does not need: imports and exports, indentation, comments, spaces around signs."""
    lines = (re.sub(r" // .*", "", line.strip()).removeprefix("export ") for line in text.splitlines())
    kept = "\n".join(line for line in lines if line and not line.startswith(("//", "import ")))
    return _TOKENS.sub(lambda found: found[1] or found[2].strip(" "), kept)


_TOKENS = re.compile(r"""("[^"]*"|`[^`]*`|/\*.*?\*/)|( *[-+*/=<>?:!&|,(){}[\]]+ *)""")
