"""The op table: one row holds everything the package knows about a primitive.

    square = Op("square", lambda x: x * x, (lambda y, x: 2 * x,))

``partials[i](y, *xs)`` is the local derivative ∂y/∂xs[i]; the result y comes first. A rule uses only arithmetic and
other rows, never ``math`` and never ``if``, so that it works for floats, Values, Duals and Symbols alike. Kinks are
rows of their own (``heaviside``, ``sign``, ``where``, …).
To add an op, write its row here and its method in ``operand.py``.
"""

from __future__ import annotations

import math
import operator
from dataclasses import replace
from functools import cache, partial, reduce
from math import inf, nan
from typing import Any

from autograd_tiny.engine import expansions, special
from autograd_tiny.engine.op import TABLE as TABLE
from autograd_tiny.engine.op import Interval, Op, Rule, Variadic

_zero = lambda *xs: 0.0  # noqa: E731 - the derivative of a choice
_ever = lambda *xs: 1.0  # noqa: E731
CHOICE: dict[str, Any] = {"partials": (_zero, _zero), "avoid": operator.sub, "absent": (_ever, _ever)}
POSITIVE, NON_NEGATIVE, UNIT = Interval(0, inf, "(]"), Interval(0, inf, "[]"), Interval(-1, 1, "[]")


def libm(name: str, partials: tuple[Rule, ...], **fields: Any) -> Op:
    """Make the row of a function that ``math`` and the C library both provide under this name."""
    return Op(name, getattr(math, name), partials, machine=name, **fields)


def _finite_below(a: Any) -> Any:
    return where(equal(a, -inf), -special.MAX_FLOAT, a)  # by IEEE 754 (-inf)**0.5 is inf, an isolated point


def _shifted(n: int, factor: Any, a: Any, b: Any) -> Any:
    """Compute factor · a**(b-n) without losing the digits of b that b - n would round away."""
    a = _finite_below(a)
    apart = where(less(abs(b), 0.5), not_equal(a, 0.0), greater(abs(b), special.FAR)) * less(a, inf)
    p = a ** where(apart, b, b - n)
    return where(equal(p, 0.0), 0.0, reduce(operator.truediv, [where(apart, a, 1.0)] * n, factor * p))


def _falling_power(n: int, a: Any, b: Any) -> Any:
    """Lower `falling_power` to other rows; a constant exponent needs fewer."""
    factor = special.falling(n, b)
    if b.__class__ is float and (b == 0 or 0.5 <= math.fabs(b) <= special.FAR):
        return factor * (_finite_below(a) if b % 1 else a) ** (b - n) if factor else 0.0
    return where(equal(factor, 0.0), 0.0, _shifted(n, factor, a, b))


@cache
def falling_power(n: int) -> Op:
    """Make the row of ∂ⁿ(a**b)/∂aⁿ = b(b-1)…(b-n+1) · a**(b-n); its derivative with respect to a is row n + 1."""
    factor = partial(special.falling, n)
    return Op(f"power_rule{n}", partial(special.falling_power, n),
              (lambda y, a, b: falling_power(n + 1)(a, b),
               lambda y, a, b: _shifted(n, sum(factor(b, i) for i in range(n)), a, b) + y * log(where(a, a, 1.0))),
              limit=partial(special.falling_power_limit, n), formula=lambda a, b: factor(b) * a ** (b - n),
              avoid=pow.avoid, lower=partial(_falling_power, n), pickle_recipe=(falling_power, n))  # fmt: skip


@cache
def polygamma(n: int) -> Op:
    """Make the row of the (n+1)-th derivative of log Γ; its derivative is row n + 1."""
    name = ("digamma", "trigamma")[n] if n < 2 else f"polygamma{n}"
    return Op(name, partial(special.polygamma, n), (lambda y, x: polygamma(n + 1)(x),),
              avoid=lgamma.avoid, pickle_recipe=(polygamma, n))  # fmt: skip


@cache
def sinc_derivative(n: int) -> Op:
    """Make the row of the n-th derivative of sin(πx)/(πx); its derivative is row n + 1."""
    return Op(f"sinc_rule{n}" if n else "sinc", partial(expansions.sinc, n), (lambda y, x: sinc_derivative(n + 1)(x),),
              pickle_recipe=(sinc_derivative, n))  # fmt: skip


