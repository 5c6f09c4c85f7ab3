"""Pictures of training: their numbers by properties, their artists and the places of their labels by measure."""

import io
import math
from itertools import combinations, pairwise
from typing import ClassVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

np = pytest.importorskip("numpy", reason="plots are of arrays")
matplotlib = pytest.importorskip("matplotlib", reason="plots need matplotlib")
from autograd_tiny import Value, ops, value_and_grad  # noqa: E402
from autograd_tiny.nn import MLP, LayerNorm, Linear, Module, Sequential  # noqa: E402
from autograd_tiny.pictures import theme  # noqa: E402
from autograd_tiny.train.views import canvas, plots, surfaces  # noqa: E402


@pytest.fixture(autouse=True, scope="module")
def _no_pyplot():
    """No picture changes the global state."""
    before = dict(matplotlib.rcParams)
    yield
    assert dict(matplotlib.rcParams) == before


def rendered(figure):
    written = io.BytesIO()
    figure.savefig(written, format="png", dpi=60)
    assert written.getvalue().startswith(b"\x89PNG")
    return figure


def texts(figure):
    """Return the texts of a drawn figure with their places; ticks beyond the ends of an axis are not drawn."""
    found = [t for legend in figure.legends for t in legend.get_texts()]
    for ax in figure.axes:
        found += [*ax.texts, *(getattr(ax, name) for name in ("title", "_left_title", "_right_title"))]
        for axis in (ax.xaxis, ax.yaxis):
            low, high = sorted(axis.get_view_interval())
            ticks = [tick.label1 for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]
            found += [axis.label, *ticks]
    return [(t, t.get_window_extent()) for t in found if t.get_visible() and t.get_text().strip()]


def faults(figure):
    """Return pairs of level texts that cover each other, and texts that reach over the edge of the picture."""
    figure.draw_without_rendering()
    found = texts(figure)
    edge = figure.bbox.padded(1)
    level = [(t.get_text(), box.padded(-1)) for t, box in found if t.get_rotation() % 90 == 0]
    return [(a, b) for (a, one), (b, two) in combinations(level, 2) if one.overlaps(two)] + [
        t.get_text() for t, box in found if not (edge.x0 <= box.x0 and box.x1 <= edge.x1 and edge.y0 <= box.y0 and
                                                 box.y1 <= edge.y1)
    ]  # fmt: skip


LONG = [f"a rather long name of a class, number {i}" for i in range(12)]
rng = np.random.default_rng(0)
CENTRES = rng.normal(size=(12, 2)) * 4
POINTS = np.repeat(CENTRES, 10, 0) + rng.normal(size=(120, 2))


def nearest(points):
    return -((points[:, None] - CENTRES[None]) ** 2).sum(-1)


HISTORY = [
    {"epoch": i, "loss": math.exp(-i / 4), "validation_loss": math.exp(-i / 4) * 1.01, "accuracy": 1.0,
     "validation_accuracy": 1.0, "seconds": 0.1, "note": "text"}
    for i in range(1, 21)
]  # fmt: skip
ALL = {
    "curves": lambda: plots.curves(HISTORY),
    "curves of one epoch": lambda: plots.curves(HISTORY[:1]),
    "curves with nan": lambda: plots.curves([*HISTORY[:2], {"epoch": 3, "loss": math.nan}, *HISTORY[3:]]),
    "boundary": lambda: plots.boundary(nearest, POINTS, np.repeat(range(12), 10), labels=LONG, features=LONG[:2]),
    "weights": lambda: plots.weights(MLP(3, [24, 1], seed=0), np.arange(121.0)),
    "landscape": lambda: plots.landscape(lambda x: (x[0] - 1) ** 2 + x[1] ** 2 + 0.1, np.array([1.0, 0.2]), size=9),
    "landscape of a path": lambda: plots.landscape(
        lambda x: (x[0] - 1) ** 2 + x[1] ** 2, np.array([1.0, 0.2]), path=[[0.0, 2.0], [0.5, 1.5], [1.0, 0.2]], size=9
    ),
    "confusion": lambda: plots.confusion(rng.integers(0, 10**6, (12, 12)), LONG),
    "confusion of two": lambda: plots.confusion([[5, 0], [1, 7]], ["no", "yes"]),
    "confusion of 70": lambda: plots.confusion(np.eye(70, dtype=int)),
    "residuals": lambda: plots.residuals([1.0, 2.0, 1e6], [1.5, 2.0, 1e6], "a quantity with a long name"),
}


@pytest.mark.parametrize("name", ALL)
def test_no_text_covers_another_or_is_cut(name):
    assert faults(ALL[name]()) == []


