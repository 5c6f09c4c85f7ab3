"""Tests of the command as a user runs it, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.metadata import version

import pytest

pytestmark = pytest.mark.slow

NEURON = ("tanh(x1*w1 + x2*w2 + b)", "x1=2", "x2=0", "w1=-3", "w2=1", "b=6.88")


def command(*arguments, **kwargs):
    kwargs.setdefault("env", {**os.environ, "NO_COLOR": "1"})
    return subprocess.run(
        [sys.executable, "-m", "autograd_tiny", *map(str, arguments)],
        capture_output=True, text=True, encoding="utf-8", check=False, timeout=60, **kwargs,
    )  # fmt: skip


def test_step_prints_every_step():
    done = command("step", *NEURON)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert lines[0] == "FORWARD"
    assert lines[3] == "   3  x1 * w1 = 2 * -3 = -6"
    assert lines[11].startswith("BACKWARD")
    assert (
        lines[-1]
        == "  20    w1                    += 0.5010 × 2 ≈ 1.002    grad – → 1.002   use 1 of 1, final  local = x1"
    )
    assert "\x1b" not in done.stdout


@pytest.mark.parametrize(
    ("suffix", "start"), [("svg", b"<?xml"), ("png", b"\x89PNG"), ("dot", b"digraph"), ("SVG", b"<?xml")]
)
def test_draw_writes_a_picture(tmp_path, suffix, start):
    path = tmp_path / f"neuron.{suffix}"
    done = command("draw", *NEURON, "-o", path)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{path}\n", "")
    assert path.read_bytes().startswith(start)


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        (["--show", "local"], " -3 </text>"),
        (["--focus", "w2"], "5 of 10 values are left out"),
        (["--depth", "1"], "8 of 10 values are left out"),
        (["--fold", "sums"], "10 values in 7 boxes"),
        (["--highlight", "w1", "--rankdir", "TB"], 'stroke-width="3.5"'),
    ],
)
def test_draw_does_what_is_asked(tmp_path, options, shown):
    done = command("draw", *NEURON, *options, "-o", tmp_path / "a.svg")
    assert (done.returncode, done.stderr) == (0, "")
    assert shown in (tmp_path / "a.svg").read_text(encoding="utf-8")


def test_draw_knows_the_modules_of_what_a_file_computes(tmp_path):
    (tmp_path / "net.py").write_text(
        "from autograd_tiny.nn.modules import MLP\ndef f(): return MLP(2, [2, 1], seed=0)([1, 2])\n"
    )
    for options, shown in ((["--collapse", "1"], ">layers[0]<"), (["--network"], ">neurons[1]<")):
        done = command("draw", f"{tmp_path / 'net.py'}:f", *options, "-o", tmp_path / "a.svg")
        assert (done.returncode, done.stderr) == (0, "")
        assert shown in (tmp_path / "a.svg").read_text(encoding="utf-8")


def test_a_function_of_a_file(tmp_path):
    (tmp_path / "other.py").write_text("from autograd_tiny import Value\nw = Value(3.0, 'w')\n")
    (tmp_path / "train.py").write_text("from other import w\ndef loss(x=2.0):\n    return (w * x) ** 2\n")
    done = command("step", tmp_path / "train.py:loss")
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("  6    w     += 12 × 2 = 24")
    assert "x = 5" in command("step", tmp_path / "train.py:loss", "x=5").stdout


FILE = """
import math
from autograd_tiny import Value
number = 3
def loss(): return Value(2.0) * 3
def other(x): return x
def none(): pass
def floats(): return 3.5
def fails(): return (Value(-1.0) * 2).log()
def stops(): raise RuntimeError("first line\\nsecond line")
"""
LOSSES = """
import math
def softplus(x): return math.log1p(math.exp(-abs(x))) + max(x, 0.0)
def softplus_grad(x): return 1 / (1 + math.exp(-x))
def wrong(x): return 1.000000001 / (1 + math.exp(-x))
def on_values(x, y): return (x * y).tanh() / y
def lost(x): return x * math.exp(x)
def lookup(x): return hash(repr(x)) % 1000 / 10.0
from autograd_tiny.engine.ops import gelu
"""


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["softplus", "x=-700:700", "--grad", "softplus_grad"], 0, "points correct, 0 inconclusive"),
        (["on_values", "x=-3:3", "y=0.5:2", "--examples", "40"], 0, "40 points correct, 0 inconclusive"),
        (["softplus", "x=-700:700", "--grad", "wrong"], 1, "does not match the function"),
        (["lookup", "x=1:2", "--grad", "softplus_grad", "--examples", "20"], 3, "20 inconclusive"),
        (["softplus", "x=1"], 2, "'x=1' is not of the form name=low:high"),
        (["softplus", "x=2:1"], 2, "x=2:1: expected low <= high"),
        (["softplus", "x=1:2", "x=1:2"], 2, "x has two domains"),
        (["softplus", "y=1:2", "--grad", "softplus_grad"], 2, "softplus needs a domain for x: x=-10:10"),
        (["softplus", "x=1:2", "y=1:2", "--grad", "softplus_grad"], 2, "softplus has no argument y"),
        (["softplus", "x=1:2", "--grad", "gone"], 2, "has no function gone"),
        (["lost", "x=1:2"], 2, "cannot be converted to float: its gradient would be lost"),
        (["gelu", "x=-2:2", "--examples", "40"], 0, "gelu: 40 points correct, 0 inconclusive"),
        (["gelu", "x=-2:2", "--prove"], 0, "proven: |grad - gelu′| <= 1e-09 on x in [-2.0, 2.0]"),
        (["softplus", "x=-9:9", "--grad", "wrong", "--prove", "--tol", "1e-10"], 1, "wrong on x in ["),
        (["softplus", "x=-9:9", "--grad", "wrong", "--prove"], 0, "proven: |grad - softplus′| <= 1e-09"),
        (["softplus", "x=1:1", "--grad", "softplus_grad", "--prove"], 2, "the lower one first"),
    ],
)
def test_check(tmp_path, arguments, code, said):
    if "--prove" in arguments:
        pytest.importorskip("flint")
    (tmp_path / "losses.py").write_text(LOSSES)
    done = command("check", f"{tmp_path / 'losses.py'}:{arguments[0]}", *arguments[1:], cwd=tmp_path)
    assert {path.name for path in tmp_path.iterdir()} <= {"losses.py", "__pycache__"}
    assert (done.returncode, said in done.stdout + done.stderr) == (code, True), done
    assert "Traceback" not in done.stderr


def test_conformance(tmp_path):
    (tmp_path / "mine.py").write_text("from autograd_tiny import Value\nclass Half:\n    pass\n")
    for target in ("mine:Value", "mine.py:Value"):
        done = command("conformance", target, cwd=tmp_path)
        assert (done.returncode, done.stdout.split("\n")[0]) == (0, "62 of 62 properties hold"), done
    done = command("conformance", "mine.py:Half", "--json", cwd=tmp_path)
    assert (done.returncode, '"passed": 0' in done.stdout) == (1, True)
    for target, said in (
        ("mine:Gone", "Gone"),
        ("nowhere:Value", "No module named"),
        ("mine", "write module and class"),
    ):
        done = command("conformance", target, cwd=tmp_path)
        assert (done.returncode, said in done.stderr, "Traceback" in done.stderr) == (2, True, False)


def test_check_draws_the_node_to_blame(tmp_path):
    cube = "from autograd_tiny import Op\ncube = Op('cube', lambda x: x**3, (lambda y, x: 2 * x * x,))\n"
    text = f"{cube}def f(x): return cube(x) + x\n"
    (tmp_path / "f.py").write_text(text)
    done = command("check", f"{tmp_path / 'f.py'}:f", "x=-1:1", "--draw", tmp_path / "wrong.svg")
    assert done.returncode == 1
    assert "got 2.0" in (tmp_path / "wrong.svg").read_text()
    done = command("check", f"{tmp_path / 'f.py'}:f", "x=-1:1", "--draw", tmp_path / "nowhere" / "wrong.svg")
    assert done.returncode == 2
    assert "nowhere" in done.stderr


LOSS = """from autograd_tiny import Value
def loss():
    total = Value(0.0)
    for i in range(100):
        error = Value(float(i - 63), f"error{i}")
        total = total + (error * error).sqrt()
    return total