# fmt: off
# Arithmetic.
add = Op("add", operator.add, (lambda y, a, b: 1.0, lambda y, a, b: 1.0), infix=("+", 1), machine="+")
sub = Op("sub", operator.sub, (lambda y, a, b: 1.0, lambda y, a, b: -1.0), infix=("-", 1), machine="-")
mul = Op("mul", operator.mul, (lambda y, a, b: b, lambda y, a, b: a), infix=("*", 2), machine="*")
div = Op("div", operator.truediv, (lambda y, a, b: 1 / b, lambda y, a, b: -y / b), infix=("/", 2), machine="/",
         limit=lambda a, b: math.copysign(inf, a) * math.copysign(1, b) if a == a and a else nan, avoid=lambda a, b: b)
neg = Op("neg", operator.neg, (lambda y, x: -1.0,), infix=("-", 3), machine="neg")
pos = Op("pos", lambda x: x, (lambda y, x: 1.0,), infix=("+", 3))
# x**0 is 1 with derivative 0, also at x = 0; 0**b is constant in b, so the rule takes log 1 instead of log 0.
pow = Op("pow", special.power, (lambda y, a, b: power_rule1(a, b), lambda y, a, b: y * log(where(a, a, 1.0))),
         limit=special.power_limit, avoid=lambda a, b: a, infix=("**", 4), machine="pow", lower=special.whole_power)
power_rule1 = falling_power(1)
# a % b has the sign of b, as in Python; fmod(a, b) that of a, as in C. A quotient is a step: its derivative is 0.
fmod = libm("fmod", (lambda y, a, b: 1.0, lambda y, a, b: (y - a) / b), avoid=special.room)
mod = Op("mod", special.mod, (lambda y, a, b: 1.0, lambda y, a, b: -floordiv(a, b)),
         avoid=special.room, infix=("%", 2), lower=expansions.mod)
floordiv = Op("floordiv", special.floordiv, (_zero, _zero), avoid=special.room, infix=("//", 2),
              lower=expansions.floordiv)

# Exponentials, logarithms, roots.
exp   = libm("exp", (lambda y, x: y,), limit=lambda x: inf)
exp2  = libm("exp2", (lambda y, x: math.log(2) * y,), limit=lambda x: inf)
expm1 = libm("expm1", (lambda y, x: exp(x),), limit=lambda x: inf)
log   = libm("log", (lambda y, x: 1 / x,), domain=(POSITIVE,), avoid=lambda x: x, limit=special.log_limit)
log2  = libm("log2", (lambda y, x: 1 / math.log(2) / x,),
             domain=(POSITIVE,), avoid=lambda x: x, limit=special.log_limit)
log10 = libm("log10", (lambda y, x: 1 / math.log(10) / x,),
             domain=(POSITIVE,), avoid=lambda x: x, limit=special.log_limit)
log1p = libm("log1p", (lambda y, x: 1 / (1 + x),),
             domain=(Interval(-1, inf, "(]"),), avoid=lambda x: 1 + x, limit=lambda x: special.log_limit(1 + x))
sqrt  = libm("sqrt", (lambda y, x: 0.5 / y,), domain=(NON_NEGATIVE,), avoid=lambda x: x, squared=1)
cbrt  = libm("cbrt", (lambda y, x: 1 / (3 * y * y),), avoid=lambda x: x)
square = Op("square", lambda x: x * x, (lambda y, x: 2 * x,))
reciprocal = Op("reciprocal", lambda x: 1 / x, (lambda y, x: -y * y,),
                avoid=lambda x: x, limit=lambda x: math.copysign(inf, x))

