"""Functions of other libraries on numbers that are differentiated: the derivative or a refusal, never a silent 0."""

from __future__ import annotations

import math
import statistics

import pytest

from autograd_tiny import grad, jit, jvp

np = pytest.importorskip("numpy", reason="NumPy is not installed")
XS, YS = [0.0, 1.0, 3.0], [1.0, 2.0, 5.0]


def of_scipy(name):
    return pytest.importorskip(f"scipy.{name}", reason="SciPy is not installed")


FUNCTIONS = {
    "np.interp": lambda x: np.interp(x, XS, YS),
    "np.interp of values": lambda x: np.interp(0.5, XS, [x, 2 * x, 3 * x]),
    "np.interp of a list": lambda x: np.interp([x, 2 * x], XS, YS)[1],
    "np.polyval": lambda x: np.polyval([1.0, 2.0, 3.0], x),
    "np.polyval of coefficients": lambda x: np.polyval([x, 2.0, 3.0], 2.0),
    "np.poly1d": lambda x: np.poly1d([1.0, x, 3.0])(x),
    "Polynomial": lambda x: np.polynomial.Polynomial([1.0, x, 3.0])(x),
    "np.full_like": lambda x: np.full_like([1.0], x)[0],
    "np.gradient": lambda x: np.gradient([x, 2 * x])[0],
    "np.linalg.norm": lambda x: np.linalg.norm([x, x]),
    "np.linalg.det": lambda x: np.linalg.det([[x, 1.0], [0.0, x]]),
    "np.linalg.solve": lambda x: np.linalg.solve([[x, 1.0], [0.0, x]], [1.0, 1.0])[0],
    "np.fft": lambda x: np.fft.fft([x, 1.0])[0].real,
    "trapezoid": lambda x: of_scipy("integrate").trapezoid([x, 2 * x], [0.0, 1.0]),
    "quad to x": lambda x: of_scipy("integrate").quad(lambda t: t * t, 0, x)[0],
    "quad of x": lambda x: of_scipy("integrate").quad(lambda t: t * x, 0, 1)[0],
    "quad with args": lambda x: of_scipy("integrate").quad(lambda t, a: t * a, 0, 1, args=(x,))[0],
    "solve_ivp of x": lambda x: of_scipy("integrate").solve_ivp(lambda t, y: -x * y, (0, 1), [1.0]).y[0, -1],
    "solve_ivp from x": lambda x: of_scipy("integrate").solve_ivp(lambda t, y: -y, (0, 1), [x]).y[0, -1],
    "solve_ivp to x": lambda x: of_scipy("integrate").solve_ivp(lambda t, y: -y, (0, x), [1.0]).y[0, -1],
    "odeint": lambda x: of_scipy("integrate").odeint(lambda y, t: -x * y, 1.0, [0.0, 1.0])[-1, 0],
    "norm.logpdf": lambda x: of_scipy("stats").norm.logpdf(x),
    "norm.logpdf by loc": lambda x: of_scipy("stats").norm.logpdf(0.5, x, 1.0),
    "norm.logpdf by scale": lambda x: of_scipy("stats").norm.logpdf(0.5, 0.0, x),
    "a frozen norm": lambda x: of_scipy("stats").norm(x).cdf(0.5),
    "gamma.logpdf": lambda x: of_scipy("stats").gamma.logpdf(1.5, x),
    "expit": lambda x: of_scipy("special").expit(x),
    "gammaln": lambda x: of_scipy("special").gammaln(x),
    "logsumexp": lambda x: of_scipy("special").logsumexp([x, 2 * x]),
    "softmax": lambda x: of_scipy("special").softmax([x, 2 * x])[0],
    "CubicSpline": lambda x: of_scipy("interpolate").CubicSpline(range(4), [1.0, 2.0, 0.0, 1.0])(x),
    "brentq": lambda x: of_scipy("optimize").brentq(lambda t: t * t - x, 0, 10),
    "statistics.mean": lambda x: statistics.mean([x, 2 * x]),
    "statistics.fmean": lambda x: statistics.fmean([x, 2 * x]),
    "statistics.median": lambda x: statistics.median([x, 2 * x, 3 * x]),
    "statistics.stdev": lambda x: statistics.stdev([x, 2 * x]),
    "statistics.NormalDist": lambda x: statistics.NormalDist(x, 1.0).cdf(0.5),
    "math.prod": lambda x: math.prod([x, x]),
    "math.dist": lambda x: math.dist([x], [0.0]),
}
FACES = {
    "grad": lambda f, x: grad(f)(x),
    "jvp": lambda f, x: jvp(f, (x,), (1.0,))[1],
    "jit of grad": lambda f, x: jit(grad(f), backend="python")(x),
}


