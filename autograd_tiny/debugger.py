"""Step through a trace in the terminal, forwards and back in time, in the manner of pdb."""

from __future__ import annotations

import cmd
import sys
from collections.abc import Callable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from autograd_tiny.breakpoints import GRAMMAR
from autograd_tiny.digits import short
from autograd_tiny.events import Backward, Node, Step
from autograd_tiny.questions import paths, why
from autograd_tiny.sentences import explain_step
from autograd_tiny.show import GRAD, VALUE, print_trace
from autograd_tiny.trace import State, Trace

WINDOW = 40  # rows of the table of values


def debug(trace: Trace, console: Console | None = None) -> None:
    """Ask for commands at a prompt, or print every step where input or output is no terminal."""
    console = console or Console(highlight=False)
    if sys.stdin.isatty() and console.is_terminal:
        Debugger(trace, console).run()
    else:
        print_trace(trace, console)


class Debugger(cmd.Cmd):
    """The prompt; `state` is where we are, and each do_… method a command, its docstring the help."""

    prompt = "(step) "

    def __init__(self, trace: Trace, console: Console) -> None:
        super().__init__()
        self.trace, self.console = trace, console
        self.state: State = trace.at(0)
        self.stops: dict[str, Callable[[Step], bool]] = {}
        self.watched: list[Node] = []
        self.exact = self.predicting = False

    def run(self) -> None:
        """Commands until `q` or the end of input; Ctrl-C gives up the command, not the session."""
        self.say(
            f"{len(self.trace):,} steps over {self.trace.seed:,} values; s steps, z steps back, c continues, ? helps"
        )
        self.show()
        while True:
            try:
                return self.cmdloop()
            except KeyboardInterrupt:
                self.say("")

    # Moving.

    def do_step(self, text: str) -> None:
        """s [n]: n steps on (1)"""
        self.go(self.state.n + self.count(text))

    def do_back(self, text: str) -> None:
        """z [n], back [n]: n steps back in time (1)"""
        self.go(self.state.n - self.count(text))

    def do_next(self, text: str) -> None:
        """n: to the next value, over the rest of this one's contributions"""
        self.over(lambda step: step.node)

    def do_scope(self, text: str) -> None:
        """scope: to the next module, such as layers[1].neurons[0]"""
        self.over(lambda step: (type(step), step.node.scope))

    def do_jump(self, text: str) -> None:
        """j n: to step n"""
        if not text.isdecimal() or not 1 <= int(text) <= len(self.trace):
            self.say(f"jump to which step? A number from 1 to {len(self.trace)}, got {text!r}")
        else:
            self.go(int(text) - 1)

    def do_continue(self, text: str) -> None:
        """c: on to the next breakpoint, or to the end"""
        self.run_on(1)

    def do_reverse(self, text: str) -> None:
        """rc: back to the breakpoint before, or to the start"""
        self.run_on(-1)

    def do_break(self, text: str) -> None:
        """b [what]: stop there, such as: nan, |grad| > 10, node w1, op relu, kink; without what: list them"""
        if text:
            self.stops[text] = self.trace.breakpoint(text)
        for i, stop in enumerate(self.stops, 1):
            self.say(f"{i}  {stop}")
        if not self.stops:
            self.say(f"no breakpoint yet; there is {GRAMMAR}")

    def do_clear(self, text: str) -> None:
        """cl [n]: remove breakpoint n, or all"""
        if not text:
            self.stops.clear()
        elif text.isdecimal() and 1 <= int(text) <= len(self.stops):
            del self.stops[list(self.stops)[int(text) - 1]]
        else:
            self.say(f"there is no breakpoint {text}; b lists them")

    # Looking.

    def do_where(self, text: str) -> None:
        """w: this step again"""
        self.show()

    def do_print(self, text: str) -> None:
        """p name: a value with all its digits"""
        node = self.trace.node(text)
        grad = self.state.grad(node)
        data = repr(node.data) if self.state.known(node) else "–"
        self.say(f"{node.named.title}: data {data}  grad {'–' if grad is None else repr(grad)}")

    def do_why(self, text: str) -> None:
        """why name: every use of a value; their contributions sum to its gradient"""
        node = self.trace.node(text)
        table = Table("through", "upstream", "local", "contribution", box=None)
        uses = why(self.trace, node)
        for use in uses:
            numbers = map(self.digits, (use.upstream, use.local, use.contribution))
            table.add_row(Text(use.node.name), *(Text(x) for x in numbers))
        self.console.print(table)
        total = uses[-1].after if uses else None
        self.say(f"{text}.grad = {'–' if total is None else self.digits(total)} after {len(uses)} uses")

    def do_paths(self, text: str) -> None:
        """paths name [k]: the k paths (5) from the output that count most, and the number of all"""
        name, _, k = text.rpartition(" ") if text.rpartition(" ")[2].isdecimal() and " " in text else (text, "", "5")
        found = paths(self.trace, self.trace.node(name), int(k))
        for path in found.largest:
            self.say(f"{self.digits(path.product):>10}  {' ← '.join(node.name for node in path.nodes)}")
        self.say(f"{found.total:,} paths in all")

    def do_watch(self, text: str) -> None:
        """watch [name]: show its gradient after each command; watch again to stop"""
        if text:
            node = self.trace.node(text)
            self.watched = [v for v in self.watched if v is not node] + [node] * (node not in self.watched)
        self.show_watched()

    def do_values(self, text: str) -> None:
        """values: all values with data and gradient so far"""
        here = self.trace[self.state.n].node.number
        first = max(0, min(here - WINDOW // 2, len(self.trace.nodes) - WINDOW))
        table = Table("", "value", "data", "grad", box=None)
        for node in self.trace.nodes[first : first + WINDOW]:
            grad, mark = self.state.grad(node), "→" if node.number == here else ""
            data = self.digits(node.data) if self.state.known(node) else "–"
            table.add_row(mark, Text(node.named.title), Text(data, VALUE), Text("–" if grad is None else self.digits(grad), GRAD))  # fmt: skip
        self.console.print(table)
        if len(self.trace.nodes) > WINDOW:
            self.say(f"{WINDOW} of {len(self.trace.nodes):,} values, around this step")

    def do_list(self, text: str) -> None:
        """l: the steps around this one"""
        for n in range(max(0, self.state.n - 5), min(len(self.trace), self.state.n + 6)):
            self.say(f"{'→' if n == self.state.n else ' '} {explain_step(self.trace, n).headline}")

    def do_exact(self, text: str) -> None:
        """x: all digits, or four again"""
        self.exact = not self.exact
        self.show()

    def do_predict(self, text: str) -> None:
        """predict: be asked for each contribution before it is shown, or no more"""
        self.predicting = not self.predicting
        self.say(f"predict is {'on' if self.predicting else 'off'}")

    def do_diagnose(self, text: str) -> None:
        """diagnose: what is not finite, dead, saturated, and where it began"""
        from autograd_tiny.diagnose import diagnose

        self.say(str(diagnose(self.trace)))

    def do_quit(self, text: str) -> bool:
        """q: leave"""
        return True

    do_EOF = do_quit
    do_s, do_n, do_j, do_c, do_rc, do_b, do_cl = do_step, do_next, do_jump, do_continue, do_reverse, do_break, do_clear
    do_w, do_p, do_l, do_x, do_q, do_z = do_where, do_print, do_list, do_exact, do_quit, do_back

    # What the commands share.

    def go(self, n: int) -> None:
        forward, n = n > self.state.n, max(0, min(n, len(self.trace) - 1))
        if n == self.state.n:
            self.say("this is the last step" if forward else "this is the first step")
            return
        if self.predicting and forward and isinstance(step := self.trace[n], Backward):
            self.ask(n, step)
        self.state.seek(n)
        self.show()

    def over(self, key: Callable[[Step], object]) -> None:
        n, here = self.state.n + 1, key(self.trace[self.state.n])
        while n < len(self.trace) - 1 and key(self.trace[n]) == here:
            n += 1
        self.go(n)

    def run_on(self, by: int) -> None:
        n = self.state.n + by
        while 0 <= n < len(self.trace) and not any(stop(self.trace[n]) for stop in self.stops.values()):
            n += by
        if not 0 <= n < len(self.trace):
            self.say(f"no breakpoint {'after' if by > 0 else 'before'} this step")
        self.go(n)

    def ask(self, n: int, step: Backward) -> None:
        explained = explain_step(self.trace, n)
        self.say(explained.headline)
        answer = input(f"upstream {self.digits(step.upstream)} × local {self.digits(step.local)} = ? ")
        try:
            right = abs(float(answer) - step.contribution) <= 0.01 * abs(step.contribution) + 1e-12
            self.say("right" if right else f"no: {self.digits(step.contribution)}")
        except ValueError:
            self.say(f"it is {self.digits(step.contribution)}")

    def show(self) -> None:
        explained = explain_step(self.trace, self.state.n, self.exact)
        self.console.print(Text(explained.headline, "bold"))
        for line, style in zip(explained[1:], ("", GRAD, "dim", "italic", "dim"), strict=True):
            if line:
                self.console.print(Text(f"  {line}", style))
        self.show_watched()

    def show_watched(self) -> None:
        for node in self.watched:
            grad = self.state.grad(node)
            self.console.print(Text(f"  watch {node.name}.grad = {'–' if grad is None else self.digits(grad)}", GRAD))

    def digits(self, x: float) -> str:
        return repr(x) if self.exact else short(x)

    def count(self, text: str) -> int:
        if text and not text.isdecimal():
            raise ValueError(f"how many steps? {text!r} is not a whole number")
        return int(text or 1)

    def say(self, text: str) -> None:
        self.console.print(Text(text))

    def onecmd(self, line: str) -> bool:
        """One command; what it refuses is told in one line, and nothing has changed."""
        try:
            return bool(super().onecmd(line))
        except ValueError as error:
            self.say(str(error))
            return False

    def default(self, line: str) -> None:
        self.say(f"{line.split()[0]!r} is no command; ? lists them")

    def do_help(self, text: str) -> None:
        """?: this list"""
        seen: set[object] = set()
        for name in self.get_names():
            method = getattr(type(self), name, None)
            if name.startswith("do_") and method not in seen and method.__doc__:
                seen.add(method)
                self.say(f"  {method.__doc__}")

    def completedefault(self, text: str, line: str, begin: int, end: int) -> list[str]:
        """Names of values that begin as the word does."""
        word = line.split(" ", 1)[1]
        return [node.name[len(word) - len(text) :] for node in self.trace.nodes if node.name.startswith(word)]