# Circular and hyperbolic functions.
sin   = libm("sin", (lambda y, x: cos(x),))
cos   = libm("cos", (lambda y, x: -sin(x),))
tan   = libm("tan", (lambda y, x: 1 + y * y,))
asin  = libm("asin", (lambda y, x: 1 / sqrt((1 - x) * (1 + x)),), domain=(UNIT,), avoid=lambda x: (1 - x) * (1 + x))
acos  = libm("acos", (lambda y, x: -1 / sqrt((1 - x) * (1 + x)),), domain=(UNIT,), avoid=lambda x: (1 - x) * (1 + x))
sinc  = sinc_derivative(0)  # sin(πx)/(πx)
atan  = libm("atan", (lambda y, x: square(1 / hypot(1.0, x)),))
atan2 = libm("atan2", (lambda y, a, b: b * (c := expansions.shrink(a, b)) / (h := hypot(a * c, b * c)) / h * c,
                       lambda y, a, b: -a * (c := expansions.shrink(a, b)) / (h := hypot(a * c, b * c)) / h * c),
             avoid=lambda a, b: hypot(a, b) + b)
sinh  = libm("sinh", (lambda y, x: cosh(x),), limit=lambda x: math.copysign(inf, x))
cosh  = libm("cosh", (lambda y, x: sinh(x),), limit=lambda x: inf)
# 1 - y² cancels for large |x| and 1/cosh² overflows; this form does neither, without a branch.
tanh  = libm("tanh", (lambda y, x: 4 * (e := exp(-2 * magnitude_rule(x))) / square(1 + e),))
asinh = libm("asinh", (lambda y, x: 1 / hypot(1.0, x),))
acosh = libm("acosh", (lambda y, x: 1 / (sqrt(x - 1) * sqrt(x + 1)),),
             domain=(Interval(1, inf, "[]"),), avoid=lambda x: x - 1)
atanh = libm("atanh", (lambda y, x: 1 / ((1 - x) * (1 + x)),), domain=(Interval(-1, 1),),
             avoid=lambda x: (1 - x) * (1 + x), limit=lambda x: math.copysign(inf, x) if math.fabs(x) == 1 else nan)

# Activations.
sigmoid = expit = Op("sigmoid", special.sigmoid, (lambda y, x: y * sigmoid(-x),),
                     lower=lambda x: where(greater_equal(x, 0.0), 1.0, e := exp(-abs(x))) / (1 + e))
softplus = Op("softplus", lambda x: (x if x > 0 else 0.0) + math.log1p(math.exp(-math.fabs(x))),
              (lambda y, x: sigmoid(x),), lower=lambda x: where(greater(x, 0.0), x, 0.0) + log1p(exp(-abs(x))))
log_sigmoid = Op("log_sigmoid", lambda x: -softplus(-x), (lambda y, x: sigmoid(-x),))
logit = Op("logit", special.logit, (lambda y, x: 1 / (x * (1 - x)),), domain=(Interval(0, 1),),
           avoid=lambda x: x * (1 - x), limit=lambda x: {0.0: -inf, 1.0: inf}.get(x, nan), lower=expansions.logit)
softsign = Op("softsign", special.softsign, (lambda y, x: square(1 / (1 + abs(x))),), lower=expansions.softsign)
hardtanh = Op("hardtanh", lambda x: special.clip(x, -1.0, 1.0), (lambda y, x: clip.partials[0](y, x, -1.0, 1.0),),
              avoid=lambda x: (x - 1) * (x + 1), lower=lambda x: clip.lower(x, -1.0, 1.0))
relu     = Op("relu", lambda x: x if x > 0 or x != x else 0.0, (lambda y, x: relu_rule(x),),
              avoid=lambda x: x, absent=(lambda x: less(x, 0.0),), lower=lambda x: where(less_equal(x, 0.0), 0.0, x))
leaky_relu = Op("leaky_relu", lambda x, slope: x if x > 0 else slope * x,
                (lambda y, x, slope: where(heaviside(x), 1.0, slope) - flat_rule(x),
                 lambda y, x, slope: minimum(x, 0.0) - flat_rule(x)),
                avoid=lambda x, slope: x, defaults=(0.01,), lower=lambda x, slope: where(greater(x, 0.0), x, slope * x))
