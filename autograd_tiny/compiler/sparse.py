"""Sparse Jacobians and Hessians: read the sparsity pattern off the graph, and compute its entries.

Most often they are the outputs of a program of their own (entries.py), and a dense row is a gradient. Where values
depend on many inputs, columns of the Jacobian with no row in common get the same colour; forward mode computes them
together, along the sum of their unit vectors. Reverse mode does the same for rows, if that takes fewer colours. After
Curtis, Powell and Reid, "On the estimation of sparse Jacobian matrices" (1974), and Coleman and Moré, "Estimation of
sparse Jacobian matrices and graph coloring problems" (1983).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, NamedTuple

from autograd_tiny.compiler.backends.registry import chosen, named
from autograd_tiny.compiler.collector import gc_paused
from autograd_tiny.compiler.jitted import jit
from autograd_tiny.compiler.passes import optimized
from autograd_tiny.compiler.variants import Variants
from autograd_tiny.engine import ops
from autograd_tiny.engine.extras import needed_by
from autograd_tiny.engine.op import Op
from autograd_tiny.transforms.derivatives import grad, vjp
from autograd_tiny.transforms.doors import differentiated_further
from autograd_tiny.transforms.dual import Dual, forward_level
from autograd_tiny.transforms.program import Program, program_of
from autograd_tiny.transforms.tracer import Tracer, recording

with needed_by("autograd_tiny.compiler.sparse"):
    import numpy as np

    from autograd_tiny.compiler.entries import entries, reached, vanishing

MOST_STEPS = 20_000  # of gradients row by row, instead of by colours
MOST_DENSE = 8  # rows that depend on many inputs: each has a reverse sweep of its own

Function = Callable[..., Any]


class Sparse(NamedTuple):
    """Sparse matrix in coordinate format: values[k] is the entry in row rows[k] and column columns[k].

    >>> Sparse(np.array([0, 1]), np.array([1, 1]), np.array([5.0, 7.0]), (2, 2)).dense()
    array([[0., 5.],
           [0., 7.]])

    It is a dense array to what takes arrays. SciPy's own is `csr_array((s.values, (s.rows, s.columns)), s.shape)`.
    """

    rows: Any
    columns: Any
    values: Any
    shape: tuple[int, int]

    def dense(self) -> Any:
        """Convert to a NumPy array of shape `shape`."""
        matrix = np.zeros(self.shape)
        matrix[self.rows, self.columns] = self.values
        return matrix

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return self.dense().astype(dtype or float, copy=False)


def sparse_jacobian(f: Function, backend: str | None = None) -> Function:
    """Transform f, of any number of arguments, into a function that returns its Jacobian as a `Sparse`.

    >>> differences = sparse_jacobian(lambda x: [(b - a) ** 2 for a, b in zip(x, x[1:])])
    >>> differences([1.0, 2.0, 4.0]).dense()
    array([[-2.,  2.,  0.],
           [ 0., -4.,  4.]])

    Entry (i, j) is ∂output i/∂input j, both counted in the order of their structure; the shape is (outputs, inputs). An
    entry is stored if the graph allows a dependency; its value may still be 0. `rows` and `columns` are sorted, and
    read-only, since all calls share them; `values` is the caller's. f is traced as by `jit`, and `backend` is that of
    `jit`; `wait()` of the result waits for what is compiled in the background. Raises the errors of `jit`, and
    ImportError without NumPy.
    """
    compiled = jit(f, backend=backend)
    name = chosen(backend).name
    known: dict[Program, Function] = {}
    kernels: list[Any] = []

    def derivative(*args: Any, **kwargs: Any) -> Sparse:
        variant, given, _, _ = compiled._tried(Variants.taken, args, kwargs)
        if variant.program not in known:
            with gc_paused():
                known[variant.program] = _built(variant.program, len(given.numbers[0]), build)
        return known[variant.program](np.asarray(variant.numbers(given.numbers[0]), float))

    def build(program: Program) -> Function:
        kernels.append(named(name).kernel(program, wait=False))
        return kernels[-1]

    def wait() -> None:
        """Wait for what is compiled in the background."""
        compiled.wait()
        for kernel in kernels:
            getattr(kernel, "wait", tuple)()

    derivative.wait = wait  # type: ignore[attr-defined]
    return derivative


def sparse_hessian(f: Function, backend: str | None = None) -> Function:
    """Transform f into a function that returns its Hessian with respect to its first argument as a `Sparse`.

    >>> chain = sparse_hessian(lambda x: sum(a * a * b for a, b in zip(x, x[1:])))
    >>> chain([1.0, 2.0, 3.0]).dense()
    array([[4., 2., 0.],
           [2., 6., 4.],
           [0., 4., 0.]])
    >>> chain.wait()

    The shape is (inputs, inputs). Raises the errors of `jit` and `grad`.
    """
    gradient = grad(f)

    @wraps(f)
    def first(*args: Any, **kwargs: Any) -> Any:
        with differentiated_further():
            return gradient(*args, **kwargs)

    return sparse_jacobian(first, backend)


def pattern(program: Program) -> list[list[int]]:
    """Sparsity pattern of the Jacobian: for each output, the inputs whose derivative is not constantly 0.

    >>> from autograd_tiny.engine import ops
    >>> from autograd_tiny.transforms.program import Step
    >>> pattern(Program(("x", "y"), (Step(ops.exp, (1,)), Step(ops.heaviside, (0,))), (2, 3)))
    [[1], []]
    """
    masks = [1 << i for i in range(len(program.inputs))]  # one bit per input
    flat: dict[Op, tuple[bool, ...]] = {}
    for op, operands in program.steps:
        if op not in flat:
            flat[op] = vanishing(op, len(operands))
        mask = 0
        for x, vanishes in zip(operands, flat[op], strict=False):
            if isinstance(x, int) and not vanishes:
                mask |= masks[x]
        masks.append(mask)
    return [_bits(masks[y]) if isinstance(y, int) else [] for y in program.outputs]


def _bits(mask: int) -> list[int]:
    found = []
    while mask:
        low = mask & -mask
        found.append(low.bit_length() - 1)
        mask ^= low
    return found


def colours(lines: list[list[int]], width: int) -> list[int]:
    """Colour `width` columns so that no line has a colour twice: greedy, columns with most neighbours first.

    >>> colours([[0, 1], [1, 2], [2, 3]], 4)
    [1, 0, 1, 0]
    """
    across: list[list[int]] = [[] for _ in range(width)]
    for row, columns in enumerate(lines):
        for column in columns:
            across[column].append(row)
    found = [-1] * width
    for column in sorted(range(width), key=lambda c: -sum(len(lines[r]) for r in across[c])):
        taken = {found[other] for row in across[column] for other in lines[row]}
        found[column] = next(c for c in range(len(taken) + 1) if c not in taken)
    return found


def _built(program: Program, n: int, build: Callable[[Program], Function]) -> Function:
    """Compile the Jacobian of a program with respect to its first n inputs."""
    made = entries(program, n)
    kernels, rows = ([made[0]], list[Any](made[1])) if made else ([], [None] * len(program.outputs))
    dense = [i for i, row in enumerate(rows) if row is None]
    if len(dense) > MOST_DENSE or (made is None and len(dense) * len(program.steps) > MOST_STEPS):
        return _coloured(program, n, build)
    if dense:
        several = optimized(program.with_outputs([program.outputs[i] for i in dense]))
        for i, y in zip(dense, several.outputs, strict=True):
            rows[i] = reached(several, y, n)
        kernels.append(optimized(_gradients(several, [rows[i] for i in dense], n)))
    run = [build(part) for part in kernels if part.outputs]
    down, across = _places(rows)
    order = np.argsort(np.isin(down, dense), kind="stable")  # of the entries, as computed
    back = np.argsort(order, kind="stable") if dense else None
    shape = len(rows), n

    def derivative(xs: Any) -> Sparse:
        found = [np.asarray(kernel(xs), float) for kernel in run]
        values = found[0] if len(found) == 1 else np.concatenate([np.empty(0), *found])
        return Sparse(down, across, values if back is None else values[back], shape)

    return derivative


def _places(rows: Any) -> tuple[Any, Any]:
    """Rows and columns of the entries, from the columns of each row."""
    down = np.repeat(np.arange(len(rows)), [len(row) for row in rows])
    across = np.array([j for row in rows for j in row], int)
    for x in (down, across):
        x.flags.writeable = False
    return down, across


def _gradients(program: Program, rows: list[Any], n: int) -> Program:
    """Program for the gradient of each output, at the columns of its row."""
    xs, _ = _leaves(program, 0)
    found = []
    with recording():
        for y, row in zip(program.outputs, rows, strict=True):
            one = optimized(program.with_outputs((y,)))
            gradient = grad(lambda first, one=one: one.run([*first, *xs[n:]])[0])(xs[:n])
            found += [gradient[j] for j in row]
    return program_of(xs, found)


def _coloured(program: Program, n: int, build: Callable[[Program], Function]) -> Function:
    """Compile the Jacobian by colours."""
    rows = [[j for j in row if j < n] for row in pattern(program)]
    columns: list[list[int]] = [[] for _ in range(n)]
    for i, row in enumerate(rows):
        for j in row:
            columns[j].append(i)
    shape = len(rows), len(columns)
    by_column, by_row = colours(rows, shape[1]), colours(columns, shape[0])
    forwards = max(by_column, default=-1) <= max(by_row, default=-1)
    colour = np.array(by_column if forwards else by_row, int)
    # One row per colour: 1 for the columns, or rows, of that colour.
    seeds = np.ascontiguousarray(np.eye(max(colour, default=-1) + 1)[:, colour])
    kernel = build(optimized((_forwards if forwards else _backwards)(program, n)))
    down, across = _places(rows)
    place = (down, colour[across]) if forwards else (across, colour[down])

    def derivative(xs: Any) -> Sparse:
        found = np.asarray(kernel(xs, [seeds], len(seeds))) if len(down) else np.zeros(shape)
        return Sparse(down, across, found[place], shape)

    return derivative


def _forwards(program: Program, n: int) -> Program:
    """Program for the derivative of the outputs along a direction (forward mode)."""
    xs, direction = _leaves(program, n)
    with recording(), forward_level() as level:
        moved = [Dual(x, t, level, ops.equal(t, 0.0)) for x, t in zip(xs, direction, strict=False)]
        ys = program.run([*moved, *xs[n:]])
    tangents = [y.tangent if isinstance(y, Dual) else 0.0 for y in ys]
    return program_of([*xs, *direction], tangents, (len(direction),))


def _backwards(program: Program, n: int) -> Program:
    """Program for the gradient of the outputs, summed with a weight each (reverse mode)."""
    xs, weights = _leaves(program, len(program.outputs))
    with recording():
        _, pullback = vjp(lambda first: program.run([*first, *xs[n:]]), xs[:n])
        (gradient,) = pullback(weights)
    return program_of([*xs, *weights], gradient, (len(weights),))


def _leaves(program: Program, n: int) -> tuple[list[Tracer], list[Tracer]]:
    """Traced numbers for the inputs of a program, and n more for the seeds."""
    seen = program.example or [0.5] * len(program.inputs)
    return [Tracer.leaf(x, name) for x, name in zip(seen, program.inputs, strict=True)], [
        Tracer.leaf(1.0, f"seed[{i}]") for i in range(n)
    ]
