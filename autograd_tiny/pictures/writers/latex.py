r"""Write text, curves and colours in LaTeX and TikZ, for a plain pdflatex.

A document that uses them needs PREAMBLE. It has the letters of T1 and of mathematics; `spelled` replaces all others.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from autograd_tiny.pictures.theme import Color

PREAMBLE = r"""\usepackage[T1]{fontenc}
\usepackage{lmodern}
\usepackage{tikz}
\usetikzlibrary{arrows.meta}"""
# Styles in points: letters, text in a box or alone, arrows.
STYLES = r"""letters/.style={text=ink, font=\sffamily\fontsize{12}{15}\selectfont},
  box/.style={letters, inner sep=0pt, align=center},
  local/.style={letters, inner sep=1pt, font=\sffamily\bfseries\fontsize{11}{11}\selectfont},
  arrow/.style={draw=line, line width=0.6pt, -{Latex[length=5pt, width=4pt]}}"""
BREAK = r"\\{}"  # the braces keep a following [ from being read as an option


def tex(text: str) -> str:
    r"""Escape a line of text for LaTeX.

    >>> tex("50% of a_1 -> ∂y")
    '50\\% of a\\_1 -{}\\textgreater{} $\\partial$y'
    """
    minus = re.sub(r"(?<!\w)-(?=[\d ])", "−", spelled(text))  # a LaTeX hyphen is too short for a minus sign
    return "".join(_TEX.get(c, c) for c in minus)


def spelled(text: str) -> str:
    """Replace each letter that pdflatex lacks by its code point.

    >>> spelled("σ(漢)")
    'σ(U+6F22)'
    """
    return "".join(c if c in _TEX or c.isascii() or "À" <= c <= "ÿ" else f"U+{ord(c):04X}" for c in text)


def spline(points: Sequence[tuple[float, float]]) -> str:
    """TikZ path of a B-spline: a start, then two control points and an end per piece.

    >>> spline([(0, 0), (1, 0), (2, 1), (3, 1)])
    '(0.00,0.00) .. controls (1.00,0.00) and (2.00,1.00) .. (3.00,1.00)'
    """
    start, *rest = [f"({x:.2f},{y:.2f})" for x, y in points]
    curves = (f" .. controls {a} and {b} .. {c}" for a, b, c in zip(*[iter(rest)] * 3, strict=True))
    return start + "".join(curves)


def colors(used: Iterable[Color]) -> str:
    r"""Definitions of colours, in their light form.

    >>> colors([Color.INK])
    '\\definecolor{ink}{HTML}{1A1A1A}'
    """
    return "\n".join(rf"\definecolor{{{color.variable}}}{{HTML}}{{{color.light[1:].upper()}}}" for color in used)


def _pairs(text: str) -> Iterator[tuple[str, str]]:
    words = text.split()
    return zip(words[::2], words[1::2], strict=True)


# fmt: off
_GREEK = (
    "α alpha β beta γ gamma δ delta ε epsilon ζ zeta η eta θ theta ι iota κ kappa λ lambda μ mu ν nu ξ xi π pi ρ rho "
    "σ sigma τ tau υ upsilon φ phi χ chi ψ psi ω omega Γ Gamma Δ Delta Θ Theta Λ Lambda Ξ Xi Π Pi Σ Sigma Φ Phi Ψ Psi "
    "Ω Omega"
)
_MATH = (
    r"· \cdot × \times ÷ \div ∂ \partial − - ≈ \approx → \to ← \leftarrow ∞ \infty ≤ \le ≥ \ge ≠ \ne √ \surd ∇ \nabla "
    r"⊙ \odot ∑ \sum ∏ \prod ± \pm ² ^2 ³ ^3"
)
# Letters that are special in LaTeX, form ligatures, or are missing from its fonts.
_TEX = {
    **{c: rf"\{c}" for c in "&%$#_{}"},
    **{c: rf"$\{name}$" for c, name in _pairs(_GREEK)},
    **{c: f"${name}$" for c, name in _pairs(_MATH)},
    "\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "–": "--", "—": "---",
    "…": r"\ldots{}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}", '"': r"\textquotedbl{}",
    "'": r"\textquotesingle{}", "`": r"\textasciigrave{}", "-": "-{}", ",": ",{}",
}
# fmt: on
