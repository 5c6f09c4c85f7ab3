"""Test the prompt as a person uses it: in a terminal, with keys."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys

import pytest
from rich.console import Console

from autograd_tiny import Value
from autograd_tiny.engine.provenance import tracing
from autograd_tiny.engine.terminal import clean
from autograd_tiny.nn.modules import MLP
from autograd_tiny.stepper.narration import explain_step
from autograd_tiny.stepper.trace_json import from_json, to_json
from autograd_tiny.stepper.traces import trace
from autograd_tiny.stepper.views import prompt as debugger
from autograd_tiny.stepper.views.terminal import lines

pexpect = pytest.importorskip("pexpect", reason="the prompt is tested on a real terminal")
# A library that other tests import warns at every fork; the prompt runs in a fresh Python.
pytestmark = pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")

PROMPT = r"\(\d+/\d+\) "
SCRIPT = """
from autograd_tiny import Value
from autograd_tiny.stepper.views.prompt import debug
from autograd_tiny.engine.provenance import tracing
from autograd_tiny.stepper.traces import trace
with tracing():
    a, w = Value(3.0, "a"), Value(-2.0, {name!r})
    b = a + a
    b.name = "b"
    loss = b * w + b
    loss.name = "loss"
    steps = trace(loss)
debug(steps)
print("done")
"""


class Terminal:
    """A prompt on a pseudo-terminal; calling it types a line and returns the answer."""

    def __init__(self, name="w", width=100, script=SCRIPT, **env):
        env = {
            **{k: v for k, v in os.environ.items() if k not in ("NO_COLOR", "FORCE_COLOR", "COLUMNS", "LINES")},
            "TERM": "xterm-256color",
            **env,
        }
        self.child = pexpect.spawn(
            sys.executable, ["-c", script.format(name=name)],
            encoding="utf-8", dimensions=(60, width), env=env, timeout=60, echo=False,
        )  # fmt: skip
        self.child.delaybeforesend = None
        self.plain = "NO_COLOR" in env  # NO_COLOR keeps bold
        self.start = self.read()

    def read(self, until=PROMPT):
        self.child.expect(until)
        shown = re.sub(r"\x1b\[\?2004[hl]|\x1b\[\?1034h|\r(?!\n)", "", self.child.before)  # readline's codes
        return shown.replace("\r\n", "\n")

    def __call__(self, line, until=PROMPT):
        self.child.sendline(line)
        return plain(self.read(until)) if self.plain else self.read(until)

    @property
    def step(self):
        return int(re.match(r"\((\d+)/", self.child.after)[1])

    def end(self):
        self.child.expect(pexpect.EOF)
        return self.child.before


@pytest.fixture(scope="module")
def shared():
    """One terminal for all tests that only look; each starts at step 1, with nothing set."""
    return Terminal(NO_COLOR="1")


def plain(text):
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


@pytest.fixture
def type_(shared):
    shared("cl"), shared("unwatch"), shared("j 1")
    return shared


def test_it_starts_at_the_first_step(shared):
    assert "5 values, 12 steps" in plain(shared.start)
    assert "FORWARD 1/12: a is given" in plain(shared.start)


def test_step_back_next_jump_and_the_ends(type_):
    assert "FORWARD 2/" in type_("s")
    assert type_.step == 2
    assert "FORWARD 3/" in type_("")  # an empty line repeats
    assert "FORWARD 1/" in type_("z 2")
    assert "this is the first step" in type_("back")
    assert "BACKWARD 12/12" in type_("step 999")
    assert "this is the last step" in type_("s")
    assert "this is the last step" in type_("n")
    assert "BACKWARD 12/12" in type_("jump 12")
    type_("j 5")
    type_("n")
    assert type_.step == 6  # the seed
    shown = type_("n")  # from the seed over both contributions of the output
    assert type_.step == 8
    assert " 7  (b * w).grad += 1 : – → 1" in plain(shown)
    assert "BACKWARD 8/12" in shown


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("fly", "there is no command fly"),
        ("stpe", "did you mean step"),
        ("s zero", "'zero' is not a number of steps"),
        ("s 0", "'0' is not a number of steps"),
        ("z -1", "'-1' is not a number of steps"),
        ("j 0", "'0' is not a step; expected 1 to"),
        ("j 12345678901234567890123", "is not a step"),
        ("j", "'' is not a step"),
        ("b often", "'often' is not a breakpoint; write one of: nan"),
        ("b node nobody", "there is no node nobody"),
        ("cl 7", "there is no breakpoint 7"),
        ("p nobody", "no value is called 'nobody' (known: a"),
        ("why nobody", "no value is called"),
        ("paths nobody 3", "no value is called"),
        ("paths a 0", "at least 1"),
        ("watch nobody", "no value is called"),
        ("unwatch nobody", "nobody is not watched"),
        ("help fly", "there is no command fly"),
    ],
)
def test_bad_input_is_one_sentence_and_changes_nothing(type_, line, said):
    type_("j 4")
    answer = type_(line)
    assert said in " ".join(answer.split())
    assert "Traceback" not in answer
    assert type_.step == 4
    assert "there are no breakpoints" in type_("b")
    assert "no value is watched" in type_("watch")


def test_breakpoints(type_):
    assert "breakpoint 1: node a" in type_("b node a")
    assert "breakpoint 2: |grad| > 1" in type_("break |grad| > 1")
    listed = type_("b")
    assert "breakpoint 1: node a" in listed
    assert "breakpoint 2: |grad| > 1" in listed
    assert "breakpoint" in type_("c")
    first = type_.step
    assert first > 5
    type_("c")
    assert type_.step > first
    assert "breakpoint" in type_("rc")
    assert type_.step == first
    assert "breakpoint 2 removed" in type_("clear 2")
    assert "breakpoint 1: node a" in type_("rc")
    assert type_.step == 1
    assert "1 removed" in type_("cl")
    assert "BACKWARD" in type_("continue")


def test_looking(type_):
    type_("j 999"), type_("s 999")
    assert re.search(r"data 3\n\s+grad -2\n\s+2 of 2 paths so far, final", type_("p a"))
    why = type_("why a")
    assert why.count("\nb ") == 2
    assert "sum -2 = a.grad at the end" in why
    assert "loss is the output" in type_("why loss")
    paths = type_("paths a")
    assert "4 paths from loss to a" in paths
    assert "loss → b → a" in paths
    assert len(type_("paths a 1").splitlines()) == len(paths.splitlines()) - 3
    assert "→" in type_("l")
    values = type_("values")
    assert values == type_("graph")
    assert re.search(r"loss +-6 +1\n", values)
    type_("j 1")
    assert re.search(r"loss +– +–\n", type_("values"))  # never 0 before it is there
    assert re.search(r"data –\n +grad –", type_("p loss"))
    assert "data 3" in type_("p")  # the value the step is about
    assert "numbers in full" in type_("exact")
    assert re.search(r"a = 3\.0", type_("w"))
    type_("exact")
    assert "Traceback" not in type_("diagnose")
    assert "in another scope" in type_("help ns")
    for name in ("step", "back", "next", "continue", "unwatch", "predict", "quit"):
        assert name in type_("?")
    assert "EOF" not in type_("help")


def test_watch(type_):
    assert "watch a.grad –" in type_("watch a")
    type_("watch b")
    assert "watch b.grad –" in type_("s")
    assert "watch a.grad – → -2" in type_("s 999")
    assert "watch a.grad -2 → -1" in type_("z")
    assert len(type_("watch").strip().splitlines()) == 2
    assert "1 no longer watched" in type_("unwatch a")
    assert "a.grad" not in type_("watch")


def test_predict(type_):
    type_("j 6"), type_("predict")
    assert "BACKWARD 7/" in type_("s", r"= \? ")
    assert "right: 1" in type_("1.001")
    type_("s", r"= \? ")
    assert "no: it is" in type_("77")
    type_("s", r"= \? ")
    assert "'x' is not a number; it is" in type_("x")
    at = type_.step
    type_("s 2", r"= \? ")
    type_.child.sendintr()
    assert "Traceback" not in type_.read()
    assert type_.step == at
    type_("predict")


def test_next_scope():
    with tracing():
        model = MLP(2, [2, 1], seed=0)
        steps = trace(model([1.0, 2.0]))
    prompt, seen = debugger.Prompt(steps, Console(file=io.StringIO())), []
    while prompt.state.n < len(steps) - 1:
        prompt.onecmd("ns")
        seen.append(steps[prompt.state.n].node.scope)
    assert {"layers[0].neurons[0]", "layers[0].neurons[1]", "layers[1].neurons[0]"} <= set(seen)


def test_back_in_time_is_the_state_that_was():
    a = Value(3.0, "a")
    a.grad = 0.5
    b = a * a
    steps = trace(b * b + a)
    prompt = debugger.Prompt(steps, Console(file=io.StringIO()))
    grads = {}
    for n in range(len(steps)):
        grads[n] = [prompt.state.grad(node) for node in steps.nodes]
        prompt.onecmd("s")
    for n in (*range(len(steps) - 1, -1, -1), 7, 2, 9):
        prompt.onecmd(f"j {n + 1}")
        assert [prompt.state.grad(node) for node in steps.nodes] == grads[n]
    prompt.onecmd("z"), prompt.onecmd("rc")
    assert [prompt.state.grad(node) for node in steps.nodes] == grads[0]


def test_an_interrupted_move_is_not_half_done(monkeypatch):
    a = Value(3.0, "a")
    steps = trace(a * a + a)
    prompt = debugger.Prompt(steps, Console(file=io.StringIO()))
    seek = type(prompt.state).seek

    def interrupted(state, n):
        if n == 6:
            seek(state, 4)
            raise KeyboardInterrupt
        return seek(state, n)

    monkeypatch.setattr(type(prompt.state), "seek", interrupted)
    with pytest.raises(KeyboardInterrupt):
        prompt.onecmd("j 7")
    assert prompt.state.n == 0
    assert prompt.state.grad(steps.output) is None


def test_keys():
    type_ = Terminal()
    type_.child.sendintr()
    assert "q ends" in type_.read()
    assert "FORWARD 2/" in type_("s")
    assert "\x1b[" in type_("w")  # bold and colours
    type_.child.send("p lo\t")
    assert re.search(r"data", type_(""))  # completed to loss
    type_.child.sendeof()
    assert "done" in type_.end()
    type_ = Terminal()
    type_.child.sendline("q")
    assert "done" in type_.end()
    type_ = Terminal()
    type_("predict"), type_("j 6")
    type_("s", r"= \? ")
    type_.child.sendeof()
    assert "done" in type_.end()


@pytest.mark.parametrize(("env", "coloured"), [({"NO_COLOR": "1"}, False), ({}, True)])
def test_colours(env, coloured):
    type_ = Terminal(**env)
    type_.plain = False
    shown = type_.start + type_("s 7") + type_("values")
    assert bool(re.search(r"\x1b\[[0-9;]*[34]8;", shown)) is coloured


@pytest.mark.parametrize(
    "name", ["[red]x[/red]", "</script>", "[/]", "a\x1b[2Jb", ":smile:", "two\nlines", "\u202eabc"]
)
def test_names_are_never_markup_nor_control(name):
    w = Value(-2.0, name)
    steps, out = trace(w * w + 1.0), io.StringIO()
    prompt = debugger.Prompt(steps, Console(file=out, width=200))
    about = (f"p {name}", f"why {name}", f"paths {name}", f"watch {name}", "n", f"b node {name}", f"p {name}?")
    for line in ("s", "s 4", "l", "values", *about):
        prompt.onecmd(line)
    said = out.getvalue()
    assert clean(name) in said
    assert "\x1b" not in said
    assert "\u202e" not in said


def test_hostile_name_in_a_terminal():
    type_ = Terminal("[red]x[/red]", NO_COLOR="1")
    assert "[red]x[/red] = -2" in type_("s 2")
    assert "data -2" in type_("p [red]x[/red]")


def test_a_narrow_terminal():
    type_ = Terminal(width=40, NO_COLOR="1")
    shown = type_("s 7") + type_("exact") + type_("why b") + type_("values") + type_("help") + type_("l")
    assert max(map(len, plain(shown).splitlines())) <= 40
    assert "…" not in type_("values")


@pytest.mark.parametrize("env", [{}, {"FORCE_COLOR": "1"}])
def test_without_a_terminal_every_step_is_printed(env):
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT.format(name="w")],
        input="s\n", capture_output=True, encoding="utf-8", check=True, env={**os.environ, **env},
    )  # fmt: skip
    assert done.stdout.count("+=") > 5
    assert done.stdout.endswith("done\n")
    assert "Traceback" not in done.stderr


def test_without_any_input(monkeypatch, capsys):
    monkeypatch.setattr(sys, "stdin", None)
    steps = trace(Value(2.0, "a") * 3.0)
    debugger.debug(steps)
    assert capsys.readouterr().out.splitlines() == [line.plain for line in lines(steps)]


def test_many_paths_and_long_ones_are_cut():
    b = Value(1.0, "a")
    for _ in range(300):
        b = (b + b) * 0.5
    out = io.StringIO()
    prompt = debugger.Prompt(trace(b), Console(file=out, width=400))
    prompt.onecmd("paths a 1")
    assert "about 2.04e90 paths" in out.getvalue()
    assert "more …" in out.getvalue()


def test_sentences():
    a = Value(3.0, "a")
    a.grad = 0.5
    with tracing():
        b = a * a
        b.name = "b"
        steps = trace(b)
    told = [explain_step(steps, n) for n in range(len(steps))]
    assert [t.headline.split(":")[0].split()[1] for t in told] == [f"{n}/5" for n in range(1, 6)]
    assert told[1].equation == "b = a * a = 3 * 3 = 9"
    assert "b = a * a" in told[1].source
    assert "left over from an earlier backward()" in told[3].context
    assert told[3].accumulation == "a.grad += 3 : 0.5 → 3.5   (use 1 of 2)"
    assert "(use 2 of 2, final)" in told[4].accumulation
    assert "it would be 3" in told[4].context
    assert "3.5 + 3 → 6.5" in told[4].context
    third = trace(Value(1.0, "x") / 3.0)
    assert "≈" in explain_step(third, len(third) - 1).equation
    assert repr(1 / 3) in explain_step(third, len(third) - 1, exact=True).equation
    assert "≈" not in explain_step(third, len(third) - 1, exact=True).equation


@pytest.mark.parametrize(
    ("f", "said"),
    [
        (lambda x: (x - 2.0).relu(), "kink"),
        (lambda x: (x - 5.0).relu(), "dead"),
        (lambda x: (x * 5.0).tanh(), "saturated"),
        (lambda x: x * 1e-200 * 1e-200, "underflow"),
        (lambda x: x * float("nan"), "nan"),
        (lambda x: x * float("inf"), "inf"),
    ],
)
def test_flags_in_words(f, said):
    steps = trace(f(Value(2.0, "x")))
    assert any(said in explain_step(steps, n).context for n in range(len(steps)))


def test_exact_numbers_are_exact_on_both_sides():
    steps = trace(Value(1 / 3, "a") * Value(-1 / 7, "w"))
    assert explain_step(steps, 2, exact=True).equation == f"a * w = {1 / 3!r} * {-1 / 7!r} = {1 / 3 * (-1 / 7)!r}"


def test_a_trace_read_from_json_reads_no_source_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "secret.txt").write_text("hush\n")
    with tracing():
        text = to_json(trace(Value(1.0, "a") * 2.0))
    found = json.loads(text)
    found["nodes"][1]["source"] = "secret.txt:1"
    assert explain_step(from_json(json.dumps(found)), 1).source == "secret.txt:1"
