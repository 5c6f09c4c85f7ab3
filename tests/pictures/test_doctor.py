"""The doctor tries each renderer and reports it; a broken one is reported, too, and never hangs it."""

from __future__ import annotations

import io
import re
import sys
from importlib import metadata

import pytest
from rich.console import Console

from autograd_tiny.cli import main as cli
from autograd_tiny.pictures import doctor
from autograd_tiny.pictures.rendering import render

pytestmark = pytest.mark.slow

PYTHON = sys.executable


def program(folder, name, body):
    path = folder / name
    path.write_text(f"#!{PYTHON}\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def draws(*formats, version="dot - graphviz version 9.9.9 (2026)"):
    return f"""import sys
if "-V" in sys.argv: sys.stderr.write({version!r}); sys.exit()
start = { ({format: doctor.STARTS[format] for format in formats})!r}.get(sys.argv[-1][2:])
if start is None: sys.stderr.write("Format not recognized"); sys.exit(1)
sys.stdout.buffer.write(start + b" more")"""


@pytest.fixture
def machine(tmp_path, monkeypatch):
    """A machine that finds only the programs in this folder."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv(render.VARIABLE, raising=False)
    monkeypatch.setattr(render.sysconfig, "get_path", lambda name: str(tmp_path))
    monkeypatch.setattr(render.sys, "executable", str(tmp_path / "python"))
    return tmp_path


def said(width=300):
    out = io.StringIO()
    return doctor.doctor(Console(file=out, width=width)), out.getvalue()


def row(text, name):
    (line,) = [line for line in text.splitlines() if re.match(rf"(→| ) +{name}\b", line)]
    return line.split()


def test_what_is_installed_with_us_draws():
    fine, text = said()
    assert fine
    assert f"graphviz-pure {metadata.version('graphviz-pure')}" in text.replace("   ", " ")
    ours = next(r for r in doctor.renderers() if r.where == "graphviz-pure")
    assert {format: not fault for format, fault in ours.faults.items()} == {"svg": True, "png": True, "pdf": False}


def test_nothing_at_all(machine, capsys):
    fine, text = said()
    assert not fine
    assert "No renderer found. .dot and .mmd files and the terminal need none." in text
    assert "To install graphviz-pure: pip install graphviz-pure" in text
    assert "To install dot: " in text
    assert row(text, "dot")[1:4] == ["–", "–", "–"]
    assert cli.main(["doctor"]) == 1
    with pytest.raises(render.RenderError, match="no renderer found"):
        render.renderer()
    assert "No renderer found" in capsys.readouterr().out


def test_the_one_that_is_used_is_the_first_that_is_there(machine, monkeypatch):
    pure = program(machine, "graphviz-pure", draws("svg", "png", version="graphviz-pure version 0.2.2"))
    assert render.renderer() == pure
    fine, text = said()
    assert fine
    assert row(text, "graphviz-pure")[:6] == ["→", "graphviz-pure", "0.2.2", "yes", "yes", "no"]
    assert "graphviz-pure cannot write PDF: install Graphviz" in text
    dot = program(machine, "dot", draws("svg", "png", "pdf"))
    assert render.renderer() == dot
    fine, text = said()
    assert fine
    assert row(text, "dot")[:6] == ["→", "dot", "9.9.9", "yes", "yes", "yes"]
    assert row(text, "graphviz-pure")[0] == "graphviz-pure"
    mine = program(machine, "mine", draws("svg", version="something else"))
    monkeypatch.setenv(render.VARIABLE, "mine")
    assert render.renderer() == mine
    fine, text = said()
    assert fine
    assert row(text, "AUTOGRAD_TINY_DOT=mine")[:6] == ["→", "AUTOGRAD_TINY_DOT=mine", "?", "yes", "no", "no"]


def test_a_variable_that_names_nothing_is_an_error_though_others_are_there(machine, monkeypatch):
    program(machine, "dot", draws("svg"))
    monkeypatch.setenv(render.VARIABLE, "[red]mis\x1bsing[/]")
    fine, text = said()
    assert not fine
    assert "No renderer: AUTOGRAD_TINY_DOT=[red]mis·sing[/]: there is no such program." in text
    assert "→" not in text


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("import sys; sys.stderr.write('\\x1b[31mno font\\n'); sys.exit(3)", "could not draw svg: ·[31mno font"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "could not draw svg: exit code -9"),
        ("import time; time.sleep(60)", "dot was still drawing after 0.5 s"),
        ("print('hello')", "dot did not write svg"),
        ("import sys; sys.stderr.buffer.write(b'\\xff\\xfe'); sys.exit(1)", "could not draw svg"),
    ],
)
def test_one_that_does_not_work(machine, monkeypatch, body, says):
    if "sleep" in body:
        monkeypatch.setattr(doctor, "TRIAL_SECONDS", 0.5)
    program(machine, "dot", body)
    fine, text = said()
    assert not fine
    assert says in text
    assert row(text, "dot")[-4:-1] == ["no", "no", "no"]


def test_a_file_that_is_no_program(machine):
    path = machine / "dot"
    path.write_bytes(b"\x7fELF nothing")
    path.chmod(0o755)
    fine, text = said()
    assert not fine
    assert "did not start" in text


def test_each_missing_package_has_the_line_that_installs_it(monkeypatch):
    extras = set(metadata.metadata("autograd-tiny").get_all("Provides-Extra")) - {"all"}
    assert {package.extra for package in doctor.packages()} == extras == set(doctor.USES)
    real = metadata.version

    def version(name):
        if name in ("pillow", "mpmath"):
            raise metadata.PackageNotFoundError(name)
        return real(name)

    monkeypatch.setattr(metadata, "version", version)
    _, text = said()
    assert "pillow missing" in text
    assert "mpmath missing" in text
    assert f"hypothesis {real('hypothesis')}" in text
    for extra in ("check", "frames"):
        assert f"pip install 'autograd-tiny[{extra}]'" in text