def test_a_picture_shows_itself_in_a_notebook():
    png, size = plots.curves(HISTORY[:2])._repr_png_()
    assert png.startswith(b"\x89PNG")
    assert size == {"width": 1000, "height": 380}


def test_a_dark_style_of_the_user_changes_nothing():
    pixels = []
    for style in ("default", "dark_background"):
        with matplotlib.style.context(style):
            figure = plots.residuals([1.0, 2.0], [1.5, 2.0])
            written = io.BytesIO()
            figure.savefig(written, format="png", dpi=40)
            pixels.append(matplotlib.image.imread(io.BytesIO(written.getvalue())))
    assert np.abs(pixels[0] - pixels[1]).max() < 0.02


def test_dollars_and_control_characters_are_text():
    figure = plots.confusion([[1, 0], [0, 1]], ["price in $ per $", "a\nb\x1b[2J"])
    assert not any(t.get_parse_math() for t, _ in texts(figure))
    labels = [t.get_text() for t in figure.axes[0].get_yticklabels()]
    assert labels == ["price in $ per $", "a\\nb\\x1b[2J"]


# Curves


def test_curves_are_paired_and_their_ends_named():
    figure = plots.curves(HISTORY)
    loss, accuracy = figure.axes
    assert [ax.get_title("left") for ax in figure.axes] == ["loss", "accuracy"]
    assert [line.get_label() for line in loss.lines] == ["training", "validation"]
    assert loss.get_yscale() == "log"
    assert accuracy.get_yscale() == "linear"
    assert [t.get_text().split("\n")[0] for t in loss.texts] == ["training", "validation"]


def test_curves_say_where_a_number_is_not_finite():
    ax = plots.curves([{"epoch": e, "loss": x} for e, x in ((1, 1.0), (2, math.nan), (3, 0.5), (4, math.inf))]).axes[0]
    assert ax.texts[-1].get_text() == "training: not finite at epoch 2 and 1 more"
    ax = plots.curves([{"epoch": e, "loss": x} for e, x in ((1, 1.0), (2, math.nan), (3, math.nan))]).axes[0]
    assert ax.texts[-1].get_text() == "training: not finite from epoch 2"
    assert len(plots.curves([{"loss": math.nan}]).axes) == 1


def test_a_number_that_some_epochs_lack_is_not_reported():
    history = [
        {"epoch": i, "loss": 1.0 / i, **({"validation_loss": 1.0 / i} if i % 5 == 0 else {})} for i in range(1, 21)
    ]
    ax = plots.curves(history).axes[0]
    assert not [t for t in ax.texts if "not finite" in t.get_text()]
    validation = next(line for line in ax.lines if line.get_label() == "validation")
    assert validation.get_xdata().tolist() == [5, 10, 15, 20]


@given(st.lists(st.floats(0, 100), min_size=1, max_size=5), st.floats(0.1, 20))
def test_labels_stand_apart_in_order(places, least):
    moved = canvas.apart(places, least, 0.0, 100.0)
    order = sorted(range(len(places)), key=lambda i: places[i])
    assert all(moved[b] - moved[a] >= least - 1e-9 for a, b in pairwise(order))
    if all(places[b] - places[a] >= least for a, b in pairwise(order)) and max(places) <= 100:
        assert moved == pytest.approx(places)


ODD = st.sampled_from([0.0, 1.0, -1.0, math.nan, math.inf, -math.inf, 1e308, -1e308, 5e-324, 1e-300, None, "x", True])


@settings(max_examples=4)
@given(st.lists(st.fixed_dictionaries({"loss": ODD, "validation_loss": ODD}), min_size=1, max_size=3))
def test_curves_of_anything(history):
    rendered(plots.curves([{"loss": 1.0}, *history]))


@pytest.mark.parametrize("x", [math.inf, 1e308, 5e-324])
def test_numbers_that_matplotlib_cannot_take(x):
    model = Linear(2, 1, seed=0)
    model.weight[0][0].data = x
    rendered(plots.weights(model))
    rendered(plots.residuals([1.0, x], [x, 2.0]))


def test_a_loss_that_is_finite_nowhere_is_refused():
    for x in (math.nan, 1e308):
        with pytest.raises(ValueError, match="the loss is not finite, or beyond 1e150, everywhere around theta"):
            plots.landscape(lambda v, x=x: x + 0 * v[0], np.array([1.0, 2.0]), size=5)


# Boundary


