"""The models of demos/models run, and their printed answers are near the truth or the reference printed beside."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

np = pytest.importorskip("numpy")
pytest.importorskip("scipy")
pytestmark = pytest.mark.slow

MODELS = Path(__file__).parents[2] / "demos" / "models"
ESTIMATE = re.compile(r"= +(\S+) ± (\S+) +(?:truth|reference) (\S+)")


@pytest.fixture
def run(capsys):
    """Run a model as a script; return what it prints, and its functions."""

    def ran(name):
        module = runpy.run_path(str(MODELS / name), run_name="__main__")
        return capsys.readouterr().out, module

    return ran


def test_logistic_regression_has_the_weights_of_scikit_learn(run):
    pytest.importorskip("sklearn")
    printed, module = run("logistic.py")
    assert float(re.search(r"differ by at most (\S+)", printed)[1]) < 1e-6
    x, labels = module["read"]()
    w, errors = module["newton"](x, labels)
    p = 1 / (1 + np.exp(-(x @ w[:-1] + w[-1])))
    ones = np.column_stack([x, np.ones(len(x))])
    assert errors == pytest.approx(np.sqrt(np.diag(np.linalg.inv(ones.T * (p * (1 - p)) @ ones))), rel=1e-9)


def test_the_recurrent_network_remembers(run):
    shares = re.findall(r"right on (\S+)%", run("rnn.py")[0])
    assert len(shares) == 2
    assert min(map(float, shares)) > 99


def test_garch_is_recovered_within_two_standard_errors(run):
    found = np.array(ESTIMATE.findall(run("garch.py")[0]), float)
    assert found.shape == (3, 3)
    assert (abs(found[:, 0] - found[:, 2]) < 2 * found[:, 1]).all()
    assert (found[:, 1] < 0.06).all()


def test_the_nile_has_the_variances_of_the_book_and_the_smoother_is_exact(run):
    printed, module = run("kalman.py")
    assert re.findall(r"= (\d+)   reference (\d+)", printed) == [("15099", "15099"), ("1469", "1469")]
    flow, years = module["NILE"], np.arange(100)
    step, huge = 1469.0, 1e9  # of a first level that is unknown
    covariance = huge + step * np.minimum.outer(years, years)
    smoothed = covariance @ np.linalg.solve(covariance + 15099.0 * np.eye(100), flow)
    for year, level in re.findall(r"^(\d{4}) .* (\S+)$", printed, re.M):
        assert float(level) == pytest.approx(smoothed[int(year) - 1871], abs=0.1)


def test_hares_and_lynxes_agree_with_the_reference_within_their_errors(run):
    printed, module = run("ode.py")
    found = np.array(ESTIMATE.findall(printed), float)
    assert found.shape == (6, 3)
    assert (abs(found[:, 0] - found[:, 2]) < 0.5 * found[:, 1]).all()
    from scipy.integrate import solve_ivp

    p = found[:, 0]
    right = solve_ivp(lambda t, u: module["slope"](u, p[:4]), (0, 20), p[4:], rtol=1e-10, t_eval=range(21))
    assert module["populations"](p) == pytest.approx(right.y.T, rel=0.01)


def test_the_arm_stays_on_its_line(run):
    printed, module = run("arm.py")
    assert max(map(float, re.findall(r"by at most (\S+) ", printed))) < 1e-12
    assert len(re.findall(r"^ *\d\.\d{3} ", printed, re.M)) == module["POINTS"]
