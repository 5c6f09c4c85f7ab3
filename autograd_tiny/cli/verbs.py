"""The verbs of the command, one row each: the parser, the metavar, the help and the examples are made from them."""

from __future__ import annotations

import argparse
import importlib
import sys
import webbrowser
from collections.abc import Callable
from typing import Any, NamedTuple

from autograd_tiny.cli import exercising, learning
from autograd_tiny.cli.numbers import part, positive, whole
from autograd_tiny.cli.process import Refused
from autograd_tiny.cli.target import domains, function_in_file, recorded_value, trace_of
from autograd_tiny.cli.teaching import write_filmstrip, write_frames, write_gif, write_slides, write_worksheet
from autograd_tiny.engine.digits import counted
from autograd_tiny.engine.extras import needed_by
from autograd_tiny.engine.terminal import new_console, show
from autograd_tiny.pictures.options import parsed, rows, sentence

MUSEUM_EXPRESSION, MUSEUM_VALUES = "b = a * a; b * (b + a)", ["a=3"]  # small, and shows every bug of the museum


class Argument(NamedTuple):
    """Arguments of a call of argparse's `add_argument`."""

    names: tuple[str, ...]
    settings: dict[str, Any]


class Verb(NamedTuple):
    """Verb of the command; `run` returns the exit code, None for 0; `arguments` are made for the verb that is run."""

    name: str
    help: str
    run: Callable[[argparse.Namespace], int | None]
    arguments: Callable[[], tuple[Argument, ...]] = tuple
    examples: tuple[str, ...] = ()