@pytest.mark.parametrize("f", FUNCTIONS.values(), ids=FUNCTIONS)
@pytest.mark.parametrize("face", FACES.values(), ids=FACES)
@pytest.mark.filterwarnings("ignore")
def test_a_function_of_another_library_is_right_or_refused(face, f):
    right = float(f(1.3 + 1e-6) - f(1.3 - 1e-6)) / 2e-6
    try:
        slope = face(f, 1.3)
    except (TypeError, ValueError, AttributeError, SystemError):  # brentq in C goes on after the TypeError
        return
    assert slope == pytest.approx(right, rel=1e-4)


OBJECTS = {  # of an array of numbers
    "isnan": lambda x: np.isnan(x)[0],
    "isfinite": lambda x: np.isfinite([x[0], 1.0])[0],
    "logaddexp": lambda x: np.logaddexp(x, 1.0)[0],
    "logaddexp.reduce": lambda x: np.logaddexp.reduce(x),
    "copysign": lambda x: np.copysign(x, 1.0)[0],
    "exp of a mixture": lambda x: np.exp(np.array([x[0], 1.0]))[0],
    "exp as floats": lambda x: np.exp(x, dtype=float)[0],
    "into floats": lambda x: np.add(np.zeros(2), x, out=np.zeros(2))[0],
    "percentile": lambda x: np.percentile(x, 30),
    "sinc": lambda x: np.sinc(x[0]),
    "interp": lambda x: np.interp(x, XS, YS)[0],
    "cov": lambda x: np.cov(x, [1.0, 2.0])[0, 1],
    "angle": lambda x: np.angle(x)[0],
    "histogram": lambda x: np.histogram(x)[0][0],
    "fft": lambda x: np.fft.fft(x)[0],
    "det": lambda x: np.linalg.det([[x[0], 1.0], [0.0, x[1]]]),
    "solve": lambda x: np.linalg.solve([[x[0], 1.0], [0.0, x[1]]], [1.0, 1.0])[0],
    "inv": lambda x: np.linalg.inv([[x[0], 1.0], [0.0, x[1]]])[0, 0],
    "cholesky": lambda x: np.linalg.cholesky([[x[0], 0.0], [0.0, x[1]]])[0, 0],
    "eigvalsh": lambda x: np.linalg.eigvalsh([[x[0], 0.0], [0.0, x[1]]])[0],
    "polyfit": lambda x: np.polyfit([0.0, 1.0], x, 1)[0],
    "expit of an array": lambda x: of_scipy("special").expit(x)[0],
    "logsumexp": lambda x: of_scipy("special").logsumexp(x),
    "mean of a Series": lambda x: pytest.importorskip("pandas").Series(x).mean(),
    "deviation of a Series": lambda x: pytest.importorskip("pandas").Series(x).std(),
    "log_softmax": lambda x: of_scipy("special").log_softmax(x)[0],
    "norm.logpdf of an array": lambda x: of_scipy("stats").norm.logpdf(x)[0],
    "scipy.linalg.solve": lambda x: of_scipy("linalg").solve([[x[0], 1.0], [0.0, x[1]]], [1.0, 1.0])[0],
}
OF_ARRAYS = {
    "grad": lambda f: grad(f)(np.array([1.3, 0.7])),
    "jvp": lambda f: jvp(f, (np.array([1.3, 0.7]),), (np.array([1.0, 0.0]),)),
    "jit": lambda f: jit(f)(np.array([1.3, 0.7])),
    "jit of grad": lambda f: jit(grad(f))(np.array([1.3, 0.7])),
}


