"""The command ``autograd-tiny``: its parser, made from the table of verbs, and its exit codes."""

from __future__ import annotations

import argparse
import re
import sys
import traceback
from collections.abc import Sequence
from typing import Any, NoReturn

from autograd_tiny import __version__
from autograd_tiny.cli.process import Ended, Refused, complain, drop_output, ending
from autograd_tiny.cli.verbs import table
from autograd_tiny.engine.terminal import clean

DESCRIPTION = "See each step of a gradient, draw its graph, check it, and train a network on a table."


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        hint = "; put -- before an expression that starts with a minus" if "unrecognized" in message else ""
        if "unrecognized" in message and "step" in sys.argv[1:2] and re.search(r" (-o|--output)\b", message):
            hint = "; to write a page: step --html FILE, to write the graph: draw -o FILE"
        raise Refused(f"{message}{hint}")

    def _print_message(self, message: str, file: Any = None) -> None:
        print(message, end="", file=file)  # argparse itself ignores a full disk


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; return 0 if done, 1 for a finding, 2 after a line on standard error, 3 if inconclusive."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # show ? on a terminal without × or ∂
    try:
        with ending():
            return _run(arguments)
    except BrokenPipeError:  # the reader, such as `head`, has closed the pipe
        drop_output()
        return 141  # the code of a program ended by SIGPIPE: a check nobody read has not passed
    except OSError as error:  # errors of files and of the user's code are Refused by now
        drop_output()
        complain(f"{error.filename or 'standard output'}: {error.strerror or error}")
        return 2
    except Ended as ended:
        return 128 + ended.number
    except KeyboardInterrupt:
        complain("interrupted")
        return 130
    except Exception as error:  # a bug in this package is not a finding, so not 1
        print(
            *(clean(line) for line in "".join(traceback.format_exception(error)).splitlines()),
            sep="\n",
            file=sys.stderr,
        )
        return 2


def _run(arguments: Sequence[str] | None) -> int:
    try:
        if sys.stdout is None:
            raise Refused("standard output is closed: the answer cannot be written")
        given = _parser(sys.argv[1:] if arguments is None else arguments).parse_args(arguments)
        code: int = given.run(given) or 0
    except Refused as refused:
        complain(refused)
        code = 2
    except SystemExit as ended:  # argparse raises it after --help, rich when the pipe is closed
        if isinstance(ended.__context__, BrokenPipeError):
            raise ended.__context__ from None
        code = int(ended.code or 0)
    if sys.stdout is not None:
        sys.stdout.flush()
    return code


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    """Make the parser of all verbs, with the arguments of those that are named."""
    verbs = table()
    parser = _Parser(
        prog="autograd-tiny",
        description=DESCRIPTION,
        epilog="\n".join(["examples:", *(f"  autograd-tiny {line}" for verb in verbs for line in verb.examples)]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"autograd-tiny {__version__}")
    commands = parser.add_subparsers(required=True, metavar=" | ".join(verb.name for verb in verbs))
    for verb in verbs:
        command = commands.add_parser(verb.name, help=verb.help)
        command.set_defaults(run=verb.run)
        for argument in verb.arguments() if verb.name in arguments else ():
            command.add_argument(*argument.names, **argument.settings)
    return parser