def table() -> tuple[Verb, ...]:
    """List the verbs in the order of the help; a new verb is a row here, and a function below."""
    return (
        Verb(
            "step", "step through the forward and backward pass, in the terminal or as a page", _step,
            lambda: (
                _argument("--html", metavar="FILE", help="write a page that steps forwards and back in any browser"),
                _argument("--open", action="store_true", help="open that page in the browser"),
                *_target(),
            ),
            (
                'step "tanh(x1*w1 + x2*w2 + b)" x1=2 x2=0 w1=-3 w2=1 b=6.88',
                'step "b = a + a; b * b" a=3',
                "step train.py:loss",
                "step train.py:loss --html loss.html --open",
            ),
        ),
        Verb(
            "live", "write a page on which each number can be moved, and data and gradients follow", _live,
            lambda: (
                _argument("-o", "--output", default="live.html", metavar="FILE", help="(default: %(default)s)"),
                _argument("--open", action="store_true", help="open the page in the browser"),
                *_target(),
            ),
            ('live "b = a + a; b + b" a=1 --open',),
        ),
        Verb(
            "draw", "write the graph, with values and gradients, as a picture", _draw,
            lambda: (
                _argument("-o", "--output", default="graph.svg", metavar="FILE", help=_formats()),
                *(_argument(f"--{name}", metavar=flag, help=sentence(name)) for name, flag in _picture_flags().items()),
                _argument("--network", action="store_true", help="draw modules as circles, weights as lines"),
                *_target(),
            ),
            (
                'draw "a*b + tanh(a)" a=1 b=2 -o graph.png',
                "draw train.py:loss --focus w1 --show data,grad,local",
            ),
        ),
        Verb(
            "check", "check the gradient of a function over a domain; exit code 1: wrong, 3: inconclusive", _check,
            lambda: (
                _argument("target", help="a function of a file: losses.py:softplus"),
                _argument("domains", nargs="+", metavar="name=low:high", help="interval of each argument"),
                _argument("--grad", help="the function of the file for its derivative (default: f runs on Values)"),
                _argument("--examples", type=int, default=400, help="number of points to try (default: %(default)s)"),
                _argument("--draw", metavar="FILE", help="if wrong, draw the graph with the node to blame marked"),
                _argument("--prove", action="store_true", help="prove it on all of the domain, with python-flint"),
                _argument("--tol", type=float, default=1e-9, help="error allowed to --prove (default: %(default)s)"),
            ),
            (
                "check losses.py:softplus x=-700:700 --grad softplus_grad",
                "check losses.py:softplus x=-10:10 --grad softplus_grad --prove",
            ),
        ),
        Verb(
            "conformance", "check named properties of an engine, a line each; exit code 1: one fails", _conformance,
            lambda: (
                _argument("target", help="a class like micrograd's Value: micrograd.engine:Value, engine.py:Value"),
                _argument("--json", action="store_true", help="print the table as JSON"),
            ),
            ("conformance micrograd.engine:Value",),
        ),
        Verb(
            "diagnose", "find where a nan or inf begins, and dead or saturated units; exit code 1: found", _diagnose,
            lambda: (
                _argument("--check", action="store_true", help="also compare each local derivative with the exact one"),
                *_target(),
            ),
            ("diagnose train.py:loss",),
        ),
        Verb(
            "museum", "show four wrong backward passes, each beside the right one", _museum,
            lambda: _target(nargs="?", default=MUSEUM_EXPRESSION),
        ),
        Verb(
            "train", "train a network on a CSV file, keep it, and report how well it predicts", learning.train,
            lambda: (
                _argument("data", help=f"a CSV file with a header, - for standard input, or a set: {_sets()}"),
                _argument("--target", metavar="COLUMN", help="the column to predict; a set has its own"),
                _argument("-o", "--output", metavar="FILE", help="the model (default: named as the data)"),
                _argument("--task", choices=("classification", "regression"), help="(default: as the values look)"),
                _option("--layers", "SIZES", "16,16", "sizes of the hidden layers, or none"),
                _option("--activation", "OP", "relu", "relu, tanh, sigmoid, …"),
                _option("--epochs", "N", 100, "passes over the data", type=whole(1)),
                _option("--batch", "N", 32, "rows for each step", type=whole(1)),
                _option("--optimizer", "NAME", "adam", "sgd, momentum, adam, adamw, rmsprop, lion, …"),
                _argument("--lr", type=positive, metavar="RATE", help="step size (default: 0.01 for most)"),
                _option("--validation", "PART", 0.2, "part of the rows kept aside to judge the model on", type=part),
                _option("--seed", "N", 0, "fixes all that is random", type=whole(0)),
                _argument(
                    "--drop", action="append", default=[], metavar="COLUMN",
                    help="a column to leave out; once more for each other one",
                ),
                _argument("--drop-missing", action="store_true", help="leave out rows with missing values"),
                _argument("--checkpoint", metavar="FILE", help="keep the training, and go on from it if it is there"),
                _argument("--html", metavar="FILE", help="write the report as a page, with pictures"),
            ),
            (
                "train moons",
                "train data.csv --target species",
                "train data.csv --target price --layers 32,32 --epochs 200 --drop id -o price.safetensors",
            ),
        ),
        Verb(
            "predict", "predict the rows of a CSV file with a model that train wrote; prints CSV", learning.predict,
            lambda: (
                _argument("model", help="a file that train wrote"),
                _argument("data", help="a CSV file with the columns of the training, - for standard input, or a set"),
                _argument("--probabilities", action="store_true", help="add the probability of each class"),
                _argument("--drop-missing", action="store_true", help="predict nothing for rows with missing values"),
                _argument("-o", "--output", metavar="FILE", help="write the CSV there (default: standard output)"),
            ),
            ("predict data.safetensors new.csv",),
        ),
        Verb(
            "evaluate", "report how well a model predicts a CSV file that has the answers", learning.evaluate,
            lambda: (
                _argument("model", help="a file that train wrote"),
                _argument("data", help="a CSV file that has the target too, - for standard input, or a set"),
                _argument("--drop-missing", action="store_true", help="leave out rows with missing values"),
                _argument("--html", metavar="FILE", help="write the report as a page, with pictures"),
            ),
            ("evaluate data.safetensors data.csv",),
        ),
        Verb(
            "slides", "write a page with a slide for each step, for a projector and a clicker", write_slides,
            lambda: (*_pictures("slides.html", "the page; printed, each slide has a page"), *_target()),
            ('slides "b = a + a; c = b + b" a=1',),
        ),
        Verb(
            "frames", "write a picture for each step into a folder", write_frames,
            lambda: (
                *_pictures("frames", "the folder"),
                _option("--format", "FORMAT", "svg", "svg, png or another of Graphviz"),
                *_target(),
            ),
        ),
        Verb(
            "gif", "write an animated GIF of the steps", write_gif,
            lambda: (
                *_pictures("steps.gif", "the GIF"),
                _option("--seconds", "S", 1.2, "time of each step"),
                *_target(),
            ),
        ),
        Verb(
            "filmstrip", "write all steps below each other in one picture", write_filmstrip,
            lambda: (*_pictures("steps.svg", "the picture, an SVG"), *_target()),
        ),
        Verb(
            "worksheet", "print a work sheet: forward and backward pass with blanks to fill in", write_worksheet,
            lambda: (
                _argument("-o", "--output", metavar="FILE", help="write it as a page to print, .html, or as .md"),
                _argument("--answers", action="store_true", help="add the answers, on a page of their own"),
                *_target(),
            ),
            ('worksheet "b = a + a; c = b + b" a=1 -o sheet.html --answers',),
        ),
        Verb(
            "exercise", "list the exercises, write one to fill in, or check it; exit code 1: not right yet",
            exercising.exercise,
            lambda: (
                _argument("number", nargs="?", help="which exercise"),
                _argument("file", nargs="?", help="the file with your answer, to check"),
                _argument("-o", "--output", metavar="FILE", help="write the exercise into a new file"),
            ),
            ("exercise 3 -o three.py", "exercise 3 three.py"),
        ),
        Verb(
            "answer", "print the key of an exercise", exercising.answer,
            lambda: (_argument("number", help="which exercise"),),
        ),
        Verb("doctor", "show what draws pictures here and what is missing; exit code 1: nothing draws", _doctor),
    )  # fmt: skip


