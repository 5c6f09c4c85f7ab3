"""The terminal: a prompt on a real terminal, every step in a pipe."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pexpect = pytest.importorskip("pexpect", reason="the prompt is tested on a real terminal")
if not hasattr(pexpect, "spawn"):
    pytest.skip("no pty on this system", allow_module_level=True)

# A library that other tests import in this process warns at every fork; the prompt's process is a fresh Python.
pytestmark = pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")

NEURON = ["o = tanh(x1*w1 + x2*w2 + b); o", "x1=2", "x2=0", "w1=-3", "w2=1", "b=6.88"]
PROMPT = "(step) "


def start(arguments=NEURON, columns=200):
    env = {**os.environ, "NO_COLOR": "1", "TERM": "dumb", "COLUMNS": str(columns), "PYTHONIOENCODING": "utf-8"}
    child = pexpect.spawn(sys.executable, ["-m", "autograd_tiny", "step", *arguments], dimensions=(50, columns), encoding="utf-8", timeout=20, env=env)  # fmt: skip
    child.expect_exact(PROMPT)
    return child


def ask(child, command):
    child.sendline(command)
    child.expect_exact(PROMPT)
    return child.before.replace("\r", "").partition("\n")[2]


def test_every_command():
    child = start()
    for command, said in [
        ("s", "FORWARD 2/20: w1 is given"),
        ("s 3", "FORWARD 5/20: w2 is given"),
        ("", "FORWARD 8/20: b is given"),
        ("z", "FORWARD 7/20"),
        ("j 12", "upstream ∂o/∂o = 1  ×  local"),
        ("w", "BACKWARD 12/20"),
        ("n", "BACKWARD 13/20"),
        ("p o", "o = tanh(x1 * w1 + x2 * w2 + b): data 0.7064193203972353  grad 1.0"),
        ("p w1", "w1: data -3.0  grad –"),
        ("why w1", "w1.grad = 1.002 after 1 uses"),
        ("paths w1", "o ← x1 * w1 + x2 * w2 + b ← x1 * w1 + x2 * w2 ← x1 * w1 ← w1"),
        ("watch w1", "watch w1.grad = –"),
        ("b", "no breakpoint yet"),
        ("b node w1", "1  node w1"),
        ("c", "watch w1.grad = 1.002"),
        ("rc", "FORWARD 2/20: w1 is given"),
        ("cl 1", ""),
        ("c", "no breakpoint after this step"),
        ("x", "0.5009717437695084"),
        ("values", "→"),
        ("l", "→ BACKWARD 20/20"),
        ("scope", "this is the last step"),
        ("diagnose", "nothing found"),
        ("?", "rc: back to the breakpoint before"),
        ("fly", "'fly' is no command"),
        ("b often", "'often' is no breakpoint; there is nan"),
        ("p nobody", "no value is called 'nobody'"),
        ("j 99", "A number from 1 to 20, got '99'"),
        ("s many", "'many' is not a whole number"),
        ("cl 7", "there is no breakpoint 7"),
        ("predict", "predict is on"),
    ]:  # fmt: skip
        assert said in ask(child, command), command
    ask(child, "j 14")
    child.sendline("s")
    child.expect_exact("= ? ")
    child.sendline("0.501")
    child.expect_exact("right")
    child.expect_exact(PROMPT)
    child.sendeof()
    child.expect(pexpect.EOF)


def test_going_back_shows_what_was_there():
    child = start()
    there = [ask(child, f"j {n}") + ask(child, "values") for n in range(2, 21)]
    back = [ask(child, f"j {n}") + ask(child, "values") for n in range(20, 1, -1)][1:]
    assert there[:-1] == back[::-1]
    child.sendline("q")
    child.expect(pexpect.EOF)


def test_an_interrupt_keeps_the_session():
    child = start()
    child.sendintr()
    child.expect_exact(PROMPT)
    assert "FORWARD 2/20" in ask(child, "s")
    child.sendline("q")
    child.expect(pexpect.EOF)


def test_a_narrow_terminal_and_names_that_look_like_markup(tmp_path):
    (tmp_path / "f.py").write_text(
        "from autograd_tiny import Value\ndef f():\n    a = Value(2.0, '[red]a[/red]')\n    return a * a\n"
    )
    child = start([f"{tmp_path / 'f.py'}:f"], columns=40)
    said = ask(child, "j 5")
    assert "[red]a[/red]" in said
    assert "f.py:4  return a * a" in said
    assert max(map(len, said.splitlines())) <= 40
    child.sendline("q")
    child.expect(pexpect.EOF)


def test_a_pipe_gets_every_step():
    done = subprocess.run([sys.executable, "-m", "autograd_tiny", "step", *NEURON], capture_output=True, text=True, encoding="utf-8", check=True, env={**os.environ, "PYTHONIOENCODING": "utf-8"})  # fmt: skip
    assert done.stdout.startswith("FORWARD")
    assert len(done.stdout.splitlines()) > 20