@pytest.mark.parametrize("f", OBJECTS.values(), ids=OBJECTS)
@pytest.mark.parametrize("face", OF_ARRAYS.values(), ids=OF_ARRAYS)
@pytest.mark.filterwarnings("ignore")
def test_a_function_of_arrays_of_floats_is_refused_in_words_of_ours(face, f):
    told = r"(differentiated|traced) numbers.*, at test_libraries\.py:\d+: (write|make) "
    with pytest.raises(TypeError, match=told + "|gradient would be lost|of the trace"):
        face(f)


@pytest.mark.parametrize(
    ("name", "cure"),
    [
        ("isnan", "write np.isnan of each number"),
        ("logaddexp", "write ops.logaddexp of each number"),
        ("mean of a Series", r"^mean takes floats.*test_libraries\.py:\d+: write it with arithmetic"),
        ("logsumexp", r"write ops\.logsumexp\(\*x\)"),
        ("exp of a mixture", "numbers and floats.*: write ops.exp of each number"),
        ("into floats", "make it with dtype=object"),
        ("det", "^det takes floats.*v.data for a constant"),
    ],
)
def test_the_refusal_says_what_to_write(name, cure):
    with pytest.raises(TypeError, match=cure) as raised:
        grad(OBJECTS[name])(np.array([1.3, 0.7]))
    assert isinstance(raised.value.__cause__, TypeError)  # what NumPy said


def stored(store):
    def f(x):
        z = np.zeros((2, 2))
        store(z, x)
        return z.sum()

    return f


def item(z, x):
    z[0, 1] = x[0]


def row(z, x):
    z[0] = x


def added(z, x):
    z[1, 1] += x[0]


def mixture(z, x):
    z[0, :] = [x[0], 1.0]


IN_FLOATS = {  # an array of floats that is made of, or gets, what is differentiated
    "an item": stored(item),
    "a row": stored(row),
    "an item added to": stored(added),
    "a list": stored(mixture),
    "fill": stored(lambda z, x: z.fill(x[0])),
    "asarray": lambda x: np.sum(np.asarray(x, dtype=float) ** 2),
    "asarray over lines": lambda x: np.sum(
        np.asarray(
            x,
            float,
        )
    ),
    "array": lambda x: np.array([x[0], 1.0], float)[0],
    "astype": lambda x: (x**2).astype(float)[0],
    "astype of what is called": lambda x: np.exp(x).astype(np.float64)[0],
    "fromiter": lambda x: np.fromiter((2.0 * a for a in x), float)[0],
    "full": lambda x: np.full(3, x[0], dtype=float)[0],
}


@pytest.mark.parametrize("f", IN_FLOATS.values(), ids=IN_FLOATS)
@pytest.mark.parametrize("face", OF_ARRAYS.values(), ids=OF_ARRAYS)
def test_an_array_of_floats_that_holds_numbers_is_told_with_its_line(face, f):
    told = r"^an array of floats cannot hold (differentiated|traced) numbers, at test_libraries\.py:\d+: make it with "
    with pytest.raises(TypeError, match=told):
        face(f)


@pytest.mark.parametrize(
    "f", [lambda x: math.exp(x[0]), lambda x: float(np.array([x[0]])[0]), lambda x: np.exp(float(x[0]))]
)
def test_a_function_of_one_float_says_what_to_write(f):
    with pytest.raises(TypeError, match=r"cannot be converted to float.*ops\.exp|x\.exp\(\)"):
        grad(f)(np.array([1.3, 0.7]))


def test_other_errors_of_libraries_and_of_f_are_as_they_are():
    def wrong(x):
        return x + None

    for f in (lambda x: np.reshape(x, "a")[0], lambda x: np.zeros(2).nothing, lambda x: wrong(x)):
        with pytest.raises((TypeError, AttributeError)) as expected:
            f(np.array([1.0]))
        with pytest.raises(type(expected.value)) as raised:
            grad(f)(np.array([1.0]))
        assert "numbers" not in str(raised.value)


@pytest.mark.parametrize("f", [statistics.mean, statistics.stdev, statistics.harmonic_mean, statistics.fmean])
def test_statistics_says_what_to_write(f):
    with pytest.raises(TypeError, match=r"cannot be converted to float"):
        grad(lambda x: f([x, 2 * x]))(1.3)