def _argument(*names: str, **settings: Any) -> Argument:
    return Argument(names, settings)


def _target(**settings: Any) -> tuple[Argument, ...]:
    what = "an expression, such as 'a*b + tanh(a)', or a function of a file that returns a Value: train.py:loss"
    return (
        _argument("target", help=what, **settings),
        _argument("values", nargs="*", metavar="name=value", help="a number for each name or argument: x=2, x=pi/2"),
    )


def _pictures(path: str, what: str) -> tuple[Argument, ...]:
    return (
        _argument("-o", "--output", default=path, metavar="PATH", help=f"{what} (default: %(default)s)"),
        _option("--scale", "TIMES", 1.0, "times the usual size, 0.1 to 10"),
        _argument("--at", metavar="BREAKPOINT", help="only the steps where it stops: final, 'node w1', '|grad| > 1'"),
    )


def _option(name: str, metavar: str, default: Any, what: str, **settings: Any) -> Argument:
    settings = {"type": type(default), **settings}
    return _argument(name, metavar=metavar, default=default, help=f"{what} (default: %(default)s)", **settings)


def _sets() -> str:
    from autograd_tiny.data.sets import SETS

    return ", ".join(SETS)


def _formats() -> str:
    from autograd_tiny.pictures.writers.formats import FORMATS

    return "; ".join(f"*{suffix}: {format.what}" for suffix, format in FORMATS.items()) + " (default: %(default)s)"


def _picture_flags() -> dict[str, str]:
    return {name: option.flag for name, (_, option) in rows().items() if option.flag}


# A verb imports what it needs before the user's code runs, so that a rich.py beside the user's file is not taken.


def _step(given: argparse.Namespace) -> None:
    from autograd_tiny.stepper.views import page, prompt

    if given.open and not given.html:
        raise Refused("--open needs --html FILE, the page to open")
    steps = trace_of(given)
    if not given.html:
        prompt.debug(steps)
        return
    try:
        path = page.write_page(steps, given.html)
    except ValueError as error:
        raise Refused(error) from None
    except OSError as error:
        raise Refused(f"{given.html}: {error.strerror or error}") from None
    show(path)
    if given.open:
        webbrowser.open(path.resolve().as_uri())


def _live(given: argparse.Namespace) -> None:
    from autograd_tiny.live.pages import page_of

    y, recording = recorded_value(given)
    try:
        path = page_of(y, recording=recording).write(given.output)
    except ValueError as error:
        raise Refused(error) from None
    except OSError as error:
        raise Refused(f"{given.output}: {error.strerror or error}") from None
    show(path)
    if given.open:
        webbrowser.open(path.resolve().as_uri())


def _draw(given: argparse.Namespace) -> None:
    from autograd_tiny.pictures import network
    from autograd_tiny.pictures.drawing import draw
    from autograd_tiny.pictures.rendering.render import RenderError

    y, recording = recorded_value(given)
    texts = {name: getattr(given, name) for name in _picture_flags()}
    options: Any = {name: parsed(name, text) for name, text in texts.items() if text is not None}
    if given.network and options:
        raise Refused(f"--network draws modules and takes no --{next(iter(options))}: leave one of them out")
    try:
        y.backward()
        graph = network(y, recording) if given.network else draw(y, recording=recording, **options)
        show(graph.write(given.output))
    except (ValueError, RenderError) as error:
        raise Refused(error) from None
    except OSError as error:
        raise Refused(f"{given.output}: {error.strerror or error}") from None