elu  = Op("elu", lambda x, alpha: x if x > 0 else alpha * math.expm1(x),
          (lambda y, x, alpha: where(heaviside(x), 1.0, alpha * exp(minimum(x, 0.0))) - flat_rule(x),
           lambda y, x, alpha: expm1(minimum(x, 0.0)) - flat_rule(x)),
          avoid=lambda x, alpha: x, defaults=(1.0,), lower=lambda x, alpha: where(greater(x, 0.0), x, alpha * expm1(x)))
silu = Op("silu", special.silu, (lambda y, x: sigmoid(x) + minimum(y, special.MAX_FLOAT) * sigmoid(-x),),
          lower=expansions.silu)
gelu = Op("gelu", special.gelu,
          (lambda y, x: 0.5 * erfc(-x * math.sqrt(0.5))
           + (c := clip(x, -99.0, 99.0)) * (h := exp(-0.25 * c * c)) * math.sqrt(0.5 / math.pi) * h,),
          lower=expansions.gelu)

# Kinks, steps and selection. maximum and minimum split a tie in halves; nan in, nan out.
# A slope that jumps has no derivative there: `kink_rule` is nan at 0, and else 0. A step has slope 0, by `flat_rule`.
# Comparisons and `where` are choices: their derivatives are those of the branch taken, in every order.
abs  = Op("abs", math.fabs, (lambda y, x: abs_rule(x),), avoid=lambda x: x, squared=2, machine="fabs")
sign = Op("sign", lambda x: x if x != x else float((x > 0) - (x < 0)), (lambda y, x: flat_rule(x),), avoid=lambda x: x,
          absent=(lambda x: x,), lower=lambda x: where(not_equal(x, x), x, greater(x, 0.0) - less(x, 0.0)))
heaviside = Op("heaviside", lambda x: x if x != x else 1.0 if x > 0 else 0.0, (lambda y, x: flat_rule(x),),
               avoid=lambda x: x, absent=(lambda x: x,), lower=lambda x: where(not_equal(x, x), x, greater(x, 0.0)))
compare = Op("compare", lambda a, b: nan if a != a or b != b else float((a > b) - (a < b)),
             (lambda y, a, b: flat_rule(a - b), lambda y, a, b: flat_rule(b - a)), avoid=operator.sub,
             lower=lambda a, b: where(equal(a, b), 0.0, where(less(a, b), -1.0, where(greater(a, b), 1.0, nan))))
maximum = Op("maximum", lambda a, b: a if a > b or a != a else b,
             (lambda y, a, b: (1 + maximum_rule(a, b)) / 2, lambda y, a, b: (1 - maximum_rule(a, b)) / 2),
             absent=(lambda a, b: less(a, b), lambda a, b: less(b, a)), avoid=operator.sub,
             lower=lambda a, b: where(greater(a, b), a, where(not_equal(a, a), a, b)))
minimum = Op("minimum", lambda a, b: a if a < b or a != a else b,
             (lambda y, a, b: (1 - maximum_rule(a, b)) / 2, lambda y, a, b: (1 + maximum_rule(a, b)) / 2),
             absent=(lambda a, b: less(b, a), lambda a, b: less(a, b)), avoid=operator.sub,
             lower=lambda a, b: where(less(a, b), a, where(not_equal(a, a), a, b)))
clip = Op("clip", special.clip,
          (lambda y, x, low, high: (rule := maximum_rule)(high, low) * (1 + rule(x, low)) * (1 + rule(high, x)) / 4,
           lambda y, x, low, high: (1 - maximum_rule(x, low)) / 2, lambda y, x, a, b: (1 - maximum_rule(b, x)) / 2),
          avoid=lambda x, low, high: (x - low) * (x - high) * (high - low),
          absent=(lambda x, a, b: less(x, a) + less(b, x), lambda x, a, b: less(a, x), lambda x, a, b: less(x, b)),
          lower=lambda x, a, b: where(greater(a, b), nan, where(less(x, a), a, where(greater(x, b), b, x))))
where = Op("where", lambda condition, a, b: a if condition else b,
           (_zero, lambda y, c, a, b: not_equal(c, 0.0), lambda y, c, a, b: equal(c, 0.0)), machine="select",
           absent=(_ever, lambda c, a, b: equal(c, 0.0), lambda c, a, b: not_equal(c, 0.0)), avoid=lambda c, a, b: c)
