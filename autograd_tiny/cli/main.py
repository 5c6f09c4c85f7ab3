"""The command: ``autograd-tiny step`` prints each step of a gradient, ``autograd-tiny draw`` draws its graph."""

from __future__ import annotations

import argparse
import re
import sys
import traceback
import webbrowser
from collections.abc import Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, NoReturn

from autograd_tiny.cli.process import Ended, Refused, complain, drop_output, ending
from autograd_tiny.cli.userfile import UserFile
from autograd_tiny.engine.expression import ExpressionError, evaluate
from autograd_tiny.engine.extras import needed_by
from autograd_tiny.engine.terminal import clean, new_console, show
from autograd_tiny.engine.value import Value
from autograd_tiny.pictures.options import parsed, rows, sentence

if TYPE_CHECKING:
    from autograd_tiny.stepper.traces import Trace

_FUNCTION = re.compile(r"(.+\.py):(\w+)", re.DOTALL)
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


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        hint = "; put -- before an expression that starts with a minus" if "unrecognized" in message else ""
        raise Refused(f"{message}{hint}")

    def _print_message(self, message: str, file: Any = None) -> None:
        print(message, end="", file=file)  # argparse itself is silent about a full disk


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 when done, 1 for a finding, 2 with a line on standard error, 3 inconclusive."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # a terminal without × or ∂ shows a ?
    try:
        with ending():
            return _run(arguments)
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        drop_output()
        return 141  # as of any program that SIGPIPE ends: a check nobody read has not passed
    except OSError as error:  # those of files and of the user's code have been told
        drop_output()
        complain(f"{error.filename or 'standard output'}: {error.strerror or error}")
        return 2
    except Ended as ended:
        return 128 + ended.number
    except KeyboardInterrupt:
        complain("interrupted")
        return 130
    except Exception as error:  # a fault of ours is no finding: 1 would say so
        print(
            *(clean(line) for line in "".join(traceback.format_exception(error)).splitlines()),
            sep="\n",
            file=sys.stderr,
        )
        return 2


def _run(arguments: Sequence[str] | None) -> int:
    try:
        if sys.stdout is None:
            raise Refused("standard output is closed: there is nowhere to write the answer")
        given = _parser().parse_args(arguments)
        code: int = given.run(given) or 0
    except Refused as refused:
        complain(refused)
        code = 2
    except SystemExit as ended:  # by argparse after --help, and by rich when its reader has left
        if isinstance(ended.__context__, BrokenPipeError):
            raise ended.__context__ from None
        code = int(ended.code or 0)
    if sys.stdout is not None:
        sys.stdout.flush()
    return code


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


# What a command needs is imported before the user's code runs: a rich.py beside the user's file is not ours.


def _diagnose(given: argparse.Namespace) -> int:
    from autograd_tiny.stepper.diagnosis import diagnose

    if given.check:
        try:
            with needed_by("diagnose --check"):
                import autograd_tiny.check.graph  # noqa: F401 - diagnose does
        except ImportError as error:
            raise Refused(error) from None
    found = diagnose(_traced(given), given.check)
    show(found)
    return 1 if found else 0


def _step(given: argparse.Namespace) -> None:
    from autograd_tiny.stepper.views import page, prompt

    if given.open and not given.html:
        raise Refused("--open needs --html FILE, the page to open")
    steps = _traced(given)
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


def _museum(given: argparse.Namespace) -> None:
    from autograd_tiny.stepper.museum import BUGS, exhibit

    if given.target == SHOWN and not given.values:
        given.values = ["a=3"]
    steps = _traced(given)
    show(f"{given.target}   {' '.join(given.values)}".rstrip())
    for bug in BUGS:
        show(f"\n{exhibit(steps, bug)}")


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
        raise Refused(f"--network draws modules, and has no --{next(iter(options))}")
    try:
        y.backward()
        graph = network(y, recording) if given.network else draw(y, recording=recording, **options)
        show(graph.write(given.output))
    except (ValueError, RenderError) as error:
        raise Refused(error) from None
    except OSError as error:
        raise Refused(f"{given.output}: {error.strerror or error}") from None