"""


def test_diagnose_names_the_line_of_a_nan_in_a_hundred_points(tmp_path):
    (tmp_path / "train.py").write_text(LOSS)
    done = command("diagnose", f"{tmp_path / 'train.py'}:loss")
    assert done.returncode == 1
    assert "∂sqrt(error63 * error63)" in done.stdout
    assert done.stdout.splitlines()[0].endswith("is inf where error63 * error63 = 0 at train.py:6")
    done = command("diagnose", "a * a", "a=3", "--check")
    assert (done.returncode, done.stdout.startswith("nothing found")) == (0, True)


@pytest.mark.parametrize(
    ("given", "shown"), [("x=pi", "3.142"), ("x=1/2", "0.5"), ("x=-pi/4", "-0.7854"), ("x=-inf", "-inf")]
)
def test_a_value_may_be_arithmetic(given, shown):
    done = command("step", "x * 2", given)
    assert (done.returncode, done.stderr) == (0, "")
    assert f"x = {shown}" in done.stdout.replace("≈", "=")


def test_a_domain_may_be_arithmetic(tmp_path):
    (tmp_path / "f.py").write_text("def f(x): return x.sin() * x\n")
    done = command("check", f"{tmp_path / 'f.py'}:f", "x=-pi:1/2", "--examples", "5")
    assert (done.returncode, done.stderr) == (0, "")


def test_step_writes_a_page(tmp_path):
    done = command("step", "b = a + a; b * b", "a=3", "--html", tmp_path / "page.html")
    assert (done.returncode, done.stdout.strip()) == (0, str(tmp_path / "page.html"))
    assert "BACKWARD 8/8" in (tmp_path / "page.html").read_text(encoding="utf-8")
    done = command("step", "a * a", "a=3", "--html", tmp_path / "nowhere" / "page.html")
    assert (done.returncode, "nowhere" in done.stderr) == (2, True)
    assert command("step", "a * a", "a=3", "--open").returncode == 2


def test_live_writes_a_page(tmp_path):
    done = command("live", "b = a + a; b + b", "a=1", "-o", tmp_path / "page.html")
    assert (done.returncode, done.stdout.strip()) == (0, str(tmp_path / "page.html"))
    assert "Move a by 0.01, and b + b moves by 0.04:" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_the_museum_shows_every_bug():
    done = command("museum")
    assert done.stdout.count("≠") == 4
    assert command("museum", "a + a", "a=1").stdout.count("a.grad  right 2") == 4


BAD = [
    (["step", "a + b", "a=1"], "column 5: b is an unknown name; give it a value: b=…"),
    (["step", "a", "a"], "'a' is not of the form name=value"),
    (["step", "a", "a=1", "a=2"], "a has two values, 1 and 2"),
    (["step", "a", "a=one"], "a=one: one is not a number"),
    (["step", "a", "a=1/0"], "a=1/0: column 1: 1.0 / 0.0"),
    (["step", "a", "a=1", "c=2"], "c has a value but is not in the expression"),
    (["step", "__import__('os').system('ls')"], "not arithmetic"),
    (["step", "soft(a)", "a=1"], "soft is an unknown op"),
    (["step", "log(a)", "a=-1"], "log(a=-1.0): outside the domain (0, ∞)"),
    (["step"], "the following arguments are required: target"),
    (["step", "-a", "a=1"], "put -- before"),
    ([], "required: step | live | draw | check | conformance | diagnose"),
    (["jump", "a"], "there is no verb 'jump': there are step, live, draw"),
    (["step", "{}/train.py"], "which function? Write "),
    (["step", "{}/nothing.py:loss"], "no such file"),
    (["step", "{}/train.py:lost"], "has no function lost; it has loss, other, none, floats, fails, stops"),
    (["step", "{}/train.py:number"], "has no function number"),
    (["step", "{}/train.py:other"], "missing a required argument: 'x'; give numbers as name=value"),
    (["step", "{}/train.py:loss", "y=3"], "unexpected keyword argument 'y'"),
    (["step", "{}/train.py:none"], "returned None of type NoneType: expected a Value"),
    (["step", "{}/train.py:floats"], "returned 3.5 of type float: expected a Value"),
    (["step", "{}/train.py:fails"], "train.py:9: ValueError: log(-2.0): outside the domain (0, ∞)"),
    (["step", "{}/train.py:stops"], "train.py:10: RuntimeError: first line second line"),
    (["step", "{}/broken.py:loss"], "broken.py:2: SyntaxError"),
    (["draw", "a", "a=1", "-o", "{}/missing/a.svg"], "missing/a.svg: cannot write there"),
    (["live", "a", "a=1", "-o", "{}/missing/a.html"], "missing/a.html: cannot write there"),
    (["step", "a", "a=1", "-o", "a.html"], "to write a page: step --html FILE, to write the graph: draw -o FILE"),
    (["draw", "a", "a=1", "-o", "{}"], "has no suffix: choose one of"),
    (["draw", "a", "a=1", "-o", "{}/a.xyz"], "cannot write .xyz: choose one of .svg, .png, .jpg, .dot"),
    (["draw", "a", "a=1", "--focus", "b"], "focus: no value is called 'b'; the names are a"),
    (["draw", "a", "a=1", "--collapse", "f"], "none of the values belongs to a module"),
    (["draw", "a", "a=1", "--show", "x"], "show: 'x' is not one of names, data, grad, scopes, local"),
    (["draw", "a", "a=1", "--network"], "no module is known"),
    (
        ["draw", "a", "a=1", "--network", "--depth", "2"],
        "--network draws modules and takes no --depth: leave one of them out",
    ),
]


@pytest.mark.parametrize(("arguments", "complaint"), BAD, ids=[" ".join(arguments) for arguments, _ in BAD])
def test_bad_input_is_one_line_and_exit_code_2(tmp_path, arguments, complaint):
    (tmp_path / "train.py").write_text(FILE)
    (tmp_path / "broken.py").write_text("x = 1\ndef loss(:\n")
    done = command(*(argument.replace("{}", str(tmp_path)) for argument in arguments))
    assert done.returncode == 2
    assert done.stdout == ""
    assert complaint in done.stderr
    assert done.stderr.startswith("autograd-tiny: ")
    assert done.stderr.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["broken.py", "train.py"]


def test_a_reader_that_leaves_is_no_error():
    process = subprocess.Popen(
        [sys.executable, "-m", "autograd_tiny", "step", "+".join(["a"] * 190), "a=1"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip
    process.stdout.readline()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() in (0, 141)  # 0 if all of it fitted into the pipe


def test_an_ascii_terminal_and_the_version():
    done = command("step", *NEURON, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert done.returncode == 0
    assert "0.5010 ? 2 ? 1.002" in done.stdout
    assert command("--version").stdout == f"autograd-tiny {version('autograd-tiny')}\n"
    assert "step" in command("--help").stdout
