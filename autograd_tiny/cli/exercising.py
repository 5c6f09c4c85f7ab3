"""The verbs of exercises: list them, write one to fill in, check the learner's file, show the key."""

from __future__ import annotations

import argparse
import re
import types
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from autograd_tiny.cli.process import Refused
from autograd_tiny.cli.userfile import UserFile
from autograd_tiny.engine.extras import needed_by
from autograd_tiny.engine.files import save
from autograd_tiny.engine.terminal import show

if TYPE_CHECKING:
    from autograd_tiny.cli.examining import Passes, Slopes

NAMES = ("tanh", "product", "larger", "chain", "accumulate", "order", "engine")
TO_WRITE = "...  # your turn: write this"
_PART = re.compile(r"^( *)# your turn\n(.*?)^ *# end\n", re.MULTILINE | re.DOTALL)
_CELL = re.compile(r"^# %% (wrong: |with)(.*)\n", re.MULTILINE)


class Exercise(NamedTuple):
    """An exercise: its number, what to write, the key, and wrong answers with what to say to each."""

    number: int
    name: str
    title: str
    template: str
    key: str
    wrong: tuple[tuple[str, str], ...]  # the words, and the text of the file with that answer


def read(number: int) -> Exercise:
    """Read an exercise of the package.

    >>> exercise = read(2)
    >>> exercise.title, "return b, a" in exercise.key, "return b, a" in exercise.template
    ('The slopes of a product', True, False)
    """
    name = NAMES[number - 1]
    text = (files("autograd_tiny.cli.exercises") / f"{name}.py").read_text(encoding="utf-8")
    whole, *cells = _CELL.split(text)
    whole = f"{whole.rstrip()}\n"
    key = _PART.sub(r"\2", whole)
    kinds, words, texts = cells[::3], cells[1::3], cells[2::3]
    others = "".join(text for kind, text in zip(kinds, texts, strict=True) if kind == "with")
    wrong = [
        (said, f"{key}\n\n{others}{text}")
        for kind, said, text in zip(kinds, words, texts, strict=True)
        if kind == "wrong: "
    ]
    title = whole.removeprefix('"""').partition("\n")[0].rstrip(".")
    template = _PART.sub(rf"\1{TO_WRITE}\n", whole)
    return Exercise(number, name, title, template, key, tuple(wrong))


def exercise(given: argparse.Namespace) -> int | None:
    """List the exercises, write one, or check a file; return 1 for a wrong answer."""
    if given.number is None:
        for number in range(1, len(NAMES) + 1):
            show(f"{number}  {read(number).title}")
        show("\nautograd-tiny exercise 1 -o one.py writes one to fill in, autograd-tiny exercise 1 one.py checks it,")
        show("autograd-tiny answer 1 shows the key.")
        return None
    chosen = _chosen(given.number)
    if given.file is not None:
        if given.output is not None:
            raise Refused("give a file to check, or -o and a file to write, not both")
        return _check(chosen, given.file)
    if given.output is None:
        show(chosen.template.rstrip())
        return None
    path = Path(given.output)
    if path.exists():
        raise Refused(f"{path} is there already, and what is written in it would be lost: choose another name")
    try:
        show(save(path, chosen.template.encode()))
    except OSError as error:
        raise Refused(f"{path}: {error.strerror or error}") from None
    return None


def answer(given: argparse.Namespace) -> None:
    """Print the key of an exercise."""
    show(_chosen(given.number).key.rstrip())


def _chosen(text: str) -> Exercise:
    if not re.fullmatch("[0-9]{1,3}", text) or not 1 <= int(text) <= len(NAMES):
        raise Refused(f"there is no exercise {text}: they are 1 to {len(NAMES)}")
    return read(int(text))


def _check(chosen: Exercise, path: str) -> int:
    try:
        with needed_by("exercise"):
            from autograd_tiny.cli.examining import EXERCISES, Wrong
    except ImportError as error:
        raise Refused(error) from None
    subject, file = EXERCISES[chosen.name], UserFile(path)
    with file.running():  # what is printed in this block goes to standard error
        file.function(subject.name)
        lines = file.path.read_text(encoding="utf-8", errors="replace").split("\n")
        missing = [f"{path}:{k}" for k, line in enumerate(lines, 1) if line.strip() == TO_WRITE]
        wrong: list[str] = []
        try:
            right = subject.judge(file.module) if not missing else ""
        except Wrong as error:
            wrong = [f"{path} is not right yet: {error}", *_recognised(chosen, subject, file.module)]
    if missing:
        show(f"{', '.join(missing)} {'is' if len(missing) == 1 else 'are'} still to be written")
    elif wrong:
        show("\n".join(wrong))
    else:
        show(f"right: {right}")
    return 1 if missing or wrong else 0


def _recognised(chosen: Exercise, subject: Slopes | Passes, module: Any) -> list[str]:
    """Say which of the known wrong answers it is: the one that gives the same numbers."""
    from autograd_tiny.cli.examining import Wrong

    try:
        found = [repr(x) for x in subject.print_of(module)]
    except Wrong:
        return []
    for words, text in chosen.wrong:
        known = types.ModuleType("wrong")
        exec(compile(text, f"<{chosen.name}>", "exec"), known.__dict__)
        if [repr(x) for x in subject.print_of(known)] == found:
            return [words]
    return []
