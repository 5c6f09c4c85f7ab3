"""Named sets and the list of names."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest

from autograd_tiny.data import Features, Target, load_set, names
from autograd_tiny.data.sets import DRAWN, SETS, SKLEARN

SHAPES = {
    "penguins": (344, 8, "Adelie"), "iris": (150, 5, "setosa"), "wine": (178, 14, "class_0"),
    "breast_cancer": (569, 31, "malignant"), "digits": (1797, 65, 0.0), "diabetes": (442, 11, 151.0),
}  # fmt: skip


@pytest.mark.parametrize("name", SETS)
def test_a_set_is_learned_from_as_it_is(name):
    if name in SKLEARN:
        pytest.importorskip("sklearn", reason=f"{name} ships with scikit-learn")
    table = load_set(name)
    *_, asked = table.names
    rows, columns, first = SHAPES.get(name, (200, 3, table[asked][0]))
    assert (len(table), len(table.names), table[asked][0]) == (rows, columns, first)
    table = table.drop_missing()
    features, target = Features.of(table, except_=asked), Target.of(table, name=asked)
    assert target.task == ("regression" if name == "diabetes" else "classification")
    assert np.isfinite(features.array(table)).all()
    assert len(target.codes(table)) == len(table)


@pytest.mark.parametrize("name", DRAWN)
def test_points_are_drawn_from_a_seed(name):
    assert load_set(name, n=50, seed=3) == load_set(name, n=50, seed=3)
    assert load_set(name) == load_set(name, n=200, seed=0)
    assert load_set(name, n=50, seed=3) != load_set(name, n=50, seed=4)
    table = load_set(name, n=50)
    labels = table[table.names[-1]]
    assert len(set(labels)) == 2
    assert all(abs(labels.count(label) - 25) <= 1 for label in labels)
    with pytest.raises(ValueError, match=f"^{name} has 4 points or more, not 3$"):
        load_set(name, n=3)


def test_unknown_sets_and_what_real_ones_do_not_take():
    with pytest.raises(ValueError, match=r"^no set is called 'qqq': there are moons, circles, .*, diabetes$"):
        load_set("qqq")
    with pytest.raises(ValueError, match=r"^no set is called 'pengiuns': did you mean 'penguins'\?$"):
        load_set("pengiuns")
    with pytest.raises(ValueError, match=r"^penguins is not drawn, and takes no n and no seed$"):
        load_set("penguins", n=10)


def test_scikit_learn_is_named_where_it_is_missing(monkeypatch):
    monkeypatch.setitem(sys.modules, "sklearn", None)
    with pytest.raises(ImportError, match=r"^the set iris needs scikit-learn: pip install 'autograd-tiny\[sklearn\]'$"):
        load_set("iris")


def test_names():
    listed = names()
    assert len(listed) >= 500
    assert listed == sorted({*listed})
    assert all(name.isascii() and name.isalpha() and name.islower() for name in listed)


def test_without_numpy_the_names_are_there_and_tables_say_what_they_need():
    code = (
        "import sys; sys.modules['numpy'] = None\n"
        "from autograd_tiny import data\n"
        "print(data.names()[0])\n"
        "try: data.read_csv\n"
        "except ImportError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == ("aada\nautograd_tiny.data.read_csv needs numpy: pip install 'autograd-tiny[compile]'\n")
