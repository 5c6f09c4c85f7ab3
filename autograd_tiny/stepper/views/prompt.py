"""Step through a trace at a prompt like pdb's, forwards and back in time."""

from __future__ import annotations

import cmd
import math
import sys
from collections.abc import Callable, Sequence
from itertools import takewhile

from rich import box
from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from autograd_tiny.engine.digits import counted, short
from autograd_tiny.engine.terminal import clean, new_console
from autograd_tiny.engine.value import Value
from autograd_tiny.stepper import attribution
from autograd_tiny.stepper.breakpoints import BreakpointError, near
from autograd_tiny.stepper.diagnosis import diagnose
from autograd_tiny.stepper.events import Backward, Forward, Node, Step
from autograd_tiny.stepper.narration import explain_step
from autograd_tiny.stepper.traces import Trace, as_trace
from autograd_tiny.stepper.views.terminal import GRAD, VALUE, print_trace

AROUND, WINDOW, PASSED = 5, 40, 8  # steps on either side in `list`; rows of a table; steps listed by `next`
STYLES = {"data": VALUE, "grad": GRAD, "upstream": GRAD, "contribution": GRAD, "product": GRAD, "step": "dim"}


def debug(trace: Trace | Value, console: Console | None = None) -> None:
    """Step through a trace at a prompt; print every step if input or output is not a terminal.

    >>> from autograd_tiny import Value
    >>> from autograd_tiny.stepper.traces import trace
    >>> import io
    >>> seen = io.StringIO()
    >>> debug(trace(Value(2.0, "a") * 3.0), Console(file=seen, width=80))
    >>> print(seen.getvalue().splitlines()[-1])
      4    a += 1 × 3 = 3  grad – → 3  use 1 of 1, final

    The letters are those of pdb; `help` lists the commands, and an empty line repeats the last one.
    """
    trace = as_trace(trace, "debug")
    console = console or new_console()
    typed = sys.stdin is not None and not sys.stdin.closed and sys.stdin.isatty()
    if not (typed and console.file.isatty()):  # rich's is_terminal is true under FORCE_COLOR
        print_trace(trace, console)
        return
    prompt = Prompt(trace, console)
    while True:
        try:
            prompt.cmdloop()
            return
        except KeyboardInterrupt:
            console.print()
            prompt.say("q ends", "dim")


