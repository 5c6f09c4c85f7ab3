"""The verbs of teaching: pictures of every step, slides, a work sheet."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from autograd_tiny.cli.process import Refused
from autograd_tiny.cli.target import trace_of
from autograd_tiny.engine.digits import counted
from autograd_tiny.engine.terminal import show

if TYPE_CHECKING:
    from autograd_tiny.stepper.traces import Trace

# A verb imports what it needs before the user's code runs, so that a rich.py beside the user's file is not taken.


def write_frames(given: argparse.Namespace) -> None:
    """Write a picture per step into a folder."""
    from autograd_tiny.stepper.views.sequence import frames

    def write(trace: Trace, steps: list[int]) -> Path:
        paths = frames(trace, given.output, given.format, steps, given.scale)
        show(f"{counted(len(paths), 'picture')}: {paths[0]} … {paths[-1].name}" if len(paths) > 1 else paths[0])
        return paths[0]

    _write(given, write)


def write_gif(given: argparse.Namespace) -> None:
    """Write an animated GIF."""
    from autograd_tiny.stepper.views.sequence import gif

    _write(given, lambda trace, steps: _shown(gif(trace, given.output, given.seconds, steps, given.scale)))


def write_filmstrip(given: argparse.Namespace) -> None:
    """Write all steps below each other in one picture."""
    from autograd_tiny.stepper.views.sequence import filmstrip

    _write(given, lambda trace, steps: _shown(filmstrip(trace, given.output, steps, given.scale)))


def write_slides(given: argparse.Namespace) -> None:
    """Write a page with a slide per step."""
    from autograd_tiny.stepper.views.slides import slides

    _write(given, lambda trace, steps: _shown(slides(trace, given.output, steps, given.scale)))


def write_worksheet(given: argparse.Namespace) -> None:
    """Write a work sheet, or print it."""
    from autograd_tiny.stepper.views.worksheet import worksheet
    from autograd_tiny.stepper.views.worksheet.questions import markdown

    trace = trace_of(given)
    with refusing(given.output or ""):
        if given.output:
            show(worksheet(trace, given.output, given.answers))
        else:
            show(markdown(trace, given.answers))


def _shown(path: Path) -> Path:
    show(path)
    return path


def _write(given: argparse.Namespace, write: Callable[[Trace, list[int]], Path]) -> None:
    from autograd_tiny.stepper.views.sequence import MOST_FRAMES

    trace = trace_of(given)
    with refusing(given.output):
        steps = list(range(len(trace)))
        if given.at is not None:
            stops = trace.breakpoint(given.at)
            steps = [n for n in steps if stops(trace[n])]
            if not steps:
                raise Refused(f"--at {given.at}: none of the {counted(len(trace), 'step')} is such a step")
        if len(steps) > MOST_FRAMES:
            fewer = "choose fewer with --at, such as --at final"
            raise Refused(f"{len(steps):,} steps are too many to show, the limit is {MOST_FRAMES}: {fewer}")
        write(trace, steps)


@contextmanager
def refusing(path: str) -> Iterator[None]:
    """Turn the errors of writing a picture or a page into a Refused."""
    from autograd_tiny.pictures.rendering.render import RenderError
    from autograd_tiny.stepper.breakpoints import BreakpointError

    try:
        yield
    except (ValueError, RenderError, ImportError, BreakpointError) as error:
        raise Refused(error) from None
    except OSError as error:
        raise Refused(f"{error.filename or path}: {error.strerror or error}") from None
