"""Reports: what they say, what they refuse, and the page in a real browser, with hostile texts."""

import io
import math
import re
from dataclasses import replace

import pytest

np = pytest.importorskip("numpy", reason="reports are of arrays")
pytest.importorskip("matplotlib", reason="the page of a report has figures")
from autograd_tiny.nn import MLP  # noqa: E402
from autograd_tiny.train import make_report, plots, print_report, write_report  # noqa: E402
from autograd_tiny.train.views.judging import Sheet  # noqa: E402
from autograd_tiny.train.views.report import _written, page  # noqa: E402

HOSTILE = [
    "<script>document.title='owned'</script>",
    '"><img src=x onerror="document.title=\'owned\'">',
    "a\u202eb\x1b]0;x",
]
HISTORY = [{"epoch": i, "loss": 1 / i, "validation_loss": 1.1 / i} for i in range(1, 6)]


def of_classes(labels=("a", "b", "c"), **options):
    shares = np.array([[0.8, 0.1, 0.1], [0.3, 0.6, 0.1], [0.2, 0.7, 0.1], [0.05, 0.05, 0.9]])
    return make_report([0, 1, 2, 2], shares, labels=labels, **options)


def printed(report, width=100):
    import os
    from unittest import mock

    written = io.StringIO()
    with mock.patch.dict(os.environ, {"COLUMNS": str(width)}):
        print_report(report, written)
    return written.getvalue()


# What it says


def test_the_most_wrong_come_first_with_their_loss_and_their_columns():
    report = of_classes(rows={"length": [1.5, 2.5, 3.5, 4.5]})
    wrong = report.tables[-1]
    assert wrong.columns == ["sample", "true", "predicted", "loss", "length"]
    assert wrong.rows[0] == [2, "c", "b", pytest.approx(-math.log(0.1)), 3.5]
    assert [row[0] for row in wrong.rows] == [2, 1, 0, 3]


def test_ten_rows_and_nan_first():
    losses = np.r_[np.arange(20.0), math.nan]
    report = make_report(np.zeros(21), np.ones(21), losses=losses)
    assert [row[0] for row in report.tables[-1].rows] == [20, 19, 18, 17, 16, 15, 14, 13, 12, 11]


@pytest.mark.parametrize("shift", [0.0, 3.0])
def test_scores_count_as_their_softmax(shift):
    scores = np.array([[1.0, 2.0], [0.5, -1.0]]) + shift
    shares = np.exp(scores) / np.exp(scores).sum(1, keepdims=True)
    tables = [make_report([0, 1], x).tables[-1].rows for x in (scores, shares)]
    assert [row[3] for row in tables[0]] == pytest.approx([row[3] for row in tables[1]])


def test_classes_by_name_by_index_and_by_score_agree():
    names = ["low", "high"]
    reports = [
        make_report(["low", "high", "high"], ["low", "low", "high"], labels=names),
        make_report([0, 1, 1], [0, 0, 1], labels=names),
        make_report([0, 1, 1], [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]], labels=names),
        make_report(["low", "high", "high"], [[0.9, 0.1], [0.8, 0.2], [0.3, 0.7]], labels=names),
    ]
    reports += [make_report([0.0, 1.0, 1.0], x, labels=names) for x in ([0.1, 0.2, 0.7], [[-1.0], [-2.0], [3.0]])]
    assert len({(str(r.facts), str(r.tables[0])) for r in reports}) == 1
    assert reports[0].facts["accuracy"] == "0.6667 (2 of 3)"


def test_all_right_has_no_table_of_wrong_ones():
    assert [sheet.title for sheet in make_report(["a", "b"], ["a", "b"]).tables] == ["Each class"]


def test_numbers_with_their_errors():
    report = make_report([1.0, 2.0, 3.0], [1.0, 2.0, 5.0], name="grams")
    assert report.facts == {"samples": "3", "R²": "-1", "MAE": "0.6667", "RMSE": "1.155"}
    assert report.tables[0].rows[0] == [2, 3.0, 5.0, 2.0]


def test_a_data_frame_has_columns():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"x": [1.0, 2.0]}, index=[7, 9])
    assert make_report([1.0, 2.0], [1.0, 4.0], rows=frame).tables[0].rows[0] == [1, 2.0, 4.0, 2.0, 2.0]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: make_report([0, 9], [0, 1], labels=["a", "b"]), "sample 1 has the class 9, which is not among"),
        (lambda: make_report(["a"], ["a", "b"]), "true has 1 sample, predicted has 2"),
        (lambda: make_report([0, 1], [[1.0, 2.0]]), r"predicted has the shape \(1, 2\): a row for each of 2 samples"),
        (
            lambda: make_report([1.0], [1.0], losses=[1.0, 2.0]),
            r"losses has the shape \(2,\): one for each of 1 sample",
        ),
        (lambda: make_report([1.0], [1.0], rows={"x": [1, 2]}), r"rows\['x'\] has 2 entries for 1 sample"),
    ],
)
def test_refusals(call, told):
    with pytest.raises(ValueError, match=told):
        call()


