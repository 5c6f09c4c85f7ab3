"""A two-link robot arm: its torques and their Jacobian, for many arms at once."""

from functools import partial

import numpy as np
import rivals
from race import LANES, hand_written

from autograd_tiny import compiler
from autograd_tiny.transforms.derivatives import jacobian
from subjects.row import Row


def torques(q, v, a):
    """Inverse dynamics of a planar two-link arm, in closed form from its Lagrangian."""
    m1, m2, l1, c1, c2, i1, i2, g = 1.2, 0.8, 0.5, 0.25, 0.2, 0.03, 0.02, 9.81
    s2, k2 = q[1].sin(), q[1].cos()
    coupled = m2 * l1 * c2
    inertia = i1 + i2 + m1 * c1**2 + m2 * (l1**2 + c2**2) + 2 * coupled * k2
    mixed = i2 + m2 * c2**2 + coupled * k2
    weight = m2 * c2 * g * (q[0] + q[1]).cos()
    first = inertia * a[0] + mixed * a[1] - coupled * s2 * (2 * v[0] * v[1] + v[1] * v[1])
    second = mixed * a[0] + (i2 + m2 * c2**2) * a[1] + coupled * s2 * v[0] * v[0]
    return [first + (m1 * c1 + m2 * l1) * g * q[0].cos() + weight, second + weight]


class Angle:
    """A number with methods, which lets torques() run on the numbers of a library of functions."""

    def __init__(self, x, library):
        self.x, self.library = x, library

    def sin(self):
        return self.library.sin(self.x)

    def cos(self):
        return self.library.cos(self.x)

    def __add__(self, other):
        return Angle(self.x + other.x, self.library)


def compiled(q, v, a, **options):
    def both(q, v, a):
        return [torques(q, v, a), jacobian(torques, argnums=(0, 1, 2))(q, v, a)]

    f = compiler.jit(both, batch=tuple("qva"), **options)
    return lambda: f(q, v, a), by_place


def by_place(found):
    """Torques and derivatives as (14, n): each torque, then its derivatives with respect to q, v and a."""
    ys, slopes = found
    return [np.transpose(ys), [[np.transpose(row[k]) for row in slopes] for k in range(3)]]


def in_c(q, v, a, flags=()):
    return hand_written("arm", q, v, a, len(q), np.empty((14, len(q))), flags=flags)()


def by_jax(q, v, a):
    import jax

    def f(q, v, a):
        return jax.numpy.stack(torques([Angle(x, jax.numpy) for x in q], v, a))

    def numbers(found):
        ys, slopes = found
        return [np.asarray(ys).T, [np.moveaxis(np.asarray(part), 0, -1) for part in slopes]]

    return rivals.jax_call(
        jax.vmap(lambda q, v, a: (f(q, v, a), jax.jacobian(f, (0, 1, 2))(q, v, a))), q, v, a
    ), numbers


def by_casadi(q, v, a):
    import casadi

    s = [casadi.SX.sym(name, 2) for name in "qva"]
    angles = [Angle(x, casadi) for x in s[0].elements()]
    ys = casadi.vertcat(*torques(angles, s[1].elements(), s[2].elements()))
    f = casadi.Function("f", s, [ys, casadi.densify(casadi.jacobian(ys, casadi.vertcat(*s)))]).map(len(q), "serial")
    call = rivals.casadi_call(f, [q, v, a], (np.empty(2 * len(q)), np.empty(12 * len(q))))

    def numbers(found):  # column-major, sample after sample
        ys, slopes = found[0].reshape(-1, 2).T, found[1].reshape(-1, 3, 2, 2)
        return [ys, slopes.transpose(1, 3, 2, 0)]

    return call, numbers


ENTRANTS = {
    "C": partial(in_c, flags=(f"-DL={LANES}", "-lmvec")),
    "C, libm": in_c,
    "jit": compiled,
    "jit, contract": partial(compiled, contract=True),
    "JAX": by_jax,
    "casadi, scalars": by_casadi,
}


def rows(quick):
    n = 16 if quick else 100_000
    given = lambda: tuple(np.random.default_rng(0).normal(size=(3, n, 2)))  # noqa: E731
    return [Row("arm", f"robot arm, torques and Jacobian of {n:,}", given, ENTRANTS, bytes=20 * 8 * n)]
