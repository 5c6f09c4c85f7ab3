"""The command: ``autograd-tiny step`` prints each step of a gradient, ``autograd-tiny draw`` draws its graph."""

from __future__ import annotations

import argparse
import importlib.util
import inspect
import os
import re
import sys
import webbrowser
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from autograd_tiny.engine.expression import ExpressionError, evaluate
from autograd_tiny.engine.value import Value
from autograd_tiny.pictures.options import parsed, rows, sentence

if TYPE_CHECKING:
    from autograd_tiny.stepper.traces import Trace

_FUNCTION = re.compile(r"(.+\.py):(\w+)")
TARGET = "an expression, such as 'a*b + tanh(a)', or a function of a file that returns a Value: train.py:loss"
SHOWN = "b = a * a; b * (b + a)"  # small, and every bug of the museum shows
EXAMPLES = """examples:
  autograd-tiny step "tanh(x1*w1 + x2*w2 + b)" x1=2 x2=0 w1=-3 w2=1 b=6.88
  autograd-tiny step "b = a + a; b * b" a=3
  autograd-tiny step train.py:loss
  autograd-tiny step train.py:loss --html loss.html --open
  autograd-tiny diagnose train.py:loss
  autograd-tiny draw "a*b + tanh(a)" a=1 b=2 -o graph.png
  autograd-tiny draw train.py:loss --focus w1 --show data,grad,local
  autograd-tiny check losses.py:softplus x=-700:700 --grad softplus_grad
"""


