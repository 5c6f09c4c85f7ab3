"""Tests of the command among other processes: closed pipes, full disks, terminals of any kind, signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

COMMAND = [sys.executable, "-m", "autograd_tiny"]
SQUARE = ("a * a", "a=3")
posix = pytest.mark.skipif(os.name != "posix", reason="signals and closed streams are those of POSIX")
VERBS = {"step": SQUARE, "diagnose": SQUARE, "museum": (), "--help": (), "--version": (), "doctor": ()}


def shell(line, *arguments, **env):
    """Run a line of sh, in which "$@" is the command."""
    env = {"NO_COLOR": "1", **{k: v for k, v in os.environ.items() if k != "COLUMNS"}, **env}
    return subprocess.run(
        ["sh", "-c", line, "sh", *COMMAND, *map(str, arguments)],
        capture_output=True, encoding="utf-8", check=False, timeout=60, env=env,
    )  # fmt: skip


@pytest.fixture
def wrong(tmp_path):
    path = tmp_path / "wrong.py"
    path.write_text("def f(x): return x * x\ndef g(x): return x\n", encoding="utf-8")
    return "check", f"{path}:f", "x=1:2", "--grad", "g", "--examples", "10"


@posix
@pytest.mark.parametrize("verb", VERBS)
def test_an_answer_that_cannot_be_written_is_told(verb):
    closed = shell('"$@" >&-', verb, *VERBS[verb])
    assert (closed.returncode, closed.stderr.count("\n")) == (2, 1)
    assert "standard output is closed" in closed.stderr
    if os.path.exists("/dev/full"):
        full = shell('"$@" >/dev/full', verb, *VERBS[verb])
        assert (full.returncode, full.stderr) == (2, "autograd-tiny: standard output: No space left on device\n")


@posix
def test_a_closed_standard_error_leaves_the_answer_and_the_code(wrong):
    assert shell('"$@" 2>&-', "step", "a +").stdout == ""
    assert shell('"$@" 2>&-', "step", "a +").returncode == 2
    done = shell('"$@" 2>&-', *wrong)
    assert (done.returncode, "does not match the function" in done.stdout) == (1, True)


@posix
def test_a_reader_that_leaves_is_quiet_and_never_a_pass(wrong):
    for arguments in (wrong, ("step", "+".join(["a"] * 190), "a=1"), ("museum",), ("--help",)):
        done = shell('{ "$@"; echo $? >&3; } 3>&2 | true', *arguments)
        faster_than_true = "0\n" if arguments is not wrong else "1\n"
        assert done.stderr in ("141\n", faster_than_true)
    process = subprocess.Popen([*COMMAND, *wrong], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 141


@posix
def test_a_wrong_gradient_on_a_full_device_is_no_pass(wrong):
    if not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full")
    assert shell('"$@" >/dev/full', *wrong).returncode == 2


@posix
def test_the_width_of_nothing_a_terminal_has_is_no_width():
    plain = shell('"$@"', "step", *SQUARE)
    assert plain.stdout.count("\n") == 8
    for columns in ("0", "-5", "wide", "²", "1", "", "9" * 30):
        done = shell('"$@"', "step", *SQUARE, COLUMNS=columns, LINES=columns)
        assert (done.returncode, done.stdout, done.stderr) == (0, plain.stdout, ""), columns
        assert shell('"$@"', "doctor", COLUMNS=columns).stdout.strip(), columns


@posix
@pytest.mark.parametrize("line", ['"$@" <&-', '"$@" </dev/null', 'TERM=dumb "$@"', 'env -u TERM "$@"'])
def test_where_nobody_can_type_every_step_is_printed(line):
    done = shell(line, "step", *SQUARE)
    assert (done.returncode, done.stderr, done.stdout.count("\n")) == (0, "", 8)


@pytest.mark.filterwarnings("ignore:os.fork:RuntimeWarning")
@pytest.mark.parametrize("env", [{"TERM": "dumb"}, {"COLUMNS": "0"}, {"COLUMNS": "-5"}, {"COLUMNS": "²", "LINES": "0"}])
def test_a_terminal_of_any_kind_has_a_prompt_and_no_garbage(env):
    pexpect = pytest.importorskip("pexpect", reason="needs a real terminal")
    env = {
        **{k: v for k, v in os.environ.items() if k not in ("COLUMNS", "LINES", "FORCE_COLOR")},
        "NO_COLOR": "1",
        **env,
    }
    child = pexpect.spawn(
        COMMAND[0], [*COMMAND[1:], "step", *SQUARE], encoding="utf-8", env=env, timeout=20, echo=False
    )
    child.expect(r"\(1/5\) ")
    assert "FORWARD 1/5: a is given" in child.before
    if env.get("TERM") == "dumb":
        assert "\x1b" not in child.before
    child.sendline("values")
    child.expect(r"\(1/5\) ")
    assert "data" in child.before
    child.kill(signal.SIGTERM)
    child.expect(pexpect.EOF)
    child.close()
    assert (child.exitstatus, child.signalstatus) == (143, None)


def runs(number):
    """True if a process is running, and is not a zombie."""
    stat = Path(f"/proc/{number}/stat")
    if Path("/proc/self").exists():
        return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"
    state = subprocess.run(["ps", "-o", "stat=", "-p", str(number)], capture_output=True, text=True, check=False).stdout
    return bool(state.strip()) and not state.startswith("Z")


def as_from_a_terminal():
    """Undo what a parent that ignores signals, such as nohup, hands on."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


@posix
@pytest.mark.filterwarnings("ignore:os.fork")  # JAX, where another test has loaded it
@pytest.mark.parametrize("sent", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_a_signal_leaves_no_renderer_and_no_file(tmp_path, sent):
    started = tmp_path / "started"
    slow = tmp_path / "slow"
    slow.write_text(
        f"#!/bin/sh\necho $$ > {started}.new && mv {started}.new {started}\nexec sleep 60\n", encoding="utf-8"
    )
    slow.chmod(0o755)
    folder = tmp_path / "out"
    folder.mkdir()
    process = subprocess.Popen(
        [*COMMAND, "draw", *SQUARE, "-o", str(folder / "a.svg")],
        env={**os.environ, "AUTOGRAD_TINY_DOT": str(slow)}, stderr=subprocess.PIPE,
        preexec_fn=as_from_a_terminal,
    )  # fmt: skip
    end = time.monotonic() + 30
    while not started.exists() and time.monotonic() < end:
        time.sleep(0.02)
    renderer = int(started.read_text())
    process.send_signal(sent)
    said = process.communicate(timeout=20)[1]
    assert process.returncode == 128 + sent
    assert said == (b"autograd-tiny: interrupted\n" if sent == signal.SIGINT else b"")
    assert not runs(renderer)
    assert os.listdir(folder) == []


@posix
def test_a_signal_ends_code_of_the_users_as_well(tmp_path):
    (tmp_path / "train.py").write_text(
        "import time\ndef f():\n    print('started', flush=True)\n    time.sleep(60)\n", encoding="utf-8"
    )
    process = subprocess.Popen([*COMMAND, "step", f"{tmp_path}/train.py:f"], stderr=subprocess.PIPE)
    assert process.stderr.readline() == b"started\n"
    process.terminate()
    assert process.communicate(timeout=20)[1] == b""
    assert process.returncode == 143


def test_a_fault_of_ours_is_no_finding():
    code = "import sys\nfrom autograd_tiny.cli import main as cli, target\n"
    code += "target.evaluate = lambda *args: {}['\\x1b[2J']\nsys.exit(cli.main(['diagnose', 'a', 'a=1']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" in done.stderr
    assert "\x1b" not in done.stderr