def _output() -> str:
    from autograd_tiny.pictures.writers.formats import FORMATS

    return "; ".join(f"*{suffix}: {format.what}" for suffix, format in FORMATS.items()) + " (default: %(default)s)"


def _check(given: argparse.Namespace) -> int:
    try:
        from autograd_tiny.check import GradcheckError, Report, gradcheck_property
    except ImportError as error:
        raise Refused(error) from None
    from rich.progress import Progress

    match = _FUNCTION.fullmatch(given.target)
    if not match:
        raise Refused(f"{given.target}: write the file and the function, such as losses.py:softplus")
    domains, file, outcomes = _domains(given.domains), UserFile(match[1]), list[str]()
    screen = new_console(sys.stderr)
    seen = Progress(console=screen, transient=True, disable=not screen.is_terminal)
    bar = seen.add_task("checking", total=given.examples)

    def each(report: Report) -> None:
        outcomes.append(report.outcome)
        seen.advance(bar)

    wrong: Report | None = None
    with file.running():
        f, by_hand = file.function(match[2]), file.function(given.grad) if given.grad else None
        with seen:
            try:
                gradcheck_property(f, by_hand, max_examples=given.examples, each=each, **domains)()
            except GradcheckError as error:
                wrong = error.report
            except (TypeError, ValueError) as error:
                if file.line(error):
                    raise
                raise Refused(f"{given.target}: {error}") from None  # what is asked, and no code of the user's
    if wrong is not None:
        show(wrong)
        if given.draw:
            _draw_report(wrong, given.draw)
        return 1
    if not outcomes:
        raise Refused(f"{given.target} raises at every point that was tried: nothing was checked")
    sure = outcomes.count("correct")
    show(f"{given.target}: {sure} points correct, {len(outcomes) - sure} inconclusive")
    return 0 if sure == len(outcomes) else 3


def _draw_report(report: Any, path: str) -> None:
    from autograd_tiny.pictures.rendering.render import RenderError

    try:
        show(report.draw().write(path))
    except (ValueError, RenderError) as error:
        raise Refused(f"{path} was not drawn: {error}") from None
    except OSError as error:
        raise Refused(f"{path}: {error.strerror or error}") from None


def _domains(pairs: list[str]) -> dict[str, tuple[float, float]]:
    domains: dict[str, tuple[float, float]] = {}
    for pair in pairs:
        name, _, text = pair.partition("=")
        try:
            low, high = map(float, text.split(":"))
        except ValueError:
            raise Refused(f"{pair!r} is not of the form name=low:high, such as x=-10:10") from None
        if name in domains:
            raise Refused(f"{name} has two domains")
        if not low <= high:
            raise Refused(f"{pair}: there is no number between {low:g} and {high:g}")
        domains[name] = low, high
    return domains


def _value(given: argparse.Namespace) -> Value:
    """What was asked for, computed: an expression, or what a function of a file returns."""
    values = _numbers(given.values)
    match = _FUNCTION.fullmatch(given.target)
    if match:
        file = UserFile(match[1])
        with file.running():
            return file.returned(match[2], values)
    if given.target.endswith(".py"):
        raise Refused(f"{given.target}: which function? Write {given.target}:loss")
    try:
        return evaluate(given.target, values)
    except ExpressionError as error:
        raise Refused(error) from None


def _numbers(pairs: list[str]) -> dict[str, float]:
    values: dict[str, float] = {}
    for pair in pairs:
        name, sign, text = pair.partition("=")
        if not sign:
            raise Refused(f"{pair!r} is not of the form name=value")
        if name in values:
            raise Refused(f"{name} has two values, {values[name]:g} and {text}")
        try:
            values[name] = float(text)
        except ValueError:
            raise Refused(f"{pair}: {text!r} is not a number") from None
    return values