class _Refused(Exception):
    """What was asked for cannot be done: one line, exit code 2."""


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        hint = "; put -- before an expression that starts with a minus" if "unrecognized" in message else ""
        self.exit(2, f"autograd-tiny: {message}{hint}\n")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when done, 2 with one line on standard error when it cannot be."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without × or ∂ shows a ?
    try:
        given = _parser().parse_args(arguments)
        code: int = given.run(given) or 0
        sys.stdout.flush()
        return code
    except _Refused as refused:
        print(f"autograd-tiny: {' '.join(str(refused).split())}", file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def _parser() -> argparse.ArgumentParser:
    form = argparse.RawDescriptionHelpFormatter
    parser = _Parser(prog="autograd-tiny", description=__doc__, epilog=EXAMPLES, formatter_class=form)
    parser.add_argument("--version", action="version", version=f"autograd-tiny {version('autograd-tiny')}")
    commands = parser.add_subparsers(required=True, metavar="step | draw | check | diagnose | museum | doctor")
    step = commands.add_parser("step", help="step through the forward and backward pass, in the terminal or as a page")
    step.add_argument(
        "--html", metavar="FILE", help="write a page that steps forwards and back, one file for any browser"
    )
    step.add_argument("--open", action="store_true", help="open that page in the browser")
    step.set_defaults(run=_step)
    draw = commands.add_parser("draw", help="write the graph, with values and gradients, as a picture")
    draw.add_argument("-o", "--output", default="graph.svg", metavar="FILE", help=_output())
    for name, (_, option) in rows().items():
        if option.flag:
            draw.add_argument(f"--{name}", metavar=option.flag, help=sentence(name))
    draw.add_argument("--network", action="store_true", help="modules as circles and weights as lines instead")
    draw.set_defaults(run=_draw)
    check = commands.add_parser(
        "check", help="check the gradient of a function over a domain; 1: wrong, 3: inconclusive"
    )
    check.add_argument("target", help="a function of a file: losses.py:softplus")
    check.add_argument("domains", nargs="+", metavar="name=low:high", help="where each argument may lie")
    check.add_argument("--grad", help="the function of the file that gives its derivative (default: f runs on Values)")
    check.add_argument("--examples", type=int, default=400, help="how many points to try (default: %(default)s)")
    check.add_argument("--draw", metavar="FILE", help="where wrong, draw the graph with the node to blame marked")
    check.set_defaults(run=_check)
    museum = commands.add_parser("museum", help="four wrong backward passes, each beside the right one")
    museum.set_defaults(run=_museum)
    diagnose = commands.add_parser(
        "diagnose", help="where a nan or inf begins, dead and saturated units; 1: something was found"
    )
    diagnose.add_argument("--check", action="store_true", help="also compare every local derivative with the exact one")
    diagnose.set_defaults(run=_diagnose)
    doctor = commands.add_parser("doctor", help="what draws pictures here and what is missing; 1: nothing draws")
    doctor.set_defaults(run=_doctor)
    for command in (step, draw, museum, diagnose):
        shown: dict[str, Any] = {"nargs": "?", "default": SHOWN} if command is museum else {}
        command.add_argument("target", help=TARGET, **shown)
        command.add_argument("values", nargs="*", metavar="name=value", help="a number for each name, or for arguments")
    return parser


def _traced(given: argparse.Namespace) -> Trace:
    from autograd_tiny.engine.provenance import tracing
    from autograd_tiny.stepper.traces import trace

    with tracing() as recording:
        y = _value(given)
    return trace(y, recording if _FUNCTION.fullmatch(given.target) else None)  # an expression has no source lines


def _diagnose(given: argparse.Namespace) -> int:
    from autograd_tiny.stepper.diagnosis import diagnose

    try:
        found = diagnose(_traced(given), given.check)
    except ImportError as error:
        raise _Refused(error) from None
    print(found)
    return 1 if found else 0


def _step(given: argparse.Namespace) -> None:
    steps = _traced(given)
    if given.open and not given.html:
        raise _Refused("--open needs --html FILE, the page to open")
    if not given.html:
        steps.debug()
        return
    try:
        path = steps.html(given.html)
    except ValueError as error:
        raise _Refused(error) from None
    except OSError as error:
        raise _Refused(f"{given.html}: {error.strerror or error}") from None
    print(path)
    if given.open:
        webbrowser.open(path.resolve().as_uri())


def _museum(given: argparse.Namespace) -> None:
    from autograd_tiny.stepper.museum import BUGS, exhibit

    if given.target == SHOWN and not given.values:
        given.values = ["a=3"]
    steps = _traced(given)
    print(f"{given.target}   {' '.join(given.values)}".rstrip())
    for bug in BUGS:
        print(f"\n{exhibit(steps, bug)}")


def _doctor(given: argparse.Namespace) -> int:
    from autograd_tiny.pictures.doctor import doctor

    return 0 if doctor() else 1


def _draw(given: argparse.Namespace) -> None:
    from autograd_tiny.engine.provenance import tracing
    from autograd_tiny.pictures import network
    from autograd_tiny.pictures.drawing import draw
    from autograd_tiny.pictures.rendering.render import RenderError

    with tracing() as recording:
        y = _value(given)
    texts = {name: getattr(given, name) for name, (_, option) in rows().items() if option.flag}
    options: Any = {name: parsed(name, text) for name, text in texts.items() if text is not None}
    if given.network and options:
        raise _Refused(f"--network draws modules, and has no --{next(iter(options))}")
    try:
        y.backward()
        graph = network(y, recording) if given.network else draw(y, recording=recording, **options)
        print(graph.write(given.output))
    except (ValueError, RenderError) as error:
        raise _Refused(error) from None
    except OSError as error:
        raise _Refused(f"{given.output}: {error.strerror or error}") from None


def _output() -> str:
    from autograd_tiny.pictures.writers.formats import FORMATS

    return "; ".join(f"*{suffix}: {format.what}" for suffix, format in FORMATS.items()) + " (default: %(default)s)"


def _check(given: argparse.Namespace) -> int:
    try:
        from autograd_tiny.check import GradcheckError, Report, gradcheck_property
    except ImportError as error:
        raise _Refused(error) from None
    from rich.console import Console
    from rich.progress import Progress

    match = _FUNCTION.fullmatch(given.target)
    if not match:
        raise _Refused(f"{given.target}: write the file and the function, such as losses.py:softplus")
    path = Path(match[1])
    module = _loaded(path)
    f, by_hand = _function(path, module, match[2]), _function(path, module, given.grad) if given.grad else None
    outcomes: list[str] = []
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("checking", total=given.examples)

        def each(report: Report) -> None:
            outcomes.append(report.outcome)
            progress.advance(bar)

        try:
            gradcheck_property(f, by_hand, max_examples=given.examples, each=each, **_domains(given.domains))()
        except GradcheckError as wrong:
            progress.stop()
            print(wrong)
            if given.draw:
                _draw_report(wrong.report, given.draw)
            return 1
        except (TypeError, ValueError) as error:
            raise _Refused(f"{path}:{match[2]}: {error}") from None
    sure = outcomes.count("correct")
    print(f"{given.target}: {sure} points correct, {len(outcomes) - sure} inconclusive")
    return 0 if sure and sure == len(outcomes) else 3


def _draw_report(report: Any, path: str) -> None:
    from autograd_tiny.pictures.rendering.render import RenderError

    try:
        print(report.draw().write(path))
    except (ValueError, RenderError) as error:
        raise _Refused(f"{path} was not drawn: {error}") from None
    except OSError as error:
        raise _Refused(f"{path}: {error.strerror or error}") from None


def _domains(pairs: list[str]) -> dict[str, tuple[float, float]]:
    domains: dict[str, tuple[float, float]] = {}
    for pair in pairs:
        name, _, text = pair.partition("=")
        try:
            low, high = map(float, text.split(":"))
        except ValueError:
            raise _Refused(f"{pair!r} is not of the form name=low:high, such as x=-10:10") from None
        if name in domains:
            raise _Refused(f"{name} has two domains")
        if not low <= high:
            raise _Refused(f"{pair}: there is no number between {low:g} and {high:g}")
        domains[name] = low, high
    return domains


def _value(given: argparse.Namespace) -> Value:
    """What was asked for, computed: an expression, or what a function of a file returns."""
    values = _numbers(given.values)
    match = _FUNCTION.fullmatch(given.target)
    if match:
        return _returned(Path(match[1]), match[2], values)
    if given.target.endswith(".py"):
        raise _Refused(f"{given.target}: which function? Write {given.target}:loss")
    try:
        return evaluate(given.target, values)
    except ExpressionError as error:
        raise _Refused(error) from None


def _numbers(pairs: list[str]) -> dict[str, float]:
    values: dict[str, float] = {}
    for pair in pairs:
        name, sign, text = pair.partition("=")
        if not sign:
            raise _Refused(f"{pair!r} is not of the form name=value")
        if name in values:
            raise _Refused(f"{name} has two values, {values[name]:g} and {text}")
        try:
            values[name] = float(text)
        except ValueError:
            raise _Refused(f"{pair}: {text!r} is not a number") from None
    return values


def _loaded(path: Path) -> Any:
    """The module of a file, run as `python train.py` runs it, but for its __main__ part."""
    if not path.is_file():
        raise _Refused(f"{path}: there is no such file")
    sys.path.insert(0, str(path.parent.resolve()))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules.setdefault(path.stem, module)
    _call(path, spec.loader.exec_module, module)
    return module


def _function(path: Path, module: Any, name: str) -> Any:
    f = getattr(module, name, None)
    if not callable(f):
        functions = [n for n, item in vars(module).items() if inspect.isfunction(item) and item.__module__ == path.stem]
        raise _Refused(f"{path} has no function {name}; it has {', '.join(functions) or 'none'}")
    return f


def _returned(path: Path, name: str, values: dict[str, float]) -> Value:
    f = _function(path, _loaded(path), name)
    try:
        inspect.signature(f).bind(**values)
    except TypeError as error:
        raise _Refused(f"{path}:{name}{inspect.signature(f)}: {error}; give numbers as name=value") from None
    y = _call(path, f, **{argument: Value(x, argument) for argument, x in values.items()})
    if not isinstance(y, Value):
        raise _Refused(f"{path}:{name} returned {y!r:.60} of type {type(y).__name__}: expected a Value")
    return y


def _call(path: Path, f: Any, *args: Any, **kwargs: Any) -> Any:
    """Run the user's code; what it raises is told in one line, with the last of the user's own lines."""
    try:
        return f(*args, **kwargs)
    except Exception as error:  # the user's own code: whatever it raises
        line, frame = "", error.__traceback__
        while frame is not None:
            if Path(frame.tb_frame.f_code.co_filename) == path.resolve() or frame.tb_frame.f_code.co_filename == str(
                path
            ):
                line = f":{frame.tb_lineno}"
            frame = frame.tb_next
        if isinstance(error, SyntaxError):
            line = f":{error.lineno}"
        raise _Refused(f"{path}{line}: {type(error).__name__}: {error}") from None
