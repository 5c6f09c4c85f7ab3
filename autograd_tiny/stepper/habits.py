"""What each op does with the gradient that arrives, in a few words."""

from __future__ import annotations

from autograd_tiny.engine.op import TABLE, Op

# One phrase for each family of rows; {op} is the op's sign or name.
_FAMILIES = {
    "{op} copies: each operand gets the gradient as it is": "add fsum",
    "{op} copies to the first operand, and turns the sign for the second": "sub gap",
    "{op} turns the sign": "neg",
    "{op} passes the gradient on as it is": "pos",
    "{op} swaps: each factor gets the gradient times the other": "mul dot",
    "{op} divides the gradient, too: a small denominator makes it large": "div reciprocal",
    "{op} scales by its slope, which grows with the exponent": "pow square power_rule1",
    "{op} scales by its own result: what is large moves more": "exp exp2 expm1 sinh cosh",
    "{op} divides by its operand: what is small moves more": "log log2 log10 log1p",
    "{op} is steep near 0 and flat far out": "sqrt cbrt asinh acosh",
    "{op} swings: the slope comes and goes in waves": "sin cos tan sinc",
    "{op} is steepest at its ends": "asin acos atanh logit",
    "{op} squeezes: far from 0 little passes": "tanh sigmoid softsign atan erf erfc",
    "{op} turns an angle: far from the origin little passes": "atan2",
    "{op} passes all, or nothing where it is flat": "relu hardtanh",
    "{op} passes all above 0, and less below": "leaky_relu elu silu gelu",
    "{op} is a soft switch: almost all passes on one side, almost nothing on the other": "softplus log_sigmoid",
    "{op} keeps the gradient, and turns its sign below 0": "abs",
    "{op} picks: the winner gets the gradient, the others nothing": "maximum minimum clip where",
    "{op} shares by size: the largest operand gets most": "logsumexp logaddexp hypot",
    "{op} steps: it is flat, so nothing passes":
        "sign heaviside compare floordiv less less_equal greater greater_equal equal not_equal",
    "{op} keeps the first operand's gradient; the divisor gets it times the quotient": "mod fmod",
    "{op} scales by its slope": "lgamma digamma trigamma",
}  # fmt: skip
_PHRASES = {name: phrase for phrase, names in _FAMILIES.items() for name in names.split()}
_SIGNS = {"*": "×", "-": "−"}


def habit(op: Op) -> str:
    """Say what an op does with a gradient; "" for an op of the user's.

    >>> from autograd_tiny import ops
    >>> habit(ops.mul)
    '× swaps: each factor gets the gradient times the other'
    """
    if op.name not in _PHRASES or (TABLE.get(op.name, op) is not op and not op.pickle_recipe):
        return ""
    sign = op.infix[0] if op.infix else op.name
    return _PHRASES[op.name].format(op=_SIGNS.get(sign, sign))