less          = Op("less", lambda a, b: float(a < b), **CHOICE, machine="<")
less_equal    = Op("less_equal", lambda a, b: float(a <= b), **CHOICE, machine="<=")
greater       = Op("greater", lambda a, b: float(a > b), **CHOICE, machine=">")
greater_equal = Op("greater_equal", lambda a, b: float(a >= b), **CHOICE, machine=">=")
equal         = Op("equal", lambda a, b: float(a == b), **CHOICE, machine="==")
not_equal     = Op("not_equal", lambda a, b: float(a != b), **CHOICE, machine="!=")
kink_rule = Op("kink_rule", lambda x: 0.0 if x < 0 or x > 0 else nan, (lambda y, x: kink_rule(x),),
               avoid=lambda x: x, lower=lambda x: where(less(x, 0.0) + greater(x, 0.0), 0.0, nan))
flat_rule = Op("flat_rule", _zero, (lambda y, x: kink_rule(x),), avoid=lambda x: x, lower=_zero)
abs_rule  = replace(sign, name="abs_rule", partials=(lambda y, x: kink_rule(x),), formula=lambda x: sign(x))
relu_rule = replace(heaviside, name="relu_rule", partials=(lambda y, x: kink_rule(x),), formula=lambda x: heaviside(x))
maximum_rule = replace(compare, name="maximum_rule", formula=lambda a, b: compare(a, b),
                       partials=(lambda y, a, b: kink_rule(a - b), lambda y, a, b: kink_rule(b - a)))
magnitude_rule = Op("magnitude_rule", math.fabs, (lambda y, x: where(less(x, 0.0), -1.0, 1.0),), machine="fabs",
                    avoid=lambda x: x, formula=lambda x: abs(x))  # for even functions, smooth across 0

# Distances, error functions, gamma, sums. hypot has derivative 0 at (0, 0), as abs has at 0, and no second one.
hypot = libm("hypot", (lambda y, a, b: hypot_rule(a, y), lambda y, a, b: hypot_rule(b, y)),
             avoid=lambda a, b: hypot(a, b), squared=2)
hypot_rule = Op("hypot_rule", lambda a, h: a / (h or 1.0), (lambda y, a, h: 1 / h, lambda y, a, h: -y / h),
                avoid=lambda a, h: h, lower=lambda a, h: a / where(h, h, 1.0), formula=lambda a, h: a / h)
erf   = libm("erf", (lambda y, x: 2 / math.sqrt(math.pi) * exp(-x * x),))
erfc  = libm("erfc", (lambda y, x: -2 / math.sqrt(math.pi) * exp(-x * x),))
lgamma = Op("lgamma", special.lgamma, (lambda y, x: digamma(x),),
            avoid=lambda x: sin(math.pi * minimum(x, 0.5)), limit=lambda x: inf)
digamma, trigamma = polygamma(0), polygamma(1)
fsum = Op("fsum", lambda *xs: math.fsum(xs), Variadic(lambda y, *xs: (1.0,) * len(xs)),
          limit=lambda *xs: sum(xs), lower=lambda *xs: special.pairwise(xs))
gap = Op("gap", lambda a, b: 0.0 if a == b else a - b, sub.partials, lower=expansions.gap)  # inf - inf is 0
logaddexp = Op("logaddexp", special.logsumexp, (lambda y, a, b: sigmoid(gap(a, b)),
                                                lambda y, a, b: sigmoid(gap(b, a))), lower=expansions.logsumexp)
logsumexp = Op("logsumexp", special.logsumexp, Variadic(expansions.softmax), lower=expansions.logsumexp)
dot  = Op("dot", special.dot, Variadic(lambda y, *xs: xs[len(xs) // 2 :] + xs[: len(xs) // 2]),
          lower=lambda *xs: special.pairwise(
              [a * b for a, b in zip(xs[: len(xs) // 2], xs[len(xs) // 2 :], strict=True)]))
# fmt: on

TABLE |= {row.name: row for row in list(globals().values()) if isinstance(row, Op)}
FUNCTIONS = {name: row for name, row in TABLE.items() if not name.endswith("_rule")}  # not slopes, nan at a kink