@given(st.integers(2, 5), st.integers(1, 6))
def test_probabilities_of_what_a_model_returns(k, n):
    scores = np.random.default_rng(n).normal(size=(n, k))
    classes = np.arange(k)
    shares = surfaces.probabilities(scores, n, classes)
    assert shares.sum(1) == pytest.approx(1)
    assert (shares.argmax(1) == scores.argmax(1)).all()
    assert surfaces.probabilities(shares, n, classes) == pytest.approx(shares)
    assert (surfaces.probabilities(scores.argmax(1), n, classes).argmax(1) == scores.argmax(1)).all()


@pytest.mark.parametrize(
    ("scores", "second"),
    [
        ([0.2, 0.9], [0.2, 0.9]),
        ([[0.2], [0.9]], [0.2, 0.9]),
        ([0.0, 3.0], [0.5, 1 / (1 + math.exp(-3))]),
        ([-1000.0, 1000.0], [0.0, 1.0]),
    ],
)
def test_one_number_for_two_classes(scores, second):
    for classes in ([0, 1], [-1, 1], ["no", "yes"]):
        assert surfaces.probabilities(scores, 2, np.array(classes))[:, 1] == pytest.approx(second)


def test_regions_follow_the_classes_and_wrong_samples_are_counted():
    figure = plots.boundary(lambda X: np.where(X[:, 0] > 0, "right", "left"), [[-1, 0], [1, 0], [2, 0]],
                            ["left", "right", "left"])  # fmt: skip
    shade = figure.axes[0].images[0].get_array()
    assert shade[0, 0].argmax() == 2  # blue
    assert shade[0, -1].argmax() == 0  # orange
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["left", "right", "wrong: 1"]


def test_the_line_between_regions_is_where_both_are_as_likely():
    figure = plots.boundary(lambda X: np.stack([X[:, 0], 0.5 - X[:, 0]], 1), [[0, 0], [1, 1]], [0, 1])
    lines = [
        path.vertices
        for made in figure.axes[0].collections
        for path in made.get_paths()
        if made.get_array() is not None
    ]
    points = np.concatenate([v for v in lines if len(v)])
    assert points[:, 0] == pytest.approx(0.25)


def test_a_class_without_samples_keeps_its_colour():
    figure = plots.boundary(lambda X: np.eye(3)[np.full(len(X), 2)], [[0, 0], [1, 1]], [2, 0], labels="abc")
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["a", "b", "c", "wrong: 1"]