def _check(given: argparse.Namespace) -> int:
    if given.prove:
        return _prove(given)
    try:
        from autograd_tiny.check import GradcheckError, Report, gradcheck_property
        from autograd_tiny.check.functions import needed_domains
    except ImportError as error:
        raise Refused(error) from None
    from rich.progress import Progress

    file, name = function_in_file(given.target)
    intervals, outcomes = domains(given.domains), list[str]()
    screen = new_console(sys.stderr)
    seen = Progress(console=screen, transient=True, disable=not screen.is_terminal)
    bar = seen.add_task("checking", total=given.examples)

    def each(report: Report) -> None:
        outcomes.append(report.outcome)
        seen.advance(bar)

    wrong: Report | None = None
    with file.running():
        f, by_hand = file.function(name), file.function(given.grad) if given.grad else None
        if missing := [argument for argument in needed_domains(f) if argument not in intervals]:
            raise Refused(f"{given.target} needs a domain for {missing[0]}: {missing[0]}=-10:10")
        with seen:
            try:
                gradcheck_property(f, by_hand, max_examples=given.examples, each=each, **intervals)()
            except GradcheckError as error:
                wrong = error.report if error.report.outcome == "wrong" else None
            except (TypeError, ValueError) as error:
                if file.line(error):
                    raise
                raise Refused(f"{given.target}: {error}") from None  # about the request, not raised by the user's code
    if wrong is not None:
        show(wrong)
        if given.draw:
            _draw_report(wrong, given.draw)
        return 1
    if not outcomes:
        raise Refused(f"{given.target} raises at all points tried: nothing was checked; give another domain")
    sure = outcomes.count("correct")
    show(f"{given.target}: {counted(sure, 'point')} correct, {len(outcomes) - sure} inconclusive")
    return 0 if sure == len(outcomes) else 3


def _prove(given: argparse.Namespace) -> int:
    try:
        from autograd_tiny.check import prove
        from autograd_tiny.check.functions import needed_domains
    except ImportError as error:
        raise Refused(error) from None

    file, name = function_in_file(given.target)
    intervals = domains(given.domains)
    with file.running():
        f, by_hand = file.function(name), file.function(given.grad) if given.grad else None
        names = needed_domains(f)
        if missing := [argument for argument in names if argument not in intervals]:
            raise Refused(f"{given.target} needs a domain for {missing[0]}: {missing[0]}=-10:10")
        if unknown := [argument for argument in intervals if argument not in names]:
            raise Refused(f"{given.target} has no argument {unknown[0]}; it has {', '.join(names)}")
        try:
            proof = prove(f, by_hand, tuple(intervals[argument] for argument in names), given.tol)
        except (ImportError, TypeError, ValueError) as error:
            if file.line(error):
                raise
            raise Refused(f"{given.target}: {error}") from None
    show(proof)
    return {"proven": 0, "wrong": 1}.get(proof.outcome, 3)


def _conformance(given: argparse.Namespace) -> int:
    try:
        from autograd_tiny.check import MicrogradLike, conformance
    except ImportError as error:
        raise Refused(error) from None

    module, _, name = given.target.rpartition(":")
    if module.endswith(".py"):
        file, name = function_in_file(given.target)
        with file.running():
            table = conformance(MicrogradLike(file.function(name)))
    else:
        if not module or not name.isidentifier():
            raise Refused(f"{given.target}: write module and class, such as micrograd.engine:Value")
        sys.path.insert(0, "")
        try:
            value = getattr(importlib.import_module(module), name)
        except (ImportError, AttributeError) as error:
            raise Refused(f"{given.target}: {error}") from None
        table = conformance(MicrogradLike(value))
    show(table.to_json() if given.json else table)
    return 1 if table.failed else 0


def _draw_report(report: Any, path: str) -> None:
    from autograd_tiny.pictures.rendering.render import RenderError

    try:
        show(report.draw().write(path))
    except (ValueError, RenderError) as error:
        raise Refused(f"{path} was not drawn: {error}") from None
    except OSError as error:
        raise Refused(f"{path}: {error.strerror or error}") from None


def _diagnose(given: argparse.Namespace) -> int:
    from autograd_tiny.stepper.diagnosis import diagnose

    if given.check:
        try:
            with needed_by("diagnose --check"):
                import autograd_tiny.check.graph  # noqa: F401 - diagnose imports it
        except ImportError as error:
            raise Refused(error) from None
    found = diagnose(trace_of(given), check=given.check)
    show(found)
    return 1 if found else 0


def _museum(given: argparse.Namespace) -> None:
    from autograd_tiny.stepper.museum import BUGS, exhibit

    if given.target == MUSEUM_EXPRESSION and not given.values:
        given.values = MUSEUM_VALUES
    steps = trace_of(given)
    show(f"{given.target}   {' '.join(given.values)}".rstrip())
    for bug in BUGS:
        show(f"\n{exhibit(steps, bug)}")


def _doctor(given: argparse.Namespace) -> int:
    from autograd_tiny.pictures.doctor import doctor

    return 0 if doctor() else 1
