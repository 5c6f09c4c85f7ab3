"""Tests of commands on files that raise, exit, print or shadow modules: exit code 2 if nothing was computed."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow

VERBS = {
    "step": ("train.py:f", "x=2"),
    "live": ("train.py:f", "x=2", "-o", "live.html"),
    "draw": ("train.py:f", "x=2", "-o", "graph.dot"),
    "diagnose": ("train.py:f", "x=2"),
    "check": ("train.py:f", "x=1:2", "--examples", "10"),
}
EACH = [pytest.param(verb, marks=[pytest.mark.long] * (verb in ("live", "check"))) for verb in VERBS]  # slow to start
FINE = "from autograd_tiny import Value\ndef f(x): return x * x\n"


@pytest.fixture
def run(tmp_path):
    """Make a function that runs a verb on a train.py with a given text, in its folder."""

    def run(verb, text, *more, target=None, **kwargs):
        file, *rest = VERBS[verb]
        if text is not None:
            (tmp_path / "train.py").write_text(text, encoding="utf-8")
        kwargs = {"cwd": tmp_path, "timeout": 60, "env": {**os.environ, "NO_COLOR": "1"}, **kwargs}
        return subprocess.run(
            [sys.executable, "-m", "autograd_tiny", verb, target or file, *rest, *more],
            capture_output=True, encoding="utf-8", errors="surrogateescape", check=False, **kwargs,
        )  # fmt: skip

    return run


RAISED = {
    "raise SystemExit": "sys.exit(None) ended the run: nothing was computed",
    "import sys; sys.exit()": "sys.exit(None) ended the run: nothing was computed",
    "raise SystemExit(0)": "sys.exit(0) ended the run: nothing was computed",
    "raise SystemExit('done')": "sys.exit('done') ended the run: nothing was computed",
    "raise RuntimeError('first\\nsecond')": "RuntimeError: first second",
    "raise BrokenPipeError(32, 'gone')": "BrokenPipeError: [Errno 32] gone",
    "raise AssertionError": "AssertionError",
    "raise type('Own', (BaseException,), {})('mine')": "Own: mine",
    "raise sys.mute": "Mute: its message raises ZeroDivisionError",
    "raise GeneratorExit": "GeneratorExit",
    "raise StopIteration": "StopIteration",
    "import warnings; warnings.simplefilter('error'); warnings.warn('old')": "UserWarning: old",
    "raise RuntimeError('\\x1b[31mred\\x07')": "RuntimeError: \\x1b[31mred\\x07",
}


MUTE = "import sys; sys.mute = type('Mute', (Exception,), {{'__str__': lambda self: 1 / 0}})"
IMPORTING, CALLED = f"{MUTE}\n{FINE}{{}}\n", f"{MUTE}\n\ndef f(x):\n    {{}}\n"
ENDS = "raise SystemExit(0)"


@pytest.mark.parametrize(
    ("verb", "where", "raised"),
    [
        *(("step", IMPORTING, raised) for raised in RAISED),
        *(("check", CALLED, raised) for raised in RAISED),
        ("check", IMPORTING, ENDS), ("draw", IMPORTING, ENDS), ("diagnose", IMPORTING, ENDS),
        ("step", CALLED, ENDS), ("draw", CALLED, ENDS), ("diagnose", CALLED, ENDS),
    ],
)  # fmt: skip
def test_what_the_file_raises_is_one_line_and_exit_code_2(run, verb, where, raised):
    done = run(verb, where.format(raised))
    assert (done.returncode, done.stdout) == (2, ""), done
    assert done.stderr.splitlines()[-1] == f"autograd-tiny: train.py:4: {RAISED[raised]}"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("verb", EACH)
def test_an_interrupt_is_neither_wrong_nor_right(run, verb):
    done = run(verb, f"{FINE}raise KeyboardInterrupt\n")
    assert (done.returncode, done.stdout, done.stderr) == (130, "", "autograd-tiny: interrupted\n")


@pytest.mark.parametrize("verb", EACH)
def test_what_the_file_prints_or_closes_is_kept_apart_from_the_answer(run, verb):
    fine = run(verb, FINE)
    assert (fine.returncode, fine.stderr) == (0, "")
    for noise, told in (
        ("print('hello')", "hello"),
        ("import warnings; warnings.warn('old')", "old"),
        ("import sys; sys.stdout.close()", ""),
        ("import sys; sys.stderr.close(); sys.stdin.close()", ""),
        ("import sys; sys.stdout = sys.stderr = None", ""),
    ):
        done = run(verb, f"{noise}\n{FINE}")
        assert (done.returncode, done.stdout) == (0, fine.stdout), done
        assert told in done.stderr
        assert not told or done.stderr


@pytest.mark.parametrize("verb", EACH)
def test_what_returns_no_value_is_refused(run, verb):
    for body in ("yield x", "return print", "return type('R', (), {'__repr__': lambda self: 1 / 0})()"):
        done = run(verb, f"def f(x):\n    {body}\n")
        assert (done.returncode, done.stdout) == (2, ""), done
        assert done.stderr.count("\n") == 1
        assert "train.py" in done.stderr


def test_a_check_that_raises_at_every_point_has_checked_nothing(run):
    done = run("check", "def f(x): raise ValueError\n")
    assert (done.returncode, done.stdout) == (2, "")
    assert "raises at all points tried" in done.stderr


@pytest.mark.parametrize("verb", EACH)
def test_the_file_is_all_of_sys_argv(run, verb):
    text = "import sys\nassert sys.argv == ['train.py'], sys.argv\n"
    text += f"import argparse\nargparse.ArgumentParser().parse_args()\n{FINE}"
    assert run(verb, text).returncode == 0


@pytest.mark.parametrize("verb", EACH)
def test_names_of_ours_beside_the_file_shadow_nothing(run, verb, tmp_path):
    names = (
        "rich",
        "graphviz",
        "json",
        "hypothesis",
        "mpmath",
        "cmd",
        "readline",
        "subprocess",
        "secrets",
        "html",
        "os",
        "sys",
        "io",
        "__main__",
    )
    for name in names:
        (tmp_path / f"{name}.py").write_text("raise RuntimeError('not ours')\n", encoding="utf-8")
    (tmp_path / "other.py").write_text("three = 3.0\n", encoding="utf-8")
    (tmp_path / "graphviz.py").write_text("two = 2.0\n", encoding="utf-8")
    text = "import os, sys, io\nfrom other import three\nfrom graphviz import two\nfrom autograd_tiny import Value\n"
    text += "def f(x):\n    import other\n    return x * other.three\n"
    done = run(verb, text)
    assert (done.returncode, done.stderr) == (0, ""), done
    done = run(verb, None, target=f"{tmp_path}/train.py:f", cwd="/")
    assert done.returncode == 0, done


def test_a_file_called_like_one_of_ours_is_loaded(run, tmp_path):
    for name in ("rich", "json", "autograd_tiny", "random"):
        (tmp_path / f"{name}.py").write_text(FINE, encoding="utf-8")
        for verb in VERBS:
            done = run(verb, None, target=f"{tmp_path}/{name}.py:f", cwd="/")
            assert done.returncode == 0, (name, done)


@pytest.mark.parametrize("verb", EACH)
def test_a_file_of_a_package_is_loaded_as_its_module(run, verb, tmp_path):
    inner = tmp_path / "package" / "inner"
    inner.mkdir(parents=True)
    (tmp_path / "package" / "__init__.py").write_text("two = 2.0\n", encoding="utf-8")
    (inner / "__init__.py").write_text("", encoding="utf-8")
    (inner / "beside.py").write_text("three = 3.0\n", encoding="utf-8")
    text = "from .. import two\nfrom .beside import three\nfrom autograd_tiny import Value\n"
    text += "def f(x): return x * two * three\n"
    (inner / "train.py").write_text(text, encoding="utf-8")
    for target, cwd in (("package/inner/train.py:f", tmp_path), ("train.py:f", inner)):
        done = run(verb, None, target=target, cwd=cwd)
        assert (done.returncode, done.stderr) == (0, ""), done
    (inner / "__init__.py").write_text(FINE, encoding="utf-8")
    assert run(verb, None, target="package/inner/__init__.py:f").returncode == 0
    (inner / "train.py").write_text(f"{text}from .lost import four\n", encoding="utf-8")
    done = run(verb, None, target="package/inner/train.py:f")
    assert (done.returncode, done.stdout) == (2, "")
    assert "train.py:5: ModuleNotFoundError: No module named 'package.inner.lost'" in done.stderr


def test_a_package_of_the_same_name_as_one_of_ours(run, tmp_path):
    for package in ("rich", "autograd_tiny"):
        (tmp_path / package).mkdir()
        for name in ("__init__", "nn"):
            (tmp_path / package / f"{name}.py").write_text(FINE, encoding="utf-8")
            done = run("step", None, target=f"{tmp_path}/{package}/{name}.py:f", cwd="/")
            assert done.returncode == (0 if package == "rich" else 2)
            assert ("rename one of them" in done.stderr) == (package != "rich")


@pytest.mark.parametrize("verb", EACH)
def test_names_with_control_characters_reach_no_terminal(run, verb, tmp_path):
    folder = tmp_path / "a\x1b[31m\nb"
    folder.mkdir()
    (folder / "train.py").write_text(
        "from autograd_tiny import Value\n"
        "def f(x):\n    y = x * Value(0.0, 'x\\x1b[2J\\r\\x9b')\n"
        "    y.name = 'y\\x1b]0;t\\x07'\n    return y.sqrt() * 3\n",
        encoding="utf-8",
    )
    target = str(folder / "train.py:f")
    more = ("-o", folder / "a.dot") if verb == "draw" else ("--draw", folder / "a.dot") if verb == "check" else ()
    for wanted in (target, target.replace(":f", ":\x1bg"), target.replace("train", "\x1bgone")):
        done = run(verb, None, *more, target=wanted)
        assert (done.returncode == 2) == (wanted != target), done
        assert not {c for c in done.stdout + done.stderr if not c.isprintable()} - {"\n"}, done


@pytest.mark.skipif(sys.platform != "linux", reason="only here is a file name any bytes")
@pytest.mark.parametrize("verb", EACH)
def test_names_that_are_not_utf_8_work(run, verb, tmp_path):
    folder = os.path.join(os.fsencode(tmp_path), b"\xff")
    os.mkdir(folder)
    with open(os.path.join(folder, b"\xfe.py"), "w", encoding="utf-8") as file:
        file.write(FINE)
    target = os.fsdecode(os.path.join(folder, b"\xfe.py:f"))
    written = [os.fsdecode(os.path.join(folder, b"\xfd." + suffix)) for suffix in (b"svg", b"mmd", b"tex", b"html")]
    options = {"draw": [("-o", path) for path in written[:3]], "step": [(), ("--html", written[3])]}.get(verb, [()])
    for more in options:
        done = run(verb, None, *more, target=target)
        assert (done.returncode, done.stderr) == (0, ""), done
        assert not more or os.path.getsize(more[1])
        done.stdout.encode()  # raises if it is not text
