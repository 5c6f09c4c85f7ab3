"""Tests of `train`, `predict` and `evaluate`: from a CSV file of one's own to predictions, and bad input."""

from __future__ import annotations

import errno
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from autograd_tiny.cli.main import main
from autograd_tiny.train import Predictor
from autograd_tiny.train.keeping import files

PENGUINS = Path(files.__file__).parents[2] / "data" / "penguins.csv"
GERMAN = "größe;gewicht;art\n" + "".join(
    f"{10 + 5 * (i % 2) + i / 40:.2f};{3 + i % 2},{i % 7};{'''Käse; fein''' if i % 2 else 'Brot'}\n".replace(".", ",")
    for i in range(40)
).replace("Käse; fein", '"Käse; fein"')
BRIEF = ("--layers", "4", "--epochs", "3")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder with a space in its name, with some files of data."""
    here = tmp_path / "my data"
    here.mkdir()
    monkeypatch.chdir(here)
    monkeypatch.setenv("COLUMNS", "80")
    shutil.copy(PENGUINS, here)
    Path("german.csv").write_text(GERMAN, encoding="utf-8-sig")
    return here


@pytest.fixture
def run(capsys):
    def run(*arguments):
        code = main([*map(str, arguments)])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    """A model of each task that most tests can do with."""
    here = tmp_path_factory.mktemp("models")
    for name, target in (("species", "species"), ("mass", "body_mass_g")):
        arguments = ["train", str(PENGUINS), "--target", target, "--drop-missing", "-o", f"{here}/{name}.json"]
        assert main([*arguments, "--layers", "8", "--epochs", "15"]) == 0
    return here


def command(*arguments, **settings):
    return subprocess.run(
        [sys.executable, "-m", "autograd_tiny", *arguments],
        capture_output=True, encoding="utf-8", check=False, timeout=60, **settings,
    )  # fmt: skip


@pytest.mark.slow
def test_a_file_of_ones_own_is_trained_on_kept_loaded_and_predicted_in_the_shell():
    done = command("train", "german.csv", "--target", "art", "--layers", "8", "--epochs", "60")
    assert (done.returncode, done.stderr) == (0, "")
    assert re.search(r"accuracy +1 \(8 of 8\)\n", done.stdout)
    assert re.search(r"\n  loss +█[▁-█]+  ", done.stdout)
    assert done.stdout.endswith("\nkept: german.safetensors\nnext: autograd-tiny predict german.safetensors new.csv\n")
    Path("new.csv").write_text('unused;gewicht;größe\nx;"3,1";10,4\ny;4,2;15,3\n', encoding="utf-8")
    done = command("predict", "german.safetensors", "new.csv")
    assert (done.stdout, done.stderr, done.returncode) == ("art\nBrot\nKäse; fein\n", "", 0)
    piped = command("predict", "german.safetensors", "-", input=Path("new.csv").read_text(encoding="utf-8"))
    assert piped.stdout == done.stdout
    assert sorted(os.listdir()) == ["german.csv", "german.safetensors", "new.csv", "penguins.csv"]


@pytest.mark.slow
def test_a_set_needs_nothing_but_its_name_and_none_of_the_slow_packages(tmp_path):
    code = (
        "import sys\nfrom autograd_tiny.cli.main import main\ncode = main(sys.argv[1:])\n"
        "print(code, [name for name in ('pandas', 'sklearn', 'matplotlib', 'scipy', 'jax', 'llvmlite', 'numpy.ma', "
        "'autograd_tiny.stepper.museum', 'autograd_tiny.pictures.writers.tikzpicture') if name in sys.modules])"
    )
    env = {**os.environ, "AUTOGRAD_TINY_CACHE": str(tmp_path)}
    done = subprocess.run([sys.executable, "-c", code, "train", "moons"], env=env, capture_output=True, text=True)
    share, right, n = re.search(r"accuracy +([\d.]+) \((\d+) of (\d+)\)", done.stdout).groups()
    assert (float(share) >= 0.99, n) == (True, "40"), right
    assert done.stdout.endswith("0 ['llvmlite']\n")
    Path("new.csv").write_text("x,y\n0,1\n1,-0.5\n", encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-c", code, "predict", "moons.safetensors", "new.csv"], capture_output=True, text=True
    )
    assert done.stdout == "moon\nupper\nlower\n0 []\n", done.stderr


def test_a_prediction_stands_in_the_row_of_its_sample(run, models):
    code, out, err = run("predict", models / "species.json", "penguins.csv")
    assert (code, out) == (2, "")
    assert "bill_length_mm is missing in row 4" in err
    _, out, _ = run("predict", models / "species.json", "penguins.csv", "--drop-missing", "--probabilities")
    head, *rows = [line.split(",") for line in out.splitlines()]
    assert head == ["species", "species=Adelie", "species=Chinstrap", "species=Gentoo"]
    assert len(rows) == 344
    assert rows[3] == ["", "", "", ""]
    assert sum(row[0] == "" for row in rows) == 11
    for label, *shares in rows[:3]:
        assert label == "Adelie" == head[1 + int(np.argmax([float(x) for x in shares]))].partition("=")[2]
    _, numbers, _ = run("predict", models / "mass.json", "penguins.csv", "--drop-missing")
    assert [float(x) for x in numbers.split()[1:3]] == pytest.approx([3750, 3800], abs=1000)
    code, out, _ = run("predict", models / "mass.json", "penguins.csv", "--drop-missing", "-o", "found.csv")
    assert (code, out, Path("found.csv").read_text(encoding="utf-8")) == (0, "written: found.csv\n", numbers)


def test_evaluate_judges_all_rows_and_writes_a_page(run, models):
    pytest.importorskip("matplotlib")
    code, out, err = run("evaluate", models / "mass.json", "penguins.csv", "--drop-missing", "--html", "mass.html")
    assert (code, err) == (0, "")
    for part in (
        "body_mass_g of penguins.csv",
        "11 rows left out",
        "samples         333",
        "R²  ",
        "Where it is most wr",
    ):
        assert part in out
    assert "<h2>Residuals</h2>" in Path("mass.html").read_text(encoding="utf-8")
    _, out, _ = run("evaluate", models / "species.json", "penguins")
    assert re.search(r"\nAdelie +\d+ +\d+ +\d+ ", out)
    wrong = out.partition("Where it is most wrong\n")[2].splitlines()[2:]
    assert all(line.split()[1] != line.split()[2] for line in wrong if line[:1].isdigit())


def test_the_page_of_a_training_has_its_curves_and_its_boundary(run):
    pytest.importorskip("matplotlib")
    assert run("train", "german.csv", "--target", "art", *BRIEF, "--html", "a.html")[0] == 0
    page = Path("a.html").read_text(encoding="utf-8")
    for part in ("Model", "Curves", "Confusion", "Boundary"):
        assert f"<h2>{part}</h2>" in page


def test_a_checkpoint_goes_on_as_if_there_had_been_no_pause(run):
    train = ("train", "german.csv", "--target", "art", "--layers", "4")
    run(*train, "--epochs", "2", "--checkpoint", "run.json", "-o", "first.json")
    code, out, _ = run(*train, "--epochs", "4", "--checkpoint", "run.json", "-o", "two.json")
    assert code == 0
    assert "it went on from run.json, which has 4 epochs" in out
    run(*train, "--epochs", "4", "-o", "one.json")
    assert np.array_equal(*(files.read_arrays(path)[0]["layers[0].neurons[0].w"] for path in ("one.json", "two.json")))


def test_a_training_that_diverges_keeps_the_last_finite_model(run):
    code, out, err = run("train", "german.csv", "--target", "art", "--layers", "4", "--lr", "1e300", "-o", "a.json")
    assert (code, err.count("\n")) == (1, 1)
    assert err.startswith("autograd-tiny: step 2 (epoch 2) has the loss nan: sample ")
    assert "try a smaller learning rate than 1e+300" in err
    assert "kept: a.json" in out
    assert Predictor.load("a.json").target.classes == ("Brot", "Käse; fein")


def test_our_own_model_is_replaced_and_said_so(run):
    run("train", "german.csv", "--target", "art", *BRIEF)
    assert "\nreplaced: german.safetensors\n" in run("train", "german.csv", "--target", "art", *BRIEF)[1]


def test_where_training_longer_made_it_worse_is_told():
    from autograd_tiny.cli.learning import _hint

    def history(*losses):
        return [{"validation_loss": x} for x in losses]

    assert _hint(history(0.9, 0.3, 0.6)) == "the validation loss was lowest after epoch 2: try --epochs 2"
    assert _hint(history(0.9, 0.6, 0.3)) == _hint(history()) == _hint(history(0.01, 0.001, 0.01)) == ""


T = ("--target", "art")
# arguments → a part of the one line on standard error; {models} is a folder with models
BAD = {
    ("train", "german.csv"): "german.csv: which column is to be predicted? Give --target, one of größe, gewicht, art",
    ("train", "german.csv", "--target", "Art"): "no column 'Art': did you mean 'art'?",
    ("train", "none.csv", *T): "none.csv: no such file",
    ("train", "moon"): "did you mean moons?",
    ("train", "."): ". is a folder: a CSV file is needed",
    ("train", "empty.csv", *T): "empty.csv is empty",
    ("train", "binary.csv", *T): "is not text",
    ("train", "penguins.csv", "--target", "species"): "bill_length_mm is missing in row 4; 11 of 344 rows",
    ("train", "holes.csv", *T, "--drop-missing"): "--drop-missing leaves no row",
    ("train", "one.csv", *T): "art is a in every row",
    ("train", "same.csv", *T): "no column is left to learn from: x is 1 in every row",
    ("train", "text.csv", *T): "x is a number in 19 of 20 rows, and 'two' in row 20",
    ("train", "two.csv", *T, "--task", "regression"): "art is 'a' in row 1: a regression needs numbers",
    ("train", "tiny.csv", *T): "leaves a part without rows",
    ("train", "german.csv", *T, "--drop", "art"): "art is the target",
    ("train", "german.csv", *T, "--drop", "gewich"): "did you mean 'gewicht'?",
    ("train", "german.csv", *T, "--drop", "gewicht", "--drop", "größe"): "no column is left to learn from",
    ("train", "german.csv", *T, "--layers", "4,x"): "--layers 4,x: give the size of each hidden layer",
    ("train", "german.csv", *T, "--layers", "0"): "--layers 0: give the size",
    ("train", "german.csv", *T, "--layers", "800,800"): "--layers 800,800 is a network of more than 500,000 parameters",
    ("train", "german.csv", *T, "--layers", "9,99999999999999"): "is a network of more than 500,000 parameters",
    ("train", "german.csv", *T, "--activation", "rely"): "--activation rely: did you mean relu?",
    ("train", "german.csv", *T, "--activation", "add"): "--activation add: ",
    ("train", "german.csv", *T, "--optimizer", "adm"): "--optimizer adm: there are sgd, momentum",
    ("train", "german.csv", *T, "--lr", "-1"): "--lr: give a number above 0, such as 0.01, not '-1'",
    ("train", "german.csv", *T, "--lr", "0,01"): "--lr: give a number above 0, such as 0.01, not '0,01'",
    ("train", "german.csv", *T, "--lr", "nan"): "--lr: give a number above 0",
    ("train", "german.csv", *T, "--lr", "inf"): "--lr: give a number above 0",
    ("train", "german.csv", *T, "--batch", "0"): "--batch: give a whole number of at least 1, not '0'",
    ("train", "german.csv", *T, "--epochs", "-1"): "--epochs: give a whole number of at least 1",
    ("train", "german.csv", *T, "--epochs", "0"): "--epochs: give a whole number of at least 1, not '0'",
    ("train", "german.csv", *T, "--epochs", "1e2"): "--epochs: give a whole number of at least 1, not '1e2'",
    ("train", "german.csv", *T, "--epochs", "many"): "--epochs: give a whole number of at least 1, not 'many'",
    ("train", "german.csv", *T, "--validation", "1"): "--validation: give a part between 0 and 1, such as 0.2",
    ("train", "german.csv", *T, "--validation", "20%"): "--validation: give a part between 0 and 1, such as 0.2",
    ("train", "german.csv", *T, "--seed", "-1"): "--seed: give a whole number of at least 0, not '-1'",
    ("train", "german.csv", "--traget", "art"): "unrecognized arguments: --traget art; did you mean --target?",
    ("train", "german.csv", *T, "--drop", "größe,gewicht"): "give --drop 'größe' --drop gewicht",
    ("train", "{models}/species.json", *T): "species.json has the suffix of a model: a CSV file is needed",
    ("train", "a.safetensors", *T): "a.safetensors has the suffix of a model: a CSV file is needed",
    ("predict", "{models}/species.json", "a.safetensors"): "a.safetensors has the suffix of a model: a CSV",
    ("predict", "whole.csv", "{models}/species.json"): "the model comes first: {models}/species.json whole.csv",
    ("evaluate", "whole.csv", "{models}/species.json"): "the model comes first: {models}/species.json whole.csv",
    ("predcit", "whole.csv"): "there is no verb 'predcit': did you mean predict?",
    ("whole.csv",): "there is no verb 'whole.csv': there are step, live, draw",
    ("train", "german.csv", *T, "-o", "model"): "model has no suffix, expected .safetensors or .json",
    ("train", "german.csv", *T, "-o", "german.csv"): "the suffix '.csv', expected .safetensors or .json",
    ("train", "german.csv", *T, "-o", "foreign.json"): "foreign.json is there, and is not a model that `train` wrote",
    ("train", "german.csv", *T, "-o", "none/a.json"): "none/a.json cannot be written: there is no folder",
    ("train", "german.csv", *T, "-o", "a.json", "--checkpoint", "./a.json"): "--checkpoint needs a file of its own",
    ("train", "german.csv", *T, "--checkpoint", "{models}/species.json"): "cannot be",
    ("train", "german.csv", *T, "--checkpoint", "foreign.json"): "foreign.json cannot be read",
    ("train", "german.csv", *T, *BRIEF, "--html", "/dev/full"): "/dev/full: cannot write there: No space left",
    ("train", "german.csv", *T, "--html", "german.csv"): "german.csv is the data that is read: --html needs",
    ("train", "german.csv", *T, "--checkpoint", "german.json", "-o", "german.json"): "--checkpoint",
    ("train", "german.csv", *T, "--html", "page.pdf"): "--html page.pdf: a page has the suffix .html",
    ("train", "german.csv", *T, "--html", "."): ". is a folder: --html needs the name of a file",
    ("predict", "{models}/species.json", "whole.csv", "-o", "./whole.csv"): "whole.csv is the data that is read: -o",
    ("predict", "{models}/species.json", "whole.csv", "-o", "{models}/species.json"): "is the model that is read",
    ("predict", "{models}/species.json", "whole.csv", "-o", "."): ". is a folder: -o needs the name of a file",
    ("predict", "{models}/species.json", "whole.csv", "-o", "none/a.csv"): "a.csv cannot be written: there is no",
    ("evaluate", "{models}/species.json", "whole.csv", "--html", "whole.csv"): "whole.csv is the data that is read",
    ("evaluate", "{models}/species.json", "whole.csv", "--html", "{models}/species.json"): "is the model that is read",
    ("evaluate", "{models}/species.json", "whole.csv", "--html", "none/a.html"): "there is no folder",
    ("predict", "none.json", "german.csv"): "none.json: no such file; autograd-tiny train writes a model",
    ("predict", "german.csv", "german.csv"): "the suffix '.csv', expected .safetensors or .json",
    ("predict", "foreign.json", "german.csv"): "foreign.json cannot be read",
    ("predict", "{models}/species.json", "german.csv"): "no column 'island', 'bill_length_mm'",
    ("predict", "{models}/species.json", "moved.csv"): "island is 'Borneo' in row 1, which training did not have",
    ("predict", "{models}/species.json", "worded.csv"): "body_mass_g is 'heavy' in row 1: in training it was a number",
    ("predict", "{models}/mass.json", "whole.csv", "--probabilities"): "it has no classes and no probabilities",
    ("predict", "{models}/species.json", "whole.csv", "-o", "/dev/full"): "/dev/full: cannot write there: No space",
    ("evaluate", "{models}/species.json", "blind.csv"): "no column 'species'",
    ("evaluate", "{models}/species.json", "other.csv"): "species is 'Emu' in row 1, which training did not have",
}  # fmt: skip


@pytest.fixture
def strange_files():
    head, *rows = PENGUINS.read_text(encoding="utf-8").splitlines()[:3]
    texts = {
        "empty": "", "foreign": "", "tiny": "x,art\n1,a\n2,b\n",
        "holes": "x,art\n,a\n?,b\n", "one": "x,art\n" + "1,a\n2,a\n" * 5, "same": "x,art\n" + "1,a\n1,b\n" * 5,
        "two": "x,art\n" + "1,a\n2,b\n" * 5, "text": "x,art\n" + "1,a\n" * 18 + "3,b\ntwo,b\n",
        "whole": "\n".join([head, *rows]), "moved": f"{head}\n{rows[0].replace('Torgersen', 'Borneo')}",
        "worded": f"{head}\n{rows[0].replace('3750', 'heavy')}", "other": f"{head}\n{rows[0].replace('Adelie', 'Emu')}",
        "blind": "\n".join(line.partition(",")[2] for line in (head, *rows)),
    }  # fmt: skip
    for name, text in texts.items():
        Path(f"{name}.csv").write_text(text, encoding="utf-8")
    Path("binary.csv").write_bytes(b"\0\1\2")
    Path("foreign.json").write_text('{"mine": 1}', encoding="utf-8")


@pytest.mark.usefixtures("strange_files")
@pytest.mark.parametrize("arguments", BAD, ids=lambda arguments: " ".join(arguments).replace("{models}/", ""))
def test_bad_input_is_one_line_and_leaves_nothing(arguments, run, models):
    if "/dev/full" in arguments and not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full")
    before = {name: Path(name).read_bytes() for name in os.listdir()}
    kept = {path: path.read_bytes() for path in models.iterdir()}
    code, out, err = run(*(argument.format(models=models) for argument in arguments))
    assert (code, out.count("autograd"), err.count("\n")) == (2, 0, 1), (out, err)
    assert err.startswith("autograd-tiny: ")
    assert BAD[arguments].format(models=models) in err
    after = {name: Path(name).read_bytes() for name in os.listdir()}
    if "/dev/full" in arguments and "--html" in arguments:
        after.pop("german.safetensors")  # the model is kept before the page is written
    assert after == before
    assert {path: path.read_bytes() for path in models.iterdir()} == kept


@pytest.mark.usefixtures("strange_files")
def test_a_file_that_is_read_is_not_written_by_another_name(run, models):
    os.link("whole.csv", "alias.csv")
    code, _, err = run("predict", models / "species.json", "whole.csv", "-o", "alias.csv")
    assert (code, err) == (2, "autograd-tiny: alias.csv is the data that is read: -o needs a file of its own\n")


def test_a_checkpoint_of_another_network_or_of_other_data_is_told(run):
    train = ("train", "german.csv", *T, *BRIEF, "--checkpoint", "run.json")
    assert run(*train)[0] == 0
    assert "it was trained on other samples: X differs" in run(*train, "--seed", "1")[2]
    assert "the arrays are not those of MLP(2, [5, 2])" in run(*train, "--layers", "5")[2]
    assert "its optimizer is" in run(*train, "--optimizer", "sgd")[2]


def test_a_folder_without_permission_is_told_before_the_training(run, monkeypatch):
    monkeypatch.setattr(os, "access", lambda path, mode: False)  # root may write anywhere
    code, _, err = run("train", "german.csv", *T)
    assert (code, "there is no permission to write in" in err) == (2, True)


def test_a_disk_that_is_full_after_the_training_is_told(run, monkeypatch):
    def full(path, content, durable):
        raise OSError(errno.ENOSPC, "cannot write there: No space left on device", str(path))

    monkeypatch.setattr(files, "save", full)
    code, _, err = run("train", "german.csv", *T, *BRIEF)
    assert (code, err) == (2, "autograd-tiny: german.safetensors: cannot write there: No space left on device\n")


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")
def test_a_terminal_has_a_bar_and_ctrl_c_keeps_what_was_reached():
    pexpect = pytest.importorskip("pexpect", reason="needs a real terminal")
    env = {**{k: v for k, v in os.environ.items() if k not in ("LINES", "NO_COLOR")}, "TERM": "xterm", "COLUMNS": "90"}
    arguments = ["-m", "autograd_tiny", "train", "german.csv", *T, "--layers", "4", "--epochs", "1000000"]
    child = pexpect.spawn(sys.executable, arguments, encoding="utf-8", env=env, timeout=30, echo=False)
    child.expect(r"/1000000.*loss [\d.e-]+  validation loss [\d.e-]+")
    child.sendintr()
    child.expect(r"accuracy")
    child.expect("kept: german.safetensors\r\ninterrupted after step \\d+: what was reached is kept\r\n")
    child.expect(pexpect.EOF)
    child.close()
    assert (child.exitstatus, child.signalstatus) == (0, None)
    assert Predictor.load("german.safetensors").target.name == "art"


@pytest.mark.slow
@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_an_answer_that_cannot_be_written_is_told_and_a_reader_that_leaves_loses_no_model(models):
    def shell(line, *arguments):
        run = ["sh", "-c", line, "sh", sys.executable, "-m", "autograd_tiny", *map(str, arguments)]
        return subprocess.run(run, capture_output=True, encoding="utf-8", check=False, timeout=60)

    full = shell('"$@" --drop-missing > /dev/full', "predict", models / "species.json", "penguins.csv")
    assert (full.returncode, full.stderr) == (2, "autograd-tiny: standard output: No space left on device\n")
    left = shell('"$@" | true', "train", "german.csv", *T, *BRIEF)
    assert left.stderr == ""
    assert Predictor.load("german.safetensors").target.name == "art"


def test_a_large_file_is_told_before_it_is_read(run, models, monkeypatch):
    from autograd_tiny.data import reading

    head, first, *_ = PENGUINS.read_text(encoding="utf-8").splitlines()
    Path("large.csv").write_text("\n".join([head, *[first] * 3000]), encoding="utf-8")
    monkeypatch.setattr(reading, "TELL_FROM", 1)
    code, out, err = run("predict", models / "species.json", "large.csv")
    assert (code, out.count("\n"), err.count("\n")) == (0, 3001, 1)
    assert re.match(r"autograd-tiny: large.csv: some 3,000 rows of 8 columns need [\d.]+ MB of memory\n", err)


def test_a_label_does_not_move_the_cursor_of_a_terminal(run, monkeypatch):
    Path("a.csv").write_text("x,art\n" + "1,a\x1b[2J\n2,b\n" * 10, encoding="utf-8")
    assert "\x1b" not in run("train", "a.csv", *T, *BRIEF)[1]
    assert "a\x1b[2J" in run("predict", "a.safetensors", "a.csv", "--probabilities")[1]
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True, raising=False)
    shown = run("predict", "a.safetensors", "a.csv", "--probabilities")[1]
    assert "\x1b" not in shown
    assert "a\\x1b[2J" in shown


def test_a_page_without_matplotlib_is_refused_before_the_training(run, monkeypatch):
    monkeypatch.setattr("autograd_tiny.cli.outputs.find_spec", lambda name: None)
    code, out, err = run("train", "moons", "--html", "a.html")
    assert (code, out) == (2, "")
    assert err == "autograd-tiny: --html needs matplotlib: pip install 'autograd-tiny[plot]'\n"
    assert not Path("moons.safetensors").exists()
