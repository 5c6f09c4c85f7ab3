"""Pictures of training, as figures of matplotlib that show themselves in a notebook and have `savefig`.

>>> history = [{"epoch": 1, "loss": 0.7, "validation_loss": 0.8}, {"epoch": 2, "loss": 0.4, "validation_loss": 0.6}]
>>> curves(history).axes[0].get_title(loc="left")
'loss'

None of them touches the global state of pyplot.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from autograd_tiny.engine.digits import counted, plain, short
from autograd_tiny.engine.extras import needed_by
from autograd_tiny.pictures.theme import MISSING, ON_DARK, ON_LIGHT
from autograd_tiny.train.views import canvas
from autograd_tiny.train.views.metrics import confusion_matrix, is_number, mae, numbers, r2, rmse, square
from autograd_tiny.train.views.surfaces import matrices, named_numbers, plane, probabilities

with needed_by("autograd_tiny.train.views.plots"):
    import numpy as np
    from matplotlib.colors import LogNorm, Normalize, to_rgb
    from matplotlib.ticker import LogFormatter, LogLocator, MaxNLocator

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from autograd_tiny.train.views.canvas import Picture

__all__ = ["boundary", "confusion", "curves", "landscape", "residuals", "weights"]

MOST_CLASSES = 24  # in a plane: as many pairs of colour and marker
MOST_LAYERS = 24


def __dir__() -> list[str]:
    return __all__


def curves(history: Sequence[Mapping[str, Any]]) -> Picture:
    """Draw each number of a history over the epochs, training and validation on the same axes.

    >>> curves([{"epoch": 1, "loss": 0.7, "accuracy": 0.5}]).axes[1].get_title(loc="left")
    'accuracy'

    The history is a dict for each epoch; "validation_loss" is paired with "loss". A loss that falls to a twentieth has
    a logarithmic scale. Where a number is nan or infinite the line has a gap, and the picture says from where on.
    """
    entries = [*history] if isinstance(history, Iterable) else []
    if not entries or not all(isinstance(entry, Mapping) for entry in entries):
        told = ", as in the history of what fit returns" if hasattr(history, "history") else ""
        raise ValueError(f"curves takes a list of dicts, one for each epoch{told}, got {history!r:.60}")
    history = entries
    over = next((key for key in ("epoch", "step") if _rises(history, key)), "")
    keys = dict.fromkeys(key for entry in history for key, x in entry.items() if is_number(x))
    names = [*dict.fromkeys(key.removeprefix("validation_") for key in keys if key not in _NOT_DRAWN)]
    if not names:
        raise ValueError(f"the history has no numbers to draw: its keys are {', '.join(map(str, history[0]))!r:.60}")
    x = np.array([entry[over] for entry in history], float) if over else np.arange(1, len(history) + 1)
    columns = min(len(names), 2)
    rows = -(-len(names) // columns)
    figure = canvas.picture(8 if columns == 1 else 10, 4.5 * rows if columns == 1 else 3.8 * rows, adapts=True)
    for n, name in enumerate(names):
        ax = figure.add_subplot(rows, columns, n + 1)
        canvas.styled(ax, name.replace("_", " "), over or "entry")
        drawn = [
            (label, _column(history, key, x), color, dashes)
            for key, label, color, dashes in (
                (name, "training", canvas.VALUE, "-"),
                (f"validation_{name}", "validation", canvas.GRAD, (0, (5, 2))),
            )
            if key in keys
        ]
        _lines(ax, x, drawn, named=len(drawn) > 1 or drawn[0][0] == "validation")
    crowded = [ax for ax in figure.axes if sum(t.get_gid() == "end" for t in ax.texts) > 1]
    if crowded:
        figure.draw_without_rendering()  # places the labels
    for ax in crowded:
        _spread_labels(ax)
    return figure


_NOT_DRAWN = ("epoch", "step", "seconds", "time")


def _rises(history: Sequence[Mapping[str, Any]], key: str) -> bool:
    xs = [entry.get(key) for entry in history]
    return all(map(is_number, xs)) and bool((np.diff(np.array(xs, float)) > 0).all())


def _column(history: Sequence[Mapping[str, Any]], key: str, x: Any) -> Any:
    """Return the numbers of a key and where they stand, as rows (x, number); epochs without one are left out."""
    return np.array([(at, entry[key]) for at, entry in zip(x, history, strict=True) if is_number(entry.get(key))])


def _lines(ax: Axes, x: Any, drawn: Sequence[tuple[str, Any, str, Any]], named: bool) -> None:
    known = np.concatenate([points[:, 1] for _, points, _, _ in drawn])
    known = known[canvas.finite(known)]
    if known.size and known.min() > 0 and known.max() >= 20 * known.min():
        ax.set_yscale("log")
        ax.yaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if known.max() < 1000 * known.min() else (1.0,)))
        ax.yaxis.set_major_formatter(_Short())
        ax.minorticks_off()
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, nbins=8))
    if len(x) == 1:
        ax.set_xlim(x[0] - 1, x[0] + 1)
    else:
        ax.set_xlim(x.min(), x.max())
    for label, points, color, dashes in drawn:
        at, y = points.T
        finite = canvas.finite(y)
        y = np.where(finite, y, np.nan)
        lonely = finite & ~np.concatenate([[False], finite[:-1]]) & ~np.concatenate([finite[1:], [False]])
        ax.plot(at, y, color=color, linewidth=2.2, linestyle=dashes, label=label, clip_on=False)
        if lonely.any():
            ax.plot(at[lonely], y[lonely], "o", color=color, markersize=7, clip_on=False)
        if finite.any():
            last = np.flatnonzero(finite)[-1]
            text = f"{label}\n{short(y[last])}" if named else short(y[last])
            made = ax.annotate(
                text, (at[last], y[last]), (8, 0), textcoords="offset points", va="center", annotation_clip=False
            )
            canvas.plain(made, 11, color).set_gid("end")
    _say_what_is_missing(ax, drawn)


class _Short(LogFormatter):
    def __call__(self, x: float, pos: int | None = None) -> str:
        return f"{x:g}"


def _say_what_is_missing(ax: Axes, drawn: Sequence[tuple[str, Any, str, Any]]) -> None:
    """Note in the corner which numbers are not finite."""
    notes = []
    for label, points, _, _ in drawn:
        wrong = np.flatnonzero(~canvas.finite(points[:, 1]))
        if wrong.size:
            where = f"{ax.get_xlabel()} {points[wrong[0], 0]:g}"
            rest = "from " if wrong.size > 1 and wrong.size == len(points) - wrong[0] else "at "
            more = f" and {wrong.size - 1:,} more" if rest == "at " and wrong.size > 1 else ""
            notes.append(f"{label}: not finite {rest}{where}{more}")
    if notes:
        made = ax.text(0.99, 0.99, "\n".join(notes), transform=ax.transAxes, ha="right", va="top")
        canvas.plain(made, 10.5, canvas.INK)
        made.set_bbox({"facecolor": canvas.PAPER, "edgecolor": canvas.LINE, "linewidth": 0.8, "pad": 4})


def _spread_labels(ax: Axes) -> None:
    """Move the labels at the ends of lines apart, so that none covers another."""
    texts = [t for t in ax.texts if t.get_gid() == "end"]
    boxes = [t.get_window_extent() for t in texts]
    area = ax.get_window_extent()
    middles = [(box.y0 + box.y1) / 2 for box in boxes]
    height = max(box.height for box in boxes) + 3
    moved = canvas.apart(middles, height, area.y0 - height / 2, area.y1 + height / 2)
    for text, old, new in zip(texts, middles, moved, strict=True):
        text.set_position((8, (new - old) * 72 / ax.get_figure().dpi))  # type: ignore[union-attr]


def boundary(
    predict: Callable[[Any], Any], X: Any, y: Any, *, labels: Sequence[Any] = (), features: Sequence[Any] = ()
) -> Picture:
    """Draw the regions of the classes over two features, paler where the model is less sure, with the samples on them.

    >>> figure = boundary(lambda X: X[:, 0] - X[:, 1], [[0.0, 1.0], [1.0, 0.0]], [0, 1], labels=["below", "above"])

    `predict` takes an array of points, (n, 2), and returns for each a probability or score of every class, one number
    for two classes (a probability, or a logit outside of [0, 1]), or the class itself. `labels` name the classes in
    sorted order, and `features` the columns. A sample of a wrong region has a thick black edge. Raises ValueError
    unless X has two columns.
    """
    labels, features = [*labels], [*features] or [*getattr(X, "columns", ())]
    X, y = np.asarray(X, float), np.asarray(y)
    y = y[:, 0] if y.ndim == 2 and y.shape[1] == 1 else y
    if X.ndim != 2 or X.shape[1] != 2 or not len(X):
        raise ValueError(
            f"boundary draws a plane: X has two columns, got an array of shape {X.shape}; "
            "choose two columns, and let predict fill in the others"
        )
    if y.shape != (len(X),):
        raise ValueError(f"X has {len(X):,} rows, y has the shape {y.shape}: one class for each row is needed")
    if not canvas.finite(X).all():
        row, column = np.argwhere(~canvas.finite(X))[0]
        raise ValueError(f"X[{row}, {column}] is {X[row, column]}: every feature is a finite number")
    classes = np.unique(y)
    if classes.dtype.kind in "iu" and len(labels) > len(classes) and classes.min() >= 0 and classes.max() < len(labels):
        classes = np.arange(len(labels))  # some classes have no samples here
    if len(classes) > MOST_CLASSES:
        raise ValueError(f"y has {len(classes):,} different entries: boundary draws at most {MOST_CLASSES} classes")
    if labels and len(labels) != len(classes):
        raise ValueError(f"labels names {len(labels)} classes, y has {len(classes)}")
    (left, right), (low, high) = (_range(X[:, k]) for k in (0, 1))
    across, up = np.meshgrid(np.linspace(left, right, 200), np.linspace(low, high, 200))
    points = np.stack([across.ravel(), up.ravel()], 1)
    shares = probabilities(predict(points), len(points), classes)
    at_samples = probabilities(predict(X), len(X), classes).argmax(1)
    figure = canvas.picture(8, 5.6)
    given = [canvas.shortened(name, 44) for name in features] or ["x₁", "x₂"]
    ax = canvas.styled(figure.add_subplot(), "", *given[:2], grid=False)
    styles = [*canvas.class_styles(len(classes))]
    best = shares.argmax(1)
    colors = np.array([to_rgb(color) for color, _ in styles])[best]
    sure = (shares.max(1) - 1 / max(len(classes), 2)) / (1 - 1 / max(len(classes), 2))
    strength = (0.1 + 0.3 * np.clip(np.nan_to_num(sure), 0, 1))[:, None]
    shade = np.where(np.isnan(shares).any(axis=1, keepdims=True), 0.85, 1 - strength * (1 - colors)).reshape(
        *across.shape, 3
    )
    ax.imshow(shade, extent=(left, right, low, high), origin="lower", aspect="auto", interpolation="bilinear")
    if len(classes) > 1 and len(np.unique(best)) > 1:
        for k in np.unique(best):
            others = np.delete(shares, k, 1).max(1)
            lead = np.nan_to_num(shares[:, k] - others).reshape(across.shape)
            ax.contour(across, up, lead, [0.0], colors=canvas.INK, linewidths=1.0)
    size = float(np.clip(4000 / len(X), 20, 50))
    for k, (color, marker) in enumerate(styles):
        chosen = np.equal(y, classes[k])
        wrong = chosen & (at_samples != k)
        name = canvas.shortened(labels[k] if labels else classes[k])
        for which, edge, width, more in ((chosen & ~wrong, canvas.PAPER, 0.6, 1.0), (wrong, "black", 1.5, 1.7)):
            ax.scatter(
                X[which, 0], X[which, 1], s=more * size, c=color, marker=marker, edgecolors=edge, linewidths=width,
                zorder=3 + more, rasterized=len(X) > 2000,
            )  # fmt: skip
        ax.scatter([], [], s=46, c=color, marker=marker, label=name)
    if n_wrong := int(np.count_nonzero(classes[at_samples] != y)):
        ax.scatter([], [], s=46, c="none", marker="o", edgecolors="black", linewidths=1.5, label=f"wrong: {n_wrong:,}")
    ax.set(xlim=(left, right), ylim=(low, high))
    _key(figure, ax, len(classes))
    return figure


def _range(x: Any) -> tuple[float, float]:
    low, high = float(x.min()), float(x.max())
    more = 0.08 * (high - low) or 1.0
    return low - more, high + more


def _key(figure: Picture, ax: Axes, n: int) -> None:
    """List the classes beside the axes, where they hide no sample."""
    made = figure.legend(
        *ax.get_legend_handles_labels(), loc="outside right upper", frameon=False, handletextpad=0.3, borderaxespad=0.2,
    )  # fmt: skip
    for text in made.get_texts():
        canvas.plain(text, 12 if n < 14 else 9.5)


def weights(model: Any, gradient: Any = None) -> Picture:
    """Draw the weights of each layer as an image, blue above 0 and orange below, with the gradient beside it.

    >>> from autograd_tiny.nn import MLP
    >>> [ax.get_title(loc="left") for ax in weights(MLP(2, [3, 1], seed=0)).axes][::2]  # each followed by its scale
    ['layers[0].weight  3×2, and bias', 'layers[1].weight  1×3, and bias']

    A row is an output, a column an input, and the last column the bias. `gradient` is what `value_and_grad` returns for
    a Module, a dict by parameter name, or the numbers in the order of `model.parameters()`.
    """
    layers = matrices({name: p.data for name, p in model.named_parameters()})
    slopes = matrices(named_numbers(model, gradient)) if gradient is not None else {}
    if not layers:
        raise ValueError(f"{model!r:.60} has no parameters to draw")
    if len(layers) > MOST_LAYERS:
        raise ValueError(f"{model!r:.60} has {len(layers)} matrices and vectors: weights draws at most {MOST_LAYERS}")
    columns = 2 if slopes else 1
    heights = [float(np.clip(0.6 + 0.16 * len(w), 1.15, 3.4)) for w, _ in layers.values()]
    figure = canvas.picture(10 if slopes else 8, sum(heights) + 0.35 * len(heights), adapts=True)
    grid = figure.add_gridspec(len(layers), columns, height_ratios=heights)
    for row, name in enumerate(layers):
        for column, (what, found) in enumerate((("", layers), ("gradient of ", slopes))[:columns]):
            ax = figure.add_subplot(grid[row, column])
            title = f"{what}{canvas.shortened(name, 30)}"
            _image(figure, ax, *found[name], title)
    return figure


def _image(figure: Picture, ax: Axes, table: Any, bias: Any, title: str) -> None:
    rows, columns = table.shape
    known = np.abs(np.concatenate([table.ravel(), [] if bias is None else bias]))
    known = known[canvas.finite(known)]
    most = float(known.max(initial=0.0))
    most = most if most > 1e-150 else 1.0
    canvas.styled(ax, f"{title}  {rows}×{columns}{', and bias' if bias is not None else ''}", grid=False)
    ax.title.set_fontsize(11.5)
    right = columns - 0.5
    ticks = _whole(columns, 10)
    names = [f"{t:.0f}" for t in ticks]
    parts = [(table, -0.5, right)]
    if bias is not None:  # a narrow column, apart from the weights
        start = right + 0.03 * columns
        right = start + float(np.clip(1, 0.06 * columns, 0.12 * columns))
        parts.append((bias[:, None], start, right))
        ticks, names = [*ticks, (start + right) / 2], [*names, "b"]
    for part, left, end in parts:
        image = ax.imshow(
            np.ma.masked_invalid(np.where(canvas.finite(part), part, np.nan)), cmap=canvas.DIVERGING, aspect="auto",
            norm=Normalize(-most, most), interpolation="nearest", extent=(left, end, rows - 0.5, -0.5),
        )  # fmt: skip
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.set(xlim=(-0.5, right), ylim=(rows - 0.5, -0.5))
    ax.set_xticks(ticks, names)
    ax.set_yticks(_whole(rows, 6))
    if rows > 1:
        ax.set_ylabel("output")
    canvas.bar(figure, image, ax)


def _whole(n: int, most: int) -> list[float]:
    """Choose ticks among 0 … n - 1."""
    return [t for t in MaxNLocator(integer=True, nbins=most).tick_values(0, n - 1) if 0 <= t < n] if n > 1 else [0.0]


def landscape(
    f: Callable[..., Any], theta: Any, *batch: Any, path: Any = None, size: int = 41, seed: int = 0
) -> Picture:
    """Draw the loss f over a plane through theta, as curves of equal loss.

    >>> figure = landscape(lambda x: x[0] ** 2 + 10 * x[1] ** 2, np.array([1.0, 0.5]))

    theta is an array, a Module or any container that f takes, and f is compiled. Arrays in `batch` are samples: f is
    the loss of one, and the mean is drawn. The plane is spanned by two random directions, each as long as the weights
    into each neuron (Li et al., Visualizing the Loss Landscape of Neural Nets, 2018, §4). With `path`, the parameters
    of each step of training in a row, it is spanned by the two directions in which they vary most (§7), and the path is
    drawn. Where the loss is not finite the plane is grey.
    """
    if not callable(f):
        raise TypeError(f"landscape takes a loss, a function of the parameters, got {f!r:.60}")
    if size < 5:
        raise ValueError(f"size is the number of points on each side, from 5 up, got {size!r}")
    found = plane(f, theta, batch, path, size, seed)
    finite = found.losses[canvas.finite(found.losses)]
    if not finite.size:
        raise ValueError("landscape: the loss is not finite, or beyond 1e150, everywhere around theta")
    low, high = float(finite.min()), float(finite.max())
    least = float(finite[finite > 0].min(initial=np.inf))
    if logarithmic := low >= 0 and high > 5 * least:
        low = max(least, 1e-6 * high)  # six decades are enough to see the way
    if high - low <= 1e-9 * abs(high):  # flat
        low, high = low - 0.5 * (abs(low) or 1.0), high + 0.5 * (abs(high) or 1.0)
    levels = np.geomspace(low, high, 15) if logarithmic else np.linspace(low, high, 15)
    norm = LogNorm(low, high) if logarithmic else Normalize(low, high)
    losses = np.ma.masked_invalid(np.where(canvas.finite(found.losses), np.maximum(found.losses, low), np.nan))
    figure = canvas.picture(8, 6)
    ax = canvas.styled(figure.add_subplot(), "", grid=False)
    ax.set_facecolor(MISSING)  # where the loss is not finite
    image = ax.imshow(
        losses, extent=(found.a[0], found.a[-1], found.b[0], found.b[-1]), origin="lower", aspect="auto",
        cmap=canvas.SEQUENTIAL, norm=norm, interpolation="nearest" if np.ma.is_masked(losses) else "bilinear",
    )  # fmt: skip
    ax.contour(found.a, found.b, losses, levels[1:-1], colors=canvas.PAPER, linewidths=0.9)
    canvas.bar(figure, image, ax, "loss")
    if logarithmic:
        bar_axis = figure.axes[-1].yaxis
        bar_axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if high < 1000 * low else (1.0,)))
        bar_axis.set_major_formatter(_Short())
        figure.axes[-1].minorticks_off()
    names = ("first random direction", "second random direction")
    if found.path is not None and found.shares is not None:
        names = tuple(  # type: ignore[assignment]
            f"{which} direction of the path ({share:.0%} of its variance)"
            for which, share in zip(("main", "second"), found.shares, strict=True)
        )
        ax.plot(*found.path.T, color=canvas.GRAD, linewidth=2, marker="o", markersize=3.5, markeredgewidth=0)
        _point(ax, found.path[0], "start", found.path[min(1, len(found.path) - 1)])
    canvas.styled(ax, "", *names, grid=False).set_facecolor(MISSING)
    if found.path is None:
        _point(ax, np.zeros(2), "θ", np.zeros(2))
    elif len(found.path) > 1:
        _point(ax, np.zeros(2), "end", found.path[-1 if found.path[-1].any() else -2])
    if np.ma.is_masked(losses):
        canvas.plain(ax.set_title(f"grey: not finite ({losses.mask.sum():,} points)", loc="left"), 11)
    return figure


def _point(ax: Axes, at: Any, name: str, neighbour: Any) -> None:
    """Mark a point, with its name in a box on the side away from its neighbour."""
    ax.plot(*at, marker="o", color=canvas.GRAD, markersize=9, markeredgecolor=canvas.PAPER, markeredgewidth=1.5)
    right, up = (at[k] >= neighbour[k] for k in (0, 1))
    made = ax.annotate(
        name, at, (10 if right else -10, 8 if up else -8), textcoords="offset points",
        ha="left" if right else "right", va="bottom" if up else "top",
    )  # fmt: skip
    canvas.plain(made, 12).set_bbox({"facecolor": canvas.PAPER, "edgecolor": "none", "alpha": 0.85, "pad": 2})


def confusion(matrix: Any, labels: Sequence[Any] | None = None) -> Picture:
    """Draw a confusion matrix, or that of (true, predicted): true classes in rows, shaded by their shares of the row.

    >>> figure = confusion(([0, 1, 1], [0, 1, 0]), labels=["cat", "dog"])
    >>> [text.get_text() for text in figure.axes[0].texts]
    ['1', '0', '1', '1']

    `labels` name the classes, in the order of the matrix or sorted. Up to 30 classes each cell has its count.
    """
    counts, names = counts_and_names(matrix, labels)
    n = len(counts)
    side = float(np.clip(0.62 * n, 3.6, 10 if n <= 30 else 8))
    longest = max(len(canvas.shortened(name)) for name in names)
    figure = canvas.picture(side + 1.9 + 0.07 * longest, side + 1.1 + 0.05 * longest, adapts=True)
    ax = canvas.styled(figure.add_subplot(), "", "predicted", "true", grid=False)
    totals = counts.sum(1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros(counts.shape), where=totals > 0)
    image = ax.imshow(shares, cmap=canvas.SEQUENTIAL, norm=Normalize(0, 1), interpolation="nearest")
    letters = 13 if n <= 8 else 11 if n <= 14 else 9 if n <= 30 else 8
    if n <= 30:
        written = [[compact(x) for x in row] for row in counts.tolist()]
        longest_number = max(len(x) for row in written for x in row)
        fits = min(letters + 1, 0.9 * side / n * 72 / (0.64 * longest_number))
        for i in range(n):
            for j in range(n):
                dark = canvas.luminous(canvas.SEQUENTIAL(shares[i, j]))
                made = ax.text(j, i, written[i][j], ha="center", va="center")
                canvas.plain(made, fits, ON_LIGHT if dark else ON_DARK)
                made.set_alpha(0.45 if not counts[i, j] else None)
    texts = [canvas.shortened(name) for name in names]
    upright = longest * letters * 0.6 / 72 > 0.95 * side / n
    canvas.each_tick(texts, ax.yaxis, letters)
    canvas.each_tick(
        texts, ax.xaxis, letters,
        **({"rotation": 45, "ha": "right", "rotation_mode": "anchor"} if upright else {}),
    )  # fmt: skip
    for spine in ax.spines.values():
        spine.set_visible(False)
    ax.tick_params(length=0)
    canvas.bar(figure, image, ax, "share of the true class")
    return figure


def counts_and_names(matrix: Any, labels: Sequence[Any] | None) -> tuple[Any, list[Any]]:
    """Return the confusion matrix as an array, and a name for each class."""
    if isinstance(matrix, tuple) and len(matrix) == 2 and np.ndim(matrix[0]) == 1:
        true, predicted = map(np.asarray, matrix)
        classes = sorted({*true.tolist(), *predicted.tolist()})
        if labels is not None and {*classes} <= {*labels}:
            classes = [*labels]
        elif labels is not None and all(isinstance(c, int) and 0 <= c < len(labels) for c in classes):
            classes = [*range(len(labels))]
        counts = confusion_matrix(true, predicted, classes)
        names = [*labels] if labels is not None else classes
    else:
        counts = square(matrix)
        names = [*labels] if labels is not None else [*range(len(counts))]
    if len(names) != len(counts):
        raise ValueError(f"labels names {counted(len(names), 'class')}, the matrix has {len(counts)}")
    return counts, names


def compact(x: float) -> str:
    """Write a count in at most five characters.

    >>> compact(1234), compact(1_234_567), compact(0.25)
    ('1234', '1.2M', '0.25')
    """
    if x < 10_000:
        return f"{x:g}" if x == int(x) else f"{x:.2g}"
    for unit, size in (("k", 1e3), ("M", 1e6), ("G", 1e9)):
        if x < 1000 * size or unit == "G":
            return f"{x / size:.1f}{unit}" if x < 100 * size else f"{x / size:.0f}{unit}"
    raise AssertionError


def residuals(true: Any, predicted: Any, name: str = "") -> Picture:
    """Draw predicted over true numbers, and what is left over the predicted ones, with R², MAE and RMSE.

    >>> residuals([1.0, 2.0, 3.0], [1.5, 2.0, 2.5], "grams").axes[1].get_ylabel()
    'true − predicted (grams)'

    Points on the line are right; a shape in the right picture is something that the model has not learnt.
    """
    score = f"R² {short(r2(true, predicted))}   MAE {plain(mae(true, predicted))}   RMSE {plain(rmse(true, predicted))}"
    true, predicted = numbers(true, predicted)
    unit = f" ({canvas.shortened(name, 30)})" if name else ""
    figure = canvas.picture(10, 4.6, adapts=True)
    left = canvas.styled(figure.add_subplot(1, 2, 1), score, f"true{unit}", f"predicted{unit}")
    right = canvas.styled(figure.add_subplot(1, 2, 2), "", f"predicted{unit}", f"true − predicted{unit}")
    known = canvas.finite(true) & canvas.finite(predicted)
    shown: dict[str, Any] = {
        "s": float(np.clip(4000 / max(len(true), 1), 8, 36)), "c": canvas.VALUE, "edgecolors": canvas.PAPER,
        "linewidths": 0.5, "alpha": float(np.clip(300 / max(len(true), 1), 0.25, 0.85)), "rasterized": len(true) > 2000,
    }  # fmt: skip
    left.scatter(true[known], predicted[known], **shown)
    right.scatter(predicted[known], (true - predicted)[known], **shown)
    if known.any():
        both = np.concatenate([true[known], predicted[known]])
        left.plot(*[_range(both)] * 2, color=canvas.GRAD, linewidth=1.8, zorder=0.9)
    right.axhline(0, color=canvas.GRAD, linewidth=1.8, zorder=0.9)
    left.title.set_fontsize(12)
    if not known.all():
        note = f"{counted(int((~known).sum()), 'sample')} not finite: not drawn"
        canvas.plain(right.set_title(note, loc="left"), 11)
    return figure