# In the terminal


@pytest.mark.parametrize("width", [20, 40, 80, 200])
def test_the_terminal_has_every_fact_within_its_width(width):
    rows = {f"column {i}": [1.0] * 4 for i in range(9)}
    text = printed(of_classes(history=HISTORY, model=MLP(2, [3, 3], seed=0), rows=rows, facts={"file": "a.csv"}), width)
    assert all(len(line) <= width for line in text.splitlines())
    for word in ("file", "a.csv", "accuracy", "MLP(2"):
        assert word in text
    assert ("column 8" in text) == (width == 200)
    assert ("more columns, for which" in " ".join(text.split())) == (width < 200)


def test_the_terminal_shows_texts_as_they_are():
    text = printed(of_classes(labels=["[bold]x[/bold]", "\x1b[2J", ":smile:"], title="\x1b]0;owned\x07"))
    assert "\x1b" not in text
    assert "[bold]x[/bold]" in text
    assert ":smile:" in text


# The page


def test_the_page_loads_nothing_and_runs_nothing(tmp_path):
    report = of_classes(labels=HOSTILE, title=HOSTILE[0], facts={HOSTILE[1]: HOSTILE[0]}, history=HISTORY)
    text = write_report(report, tmp_path / "report.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    assert "script-src" not in text
    bare = re.sub(r'src="data:image/svg\+xml;base64,[^"]*"', "", text)
    assert not re.search(r"<script|<img[^>]*onerror|https?://|style=", bare)


def test_figures_of_ones_own_and_of_plain_matplotlib():
    from matplotlib.figure import Figure

    own = Figure()
    own.add_subplot().plot([1, 2], [1, 2])
    text = page(
        replace(make_report(["a"], ["a"]), figures={"Mine <&>": lambda: own}, tables=[Sheet("T", ["x"], [[1]])])
    )
    assert '<h2>Mine &lt;&amp;&gt;</h2><div class="wide light"' in text


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_in_a_browser(browser, tmp_path, scheme):
    report = of_classes(
        labels=HOSTILE, title=HOSTILE[0], facts={name: name for name in HOSTILE}, history=HISTORY, model=HOSTILE[1],
        rows={HOSTILE[1]: [*HOSTILE, "x" * 300]},
    )  # fmt: skip
    report = replace(report, figures=report.figures | {HOSTILE[1]: lambda: plots.confusion([[1]], [HOSTILE[0]])})
    path = write_report(report, tmp_path / "report.html")
    context = browser.new_context(color_scheme=scheme, viewport={"width": 390, "height": 800})
    opened, heard = context.new_page(), []
    opened.on("console", lambda message: heard.append(message.text))
    opened.on("pageerror", lambda error: heard.append(str(error)))
    opened.on("request", lambda r: r.url.startswith(("file:", "data:")) or heard.append(r.url))
    opened.goto(path.as_uri())
    assert opened.title() == HOSTILE[0]
    assert opened.locator("h1").inner_text() == HOSTILE[0]
    assert opened.locator("script").count() == 0
    assert opened.locator("dd").all_inner_texts()[:2] == HOSTILE[:2]
    assert opened.locator("img").evaluate_all("all => all.every(i => i.complete && i.naturalWidth > 100)")
    assert opened.locator("img").count() == 3
    assert opened.evaluate("document.documentElement.scrollWidth") <= 390
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core checks accessibility")
    found = axe.Axe().run(opened).response
    assert len(found["passes"]) > 10
    assert [violation["id"] for violation in found["violations"]] == []
    ground = opened.evaluate("getComputedStyle(document.body).backgroundColor")
    assert ground == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(20, 23, 28)")
    opened.emulate_media(media="print")
    assert opened.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert heard == []
    context.close()


@pytest.mark.parametrize(
    ("x", "told"),
    [(424582.3, "424582"), (-42278.51, "-42279"), (11390.2, "11390"), (9042.2, "9042"), (123456789.4, "123456789"),
     (0.41997, "0.4200"), (3.0e12 + 0.5, "3.000e+12"), (math.inf, "inf"), (math.nan, "–")],
)  # fmt: skip
def test_a_large_number_is_told_beside_others_of_its_column_without_an_exponent(x, told):
    true = np.array([466860.0, 332014.0, 588886.0])
    report = make_report(true, true + [0.25, 42278.3, -3.5])
    assert "e+" not in report.facts["RMSE"] + "".join(map(_written, report.tables[0].rows[0]))
    assert _written(x) == told