class Prompt(cmd.Cmd):
    """The commands and their state: the current step, breakpoints, watched values."""

    def __init__(self, trace: Trace, console: Console) -> None:
        super().__init__()
        self.trace, self.console, self.state = trace, console, trace.at(0)
        self.exact = self.predicting = self.greeted = False
        self.breakpoints: dict[int, tuple[str, Callable[[Step], bool]]] = {}
        self.watched: dict[Node, float | None] = {}  # node -> grad last shown

    # Methods that Cmd calls.

    def preloop(self) -> None:
        if not self.greeted:
            self.greeted = True
            self.say(
                f"{counted(self.trace.seed, 'value')}, {counted(len(self.trace), 'step')}; help lists the commands",
                "dim",
            )
            self.show()
        self.place()

    def place(self) -> None:
        self.prompt = f"({self.state.n + 1}/{len(self.trace)}) "

    def onecmd(self, line: str) -> bool:
        try:
            return bool(super().onecmd(line))
        except BreakpointError as error:
            self.say(str(error))
            return False

    def postcmd(self, stop: bool, line: str) -> bool:
        self.place()
        return stop

    def default(self, line: str) -> None:
        word = line.split()[0]
        self.say(f"there is no command {word}{near(word, list(_commands()))}; help lists them")

    def completenames(self, text: str, *ignored: object) -> list[str]:
        return [name for name in _commands() if name.startswith(text)]

    def completedefault(self, text: str, line: str, begidx: int, endidx: int) -> list[str]:
        """Complete the name of a value; names may have spaces and brackets."""
        command, _, typed = line[:endidx].lstrip().partition(" ")
        typed = typed.lstrip()
        if command in ("b", "break") and typed.startswith("node "):
            typed = typed.removeprefix("node ").lstrip()
        elif command not in ("p", "why", "paths", "watch", "unwatch"):
            return []
        names = {node.name for node in (self.watched if command == "unwatch" else self.trace.nodes)}
        return sorted(name[len(typed) - len(text) :] for name in names if name.startswith(typed))

    # Printing.

    def say(self, text: str, style: str = "") -> None:
        """Print a line of plain text; names in it are never read as markup."""
        self.console.print(Text(clean(text), style), highlight=False)

    def show(self) -> None:
        """Print the current step and the watched values."""
        told = explain_step(self.trace, self.state.n, self.exact)
        self.say(told.headline, "bold")
        colour = VALUE if isinstance(self.trace[self.state.n], Forward) else ""
        for text, style in zip(told[1:], (colour, GRAD, "dim", "", "dim"), strict=True):
            if text:
                self.say(f"  {text}", style)
        for node, before in self.watched.items():
            now = self.watched[node] = self.state.grad(node)
            changed = "" if _same(before, now) else f"{self.digits(before)} → "
            self.say(f"  watch {node.name}.grad {changed}{self.digits(now)}", GRAD if changed else "dim")

    def digits(self, x: float | None) -> str:
        return "–" if x is None else repr(x) if self.exact else short(x)

    def brief(self, n: int) -> str:
        """Describe a step in one line."""
        told = explain_step(self.trace, n, self.exact)
        return f"{n + 1:>{len(str(len(self.trace)))}}  {told.accumulation or told.equation}"

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Print a table, or a paragraph per row if the terminal is too narrow: a number is never cut off."""
        cells = [[clean(cell) for cell in row] for row in rows]
        widths = [max(map(cell_len, column)) for column in zip(headers, *cells, strict=True)]
        if sum(widths) + 2 * len(widths) > self.console.width:
            for row in cells:
                said = "  ".join(f"{header} {cell}".strip() for header, cell in zip(headers, row, strict=True) if cell)
                self.say(said)
            return
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
        for header in headers:
            style, is_text = STYLES.get(header), header in ("", "value", "consumer", "path")
            table.add_column(header, header_style=style, style=style, justify="left" if is_text else "right")
        for row in cells:
            table.add_row(*map(Text, row))
        self.console.print(table, highlight=False)

    # Moving.

    def go(self, n: int) -> None:
        """Go to step n and show it."""
        at, last = self.state.n, len(self.trace) - 1
        n = max(0, min(n, last))
        if n == at:
            self.say("this is the first step" if n == 0 else f"this is the last step, {n + 1}; z steps back, q ends")
            return
        try:
            self.state.seek(n)
        except BaseException:  # Ctrl-C can leave a step half taken
            self.state = self.trace.at(at)
            raise
        self.show()

    def count(self, text: str) -> int:
        """Read a number of steps: 1 by default, 0 after complaining about anything else."""
        k = _whole(text or "1")
        if not k:
            self.say(f"{text!r} is not a number of steps; expected 1, 2, …")
        return k

    def named(self, name: str) -> Node:
        """Find a value by its name; without one, return the value of the current step."""
        if name:
            return self.trace.node(name)
        step = self.trace[self.state.n]
        return step.operand if isinstance(step, Backward) else step.node

    def do_step(self, arg: str) -> bool:
        """step [k]: one step forward, or k"""
        k = self.count(arg)
        if k and not self.predicting:
            self.go(self.state.n + k)
        for _ in range(k if self.predicting else 0):
            at = self.state.n
            if not self.ask(at + 1):
                return True
            self.go(at + 1)
            if self.state.n == at:
                break
        return False

    def do_back(self, arg: str) -> None:
        """back [k]: one step back, or k"""
        if k := self.count(arg):
            self.go(self.state.n - k)

    def do_next(self, arg: str) -> None:
        """next: to the last contribution of the current node"""
        start = min(self.state.n + 1, len(self.trace) - 1)
        first = self.trace[start]
        rest = range(start + 1, len(self.trace))
        end = start + sum(1 for _ in takewhile(lambda n: _same_node(self.trace[n], first), rest))
        for n in range(start, min(end, start + PASSED)):
            self.say(self.brief(n), "dim")
        if end > start + PASSED:
            self.say(f"… {end - start - PASSED:,} more", "dim")
        self.go(end)

    def do_ns(self, arg: str) -> None:
        """ns: to the first step in another scope, such as the next neuron"""
        scope = self.trace[self.state.n].node.scope
        rest = range(self.state.n + 1, len(self.trace))
        self.go(next((n for n in rest if self.trace[n].node.scope != scope), len(self.trace) - 1))
        if (now := self.trace[self.state.n].node.scope) != scope:
            self.say(f"  in {now}" if now else f"  out of {scope}", "dim")

    def do_continue(self, arg: str) -> None:
        """continue: to the next breakpoint, or the end"""
        self.run(range(self.state.n + 1, len(self.trace)), len(self.trace) - 1)

    def do_rc(self, arg: str) -> None:
        """rc: back to the previous breakpoint, or the first step"""
        self.run(range(self.state.n - 1, -1, -1), 0)

    def run(self, numbers: range, end: int) -> None:
        for n in numbers if self.breakpoints else ():
            step = self.trace[n]
            for i, (text, stops) in self.breakpoints.items():
                if stops(step):
                    self.say(f"breakpoint {i}: {text}", "bold")
                    self.go(n)
                    return
        self.go(end)

    def do_jump(self, arg: str) -> None:
        """jump N: to step N"""
        n = _whole(arg) - 1
        if not 0 <= n < len(self.trace):
            self.say(f"{arg!r} is not a step; expected 1 to {len(self.trace)}")
        elif n == self.state.n:
            self.show()
        else:
            self.go(n)

    # Breakpoints.

    def do_break(self, arg: str) -> None:
        """break [TEXT]: stop at nan, |grad| > 10, node w1, op relu, scope layers[0], kink, …; alone: list them"""
        if arg:
            stops, i = self.trace.breakpoint(arg), max(self.breakpoints, default=0) + 1
            self.breakpoints[i] = arg, stops
            self.say(f"breakpoint {i}: {arg}")
            return
        for i, (text, _) in self.breakpoints.items():
            self.say(f"breakpoint {i}: {text}")
        if not self.breakpoints:
            self.say("there are no breakpoints; b nan sets one")

    def do_clear(self, arg: str) -> None:
        """clear [n]: remove breakpoint n, or all"""
        if not arg:
            self.say(f"{len(self.breakpoints)} removed")
            self.breakpoints.clear()
        elif _whole(arg) in self.breakpoints:
            del self.breakpoints[_whole(arg)]
            self.say(f"breakpoint {arg} removed")
        else:
            self.say(f"there is no breakpoint {arg}; b lists them")

    # Looking.

    def do_where(self, arg: str) -> None:
        """where: the current step again, with its source line"""
        self.show()

    def do_list(self, arg: str) -> None:
        """list: the steps around the current one"""
        at = self.state.n
        for n in range(max(0, at - AROUND), min(len(self.trace), at + AROUND + 1)):
            self.say(f"{'→' if n == at else ' '} {self.brief(n)}", "bold" if n == at else "")

    def do_p(self, arg: str) -> None:
        """p [NAME]: a value in full: data, grad so far, source line"""
        node = self.named(arg)
        data = node.data if self.state.known(node) else None
        self.say(node.named.title, "bold")
        for what, x, style in (("data", data, VALUE), ("grad", self.state.grad(node), GRAD)):
            full = "" if x is None or self.digits(x) in (repr(x), f"{x:.0f}") else f"  {x!r}"
            self.say(f"  {what} {self.digits(x)}{full}", style)
        if numbers := self.uses(node):
            arrived = sum(n <= self.state.n for n in numbers)
            self.say(
                f"  {arrived} of {counted(len(numbers), 'path')} so far{', final' if arrived == len(numbers) else ''}",
                "dim",
            )
        if node.source or node.scope:
            self.say(f"  {node.source}{f'  in {node.scope}' if node.scope else ''}", "dim")
        if (alike := sum(other.name == node.name for other in self.trace.nodes)) > 1:
            self.say(f"  {alike} values have this name; this one is number {node.number + 1}", "dim")

    def uses(self, node: Node) -> list[int]:
        """List the steps that contribute to a value's gradient."""
        first = self.trace.seed + 1
        return [first + k for k, target in enumerate(self.trace._uses.targets) if target == node.number]

    def do_why(self, arg: str) -> None:
        """why [NAME]: every use of a value; the contributions sum to its gradient"""
        node, digits = self.named(arg), self.digits
        steps = attribution.why(self.trace, node)
        if not steps:
            self.say(f"{node.name} is the output: its gradient is the seed, 1")
            return
        self.table(("consumer", "upstream", "local", "contribution", "step"), [
            (step.node.name, digits(step.upstream), digits(step.local), digits(step.contribution), str(n + 1))
            for n, step in zip(self.uses(node)[:WINDOW], steps, strict=False)
        ])  # fmt: skip
        if len(steps) > WINDOW:
            self.say(f"… {len(steps) - WINDOW:,} more", "dim")
        if node.op is None and steps[0].before:
            self.say(f"{digits(steps[0].before)} was there before", "dim")
        self.say(f"sum {digits(steps[-1].after)} = {node.name}.grad at the end", GRAD)

    def do_paths(self, arg: str) -> None:
        """paths [NAME] [k]: the k largest paths from the output to a value (5), and the number of all"""
        name, k = arg, 5
        if arg.rpartition(" ")[2].isdecimal() and all(node.name != arg for node in self.trace.nodes):
            name, _, last = arg.rpartition(" ")  # x ** 2 may be a name
            k = min(_whole(last), 1000)
        node = self.named(name.strip())
        if k < 1:
            self.say("paths: k is the number of paths to show, at least 1")
            return
        found = attribution.paths(self.trace, node, k)
        total = found.total
        self.say(f"{counted(total, 'path')} from {self.trace.output.name} to {node.name}", "bold")
        rows = [(self.digits(path.product), str(path)) for path in found.largest]
        self.table(("product", "path"), rows)

    def do_watch(self, arg: str) -> None:
        """watch [NAME]: show its grad after each step; alone: list the watched values"""
        if arg:
            node = self.trace.node(arg)
            self.watched[node] = self.state.grad(node)
        for node in self.watched:
            self.say(f"watch {node.name}.grad {self.digits(self.state.grad(node))}", GRAD)
        if not self.watched:
            self.say("no value is watched; watch NAME shows its grad after each step")

    def do_unwatch(self, arg: str) -> None:
        """unwatch [NAME]: stop watching it, or all"""
        found = [node for node in self.watched if not arg or node.name == arg]
        for node in found:
            del self.watched[node]
        self.say(f"{len(found)} no longer watched" if found or not arg else f"{arg} is not watched")

    def do_values(self, arg: str) -> None:
        """values: every value with its data and grad so far; of more than 40, those around the current one"""
        nodes, step = [self.trace.nodes[i] for i in self.trace.forward], self.trace[self.state.n]
        start = max(0, min(self.trace.place[step.node.number] - WINDOW // 2, len(nodes) - WINDOW))
        target = step.operand if isinstance(step, Backward) else None
        rows = []
        for node in nodes[start : start + WINDOW]:
            mark = "→" if node is step.node else "+=" if node is target else ""
            data = self.digits(node.data if self.state.known(node) else None)
            rows.append((mark, node.name, data, self.digits(self.state.grad(node))))
        self.table(("", "value", "data", "grad"), rows)
        if len(nodes) > WINDOW:
            self.say(f"{start + 1:,} to {start + len(rows):,} of {len(nodes):,} values", "dim")

    def do_diagnose(self, arg: str) -> None:
        """diagnose: the origin of nan and inf, dead and saturated units"""
        for line in str(diagnose(self.trace)).splitlines():
            self.say(line)

    # Settings.

    def do_exact(self, arg: str) -> None:
        """exact: switch between all digits and four"""
        self.exact = not self.exact
        self.say("numbers in full" if self.exact else "numbers in four digits")

    def do_predict(self, arg: str) -> None:
        """predict: switch questions for upstream × local before each backward step on or off"""
        self.predicting = not self.predicting
        self.say("s asks before each backward step" if self.predicting else "s no longer asks")

    def ask(self, n: int) -> bool:
        """Ask for the contribution of a step; return False at the end of the input."""
        step = self.trace[n] if n < len(self.trace) else None
        if not isinstance(step, Backward):
            return True
        self.say(explain_step(self.trace, n, self.exact).headline, "bold")
        self.say(f"  upstream {self.digits(step.upstream)}  ×  local {self.digits(step.local)}")
        try:
            typed = input("upstream × local = ? ").strip()
        except EOFError:
            self.say("")
            return False
        shown = self.digits(step.contribution)
        try:
            right = _near(float(typed), step.contribution)
            self.say(f"right: {shown}" if right else f"no: it is {shown}", "bold")
        except ValueError:
            self.say(f"{typed!r} is not a number; it is {shown}" if typed else f"it is {shown}", "bold")
        return True

    def do_help(self, arg: str) -> None:
        """help [COMMAND]: this list, or one command"""
        commands = _commands()
        if arg and arg not in commands:
            self.default(arg)
            return
        table = Table.grid("", "", padding=(0, 2, 0, 0))
        for function in dict.fromkeys([commands[arg]] if arg else commands.values()):
            names = ", ".join(sorted((name for name, f in commands.items() if f is function), key=len))
            usage, _, what = (function.__doc__ or "").partition(": ")
            table.add_row(Text(f"{names} {usage.partition(' ')[2]}"), Text(what))
        self.console.print(table, highlight=False)

    def do_quit(self, arg: str) -> bool:
        """quit: end, like Ctrl-D"""
        return True

    def do_EOF(self, arg: str) -> bool:
        self.say("")
        return True

    do_s, do_z, do_n, do_c, do_j, do_b, do_cl = do_step, do_back, do_next, do_continue, do_jump, do_break, do_clear
    do_w, do_l, do_graph, do_h, do_q = do_where, do_list, do_values, do_help, do_quit


def _commands() -> dict[str, Callable[..., object]]:
    """Collect the commands by name, in the order of their definition."""
    return {name[3:]: f for name, f in vars(Prompt).items() if name.startswith("do_") and name != "do_EOF"}


def _whole(text: str) -> int:
    """Read a whole number; 0 for anything else."""
    return int(text) if text.isdecimal() and len(text) < 20 else 0


def _same_node(step: Step, other: Step) -> bool:
    return type(step) is type(other) and step.node is other.node


def _same(x: float | None, y: float | None) -> bool:
    return x == y or (x is not None and y is not None and x != x and y != y)


def _near(x: float, right: float) -> bool:
    """Compare two numbers within 1 %."""
    return _same(x, right) or abs(x - right) <= 0.01 * abs(right) < math.inf