def test_values_tables_and_steps_of_an_epoch():
    model = MLP(2, [1], seed=0)
    frame = pytest.importorskip("pandas").DataFrame({"length": [0.0, 1.0], "width": [1.0, 0.0]})
    figure = plots.boundary(lambda X: [model(x) for x in X[:100]] * (len(X) // 100 or 1), frame, np.array([0, 1]))
    assert [figure.axes[0].get_xlabel(), figure.axes[0].get_ylabel()] == ["length", "width"]
    steps = plots.curves([{"epoch": 1, "step": i, "loss": 1.0} for i in range(3)])
    assert steps.axes[0].get_xlabel() == "step"


# Weights


@pytest.mark.parametrize(
    "model",
    [MLP(3, [4, 2], seed=0), Sequential(Linear(3, 4, seed=0), ops.tanh, LayerNorm(4), Linear(4, 2, seed=0))],
)
def test_matrices_hold_every_parameter_once(model):
    numbers = {name: float(i) for i, (name, _) in enumerate(model.named_parameters())}
    tables = surfaces.matrices(numbers)
    found = [x for w, b in tables.values() for x in [*w.ravel(), *([] if b is None else b)]]
    assert sorted(found) == sorted(numbers.values())
    assert [w.shape for w, b in tables.values() if b is not None] == [(4, 3), (2, 4)]


def test_a_row_of_a_matrix_is_an_output():
    layer = Linear(2, 3, seed=0)
    w, b = surfaces.matrices(layer.state_dict())["weight"]
    assert w @ np.array([1.0, 2.0]) + b == pytest.approx([y.data for y in layer([1.0, 2.0])])


def test_the_gradient_of_value_and_grad_stands_beside():
    model = MLP(2, [3, 1], seed=0)
    _, gradient = value_and_grad(lambda m: m([1.0, 2.0]) ** 2)(model)
    figure = plots.weights(model, gradient)
    titles = [ax.get_title("left") for ax in figure.axes if ax.get_title("left")]
    assert titles == [
        "layers[0].weight  3×2, and bias", "gradient of layers[0].weight  3×2, and bias",
        "layers[1].weight  1×3, and bias", "gradient of layers[1].weight  1×3, and bias",
    ]  # fmt: skip
    shown = next(ax for ax in figure.axes if ax.get_title("left") == titles[1]).images
    assert shown[0].get_array()[2, 1] == gradient["layers[0].neurons[2].w[1]"]
    assert shown[0].norm.vmin == -shown[0].norm.vmax
    assert np.array_equal(
        shown[0].get_array(), _first_gradient(plots.weights(model, [*gradient.values()])), equal_nan=True
    )


def _first_gradient(figure):
    return next(ax for ax in figure.axes if ax.get_title("left").startswith("gradient")).images[0].get_array()


def test_scalars_of_a_module_share_a_row():
    class Line(Module):
        def __init__(self):
            self.layer = Linear(1, 2, seed=0)
            self.slope, self.height = Value(1.0), Value(2.0)

    tables = surfaces.matrices(Line().state_dict())
    assert tables["slope, height"][0].tolist() == [[1.0, 2.0]]


# Landscape


def bowl(x):
    return sum((i + 1.0) * v * v for i, v in enumerate(x))


@given(st.integers(2, 6), st.integers(0, 100))
def test_directions_are_as_long_as_each_filter(n, seed):
    model = Sequential(Linear(n, 3, seed=seed), Linear(3, 1, seed=seed))
    names = [name for name, _ in model.named_parameters()]
    centre = np.array([p.data for p in model.parameters()])
    for direction in surfaces._random(centre, names, seed):
        for row in range(3):
            chosen = [i for i, name in enumerate(names) if name.startswith(f"layers[0].weight[{row}]")]
            assert np.linalg.norm(direction[chosen]) == pytest.approx(np.linalg.norm(centre[chosen]))


def test_the_loss_over_the_plane_is_that_of_its_points():
    theta = np.array([1.0, -2.0, 0.5])
    found = surfaces.plane(bowl, theta, (), None, 5, 0)
    first, second = surfaces._random(theta, ["theta[0]", "theta[1]", "theta[2]"], 0)
    for i, b in enumerate(found.b):
        for j, a in enumerate(found.a):
            assert found.losses[i, j] == pytest.approx(bowl(theta + a * first + b * second))


def test_the_path_stands_where_its_losses_are():
    """A path in two dimensions lies in the plane, so that the coordinates give back its points."""
    path = np.array([[3.0, 1.0], [2.0, 1.5], [1.0, 0.2]])
    theta = np.array([1.0, 0.2])
    found = surfaces.plane(bowl, theta, (), path, 5, 0)
    assert found.path[-1] == pytest.approx([0, 0], abs=1e-12)
    assert np.linalg.norm(found.path[0] - found.path[1]) == pytest.approx(np.linalg.norm(path[0] - path[1]))
    assert sum(found.shares) == pytest.approx(1)
    assert (found.a[0] <= found.path[:, 0]).all()
    assert (found.path[:, 0] <= found.a[-1]).all()


def test_array_module_and_samples_agree():
    model = Linear(2, 1, seed=0)
    X, y = np.array([[1.0, 2.0], [0.5, -1.0]]), np.array([1.0, 0.0])
    theta = np.array([p.data for p in model.parameters()])

    def of_array(w):
        return sum((w[0] * x[0] + w[1] * x[1] + w[2] - t) ** 2 for x, t in zip(X, y, strict=True)) / 2

    path = np.stack([theta + 1.0, theta + [0.5, 0.1, 0.0], theta])
    planes = [
        surfaces.plane(of_array, theta, (), path, 5, 0),
        surfaces.plane(lambda m: sum((m(x)[0] - t) ** 2 for x, t in zip(X.tolist(), y, strict=True)) / 2, model, (),
                       path, 5, 0),
        surfaces.plane(lambda m, x, t: (m(x)[0] - t) ** 2, model, (X, y), path, 5, 0),
    ]  # fmt: skip
    for other in planes[1:]:
        assert other.losses == pytest.approx(planes[0].losses)


def test_a_function_of_floats_alone_is_drawn_too():
    found = surfaces.plane(lambda x: float(math.exp(x[0])) + abs(float(x[1])), np.array([0.5, 1.0]), (), None, 5, 0)
    assert found.losses[2, 2] == pytest.approx(math.exp(0.5) + 1.0)


def test_where_the_loss_is_not_finite_the_plane_is_grey():
    figure = rendered(plots.landscape(lambda x: ops.log(x[0]) + x[1] ** 2, np.array([0.3, 1.0]), size=11))
    assert figure.axes[0].get_title("left").startswith("grey: not finite (")


@pytest.mark.parametrize("path", [[[1.0, 0.2]], [[0.0, 0.0], [1.0, 0.2]], [[1.0, 0.2]] * 3])
def test_a_short_straight_or_still_path(path):
    rendered(plots.landscape(bowl, np.array([1.0, 0.2]), path=path, size=5))


# Confusion and residuals


def test_confusion_of_a_matrix_and_of_predictions_agree():
    for true, predicted in (([0, 1, 1], [0, 1, 0]), (["cat", "dog", "dog"], ["cat", "dog", "cat"])):
        ax = plots.confusion((true, predicted), ["cat", "dog"]).axes[0]
        assert [t.get_text() for t in ax.texts] == ["1", "0", "1", "1"]
        assert [t.get_text() for t in ax.get_xticklabels()] == ["cat", "dog"]


def test_letters_on_cells_are_readable():
    """WCAG contrast of 4.5 on every shade, but of zeros."""
    for share in np.linspace(0, 1, 101):
        cell = canvas.SEQUENTIAL(share)[:3]
        letter = matplotlib.colors.to_rgb(theme.ON_LIGHT if canvas.luminous(cell) else theme.ON_DARK)
        light, dark = sorted((_luminance(cell), _luminance(letter)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 4.5


def _luminance(color):
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_residuals_say_what_is_not_drawn():
    figure = rendered(plots.residuals([1.0, 2.0, 3.0], [1.0, math.nan, 3.5]))
    assert figure.axes[1].get_title("left") == "1 sample not finite: not drawn"


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: plots.curves([]), "a list of dicts, one for each epoch, got"),
        (lambda: plots.curves({"loss": [1.0]}), "a list of dicts, one for each epoch"),
        (lambda: plots.curves([{"epoch": 1}]), "no numbers to draw: its keys are 'epoch'"),
        (lambda: plots.boundary(nearest, [[1.0, 2.0, 3.0]], [0]), r"two columns, got an array of shape \(1, 3\)"),
        (lambda: plots.boundary(nearest, [[1.0, math.nan]], [0]), r"X\[0, 1\] is nan"),
        (lambda: plots.boundary(nearest, POINTS, np.arange(120)), "y has 120 different entries"),
        (lambda: plots.boundary(nearest, POINTS, np.arange(120) % 2), "12 scores for each point, and there are 2"),
        (
            lambda: plots.boundary(lambda X: X[:, 0], POINTS, np.arange(120) % 3),
            "one number for each point, and y has 3",
        ),
        (lambda: plots.boundary(lambda X: X[:1], POINTS, np.arange(120) % 2), "one row for each is needed"),
        (
            lambda: plots.boundary(nearest, POINTS, np.arange(120) % 2, labels="abc d"),
            "labels names 5 classes|12 scores",
        ),
        (
            lambda: plots.boundary(lambda X: ["c"] * len(X), POINTS, ["a", "b"] * 60),
            "the class 'c', which is not one of y",
        ),
        (lambda: plots.boundary(nearest, POINTS, [0]), r"X has 120 rows, y has the shape \(1,\)"),
        (lambda: plots.weights(MLP(1, [1]), {"a": 1.0}), "gradient has other names"),
        (lambda: plots.weights(MLP(1, [1]), [1.0]), "gradient has 1 number, .* has 2 parameters"),
        (lambda: plots.weights(MLP(1, [1] * 30)), "30 matrices and vectors: weights draws at most 24"),
        (lambda: plots.landscape(bowl, np.array([1.0])), "two finite parameters or more"),
        (lambda: plots.landscape(bowl, np.array([1.0, math.nan])), "two finite parameters or more"),
        (lambda: plots.landscape(bowl, np.array([1.0, 2.0]), path=[[1.0]]), r"path has the 2 parameters .* \(1, 1\)"),
        (lambda: plots.landscape(bowl, np.array([1.0, 2.0]), size=1), "size is the number of points"),
        (lambda: plots.confusion([[1, 2]]), "a row and a column for each class"),
        (lambda: plots.confusion([[1]], ["a", "b"]), "labels names 2 classes, the matrix has 1"),
        (lambda: plots.residuals([1.0], [1.0, 2.0]), "true has 1 sample"),
    ],
)
def test_refusals(call, told):
    with pytest.raises(ValueError, match=told):
        call()


def test_the_result_of_a_fit_is_told_where_its_history_is():
    class Fitted:
        history: ClassVar = [{"epoch": 1, "loss": 1.0}]

    with pytest.raises(ValueError, match="one for each epoch, as in the history of what fit returns"):
        plots.curves(Fitted())
