"""Tests that a verb is one row of the table, and a line of the manual."""

from __future__ import annotations

from pathlib import Path

import pytest

from autograd_tiny.cli import main as cli
from autograd_tiny.cli.verbs import Argument, Verb, table

MANUAL = Path(__file__).parents[2] / "docs" / "start.md"


def test_one_more_verb_is_one_row(monkeypatch, capsys):
    n = Argument(("n",), {"type": int})
    row = Verb("count", "count to a number", lambda given: given.n, lambda: (n,), ("count 3",))
    monkeypatch.setattr(cli, "table", lambda: (*table(), row))
    assert cli.main(["count", "3"]) == 3
    assert cli.main(["--help"]) == 0
    text = " ".join(capsys.readouterr().out.split())
    for part in ("| doctor | count", "count count to a number", "autograd-tiny count 3"):
        assert part in text


@pytest.mark.parametrize("verb", table(), ids=lambda verb: verb.name)
def test_each_verb_has_help_and_a_line_in_the_manual(verb, capsys):
    assert cli.main([verb.name, "--help"]) == 0
    assert f"usage: autograd-tiny {verb.name}" in capsys.readouterr().out
    assert all(line.startswith(f"{verb.name} ") for line in verb.examples)
    assert f"| `autograd-tiny {verb.name}` |" in MANUAL.read_text(encoding="utf-8")
