"""The page of a graph in a real browser: every leaf moves, and data, gradients and the picture follow."""

from __future__ import annotations

import json

import pytest

from autograd_tiny import Op, Value
from autograd_tiny.engine.digits import short
from autograd_tiny.engine.value import topological_order
from autograd_tiny.live import live as page_of
from autograd_tiny.nn.modules import MLP

pytestmark = pytest.mark.browser

HOSTILE = [
    "</script><script>document.title='owned'</script>",
    "\"'><img src=x onerror=document.title='owned'>",
    "אבג\u202e",
    "🙂 a&b<c $DATA",
    "a" * 500,
]
BOXES = """[...document.querySelectorAll('#picture [data-node]')].map(g =>
  [g.querySelector('.value').textContent, g.querySelector('.grad').textContent])"""


def twice(a=1.0):
    a = Value(a, "a")
    b = a + a
    b.name = "b"
    c = b + b
    c.name = "c"
    return c


def boxes(y):
    y.backward()
    return [[f"data {short(v.data)}", f"grad {short(v.grad)}"] for v in topological_order(y)]


@pytest.fixture
def opened(browser, tmp_path):
    contexts = []

    def open_(page, **options):
        path = page.write(tmp_path / "page.html")
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        tab = context.new_page()
        contexts.append(context)
        tab.heard = []
        contexts[-1].heard = tab.heard
        tab.on("console", lambda message: tab.heard.append(message.text))
        tab.on("pageerror", lambda error: tab.heard.append(str(error)))
        tab.on("request", lambda request: request.url[:5] in ("file:", "data:") or tab.heard.append(request.url))
        tab.goto(path.as_uri())
        return tab

    yield open_
    for context in contexts:
        assert context.heard == []
        context.close()


def until(page, expression):
    """Wait until an expression of the page is true; Playwright's own way needs eval."""
    for _ in range(250):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"never true: {expression}")


def follows(page, y):
    """Assert that the boxes come to show this graph."""
    until(page, f"JSON.stringify({BOXES}) === JSON.stringify({json.dumps(boxes(y))})")


def test_what_happens_to_c_if_a_moves_by_a_hundredth(opened):
    page = opened(page_of(twice()))
    assert page.inner_text("#say").startswith("Move a by 0.01, and c moves by 0.04:")
    page.click("#try")
    follows(page, twice(1.01))
    assert page.inner_text("#moved") == "a moved by 0.01: by the gradient c moves by 0.04; it moved by 0.04."
    page.click("#back")
    follows(page, twice())
    assert page.inner_text("#moved") == ""
    agrees = "The numbers of this page were computed here, and are those of the Python that made it."
    until(page, f"document.getElementById('check').textContent === {json.dumps(agrees)}")


def test_a_value_is_called_by_its_variable():
    first = Value(1.0)
    total = first * 3.0
    assert "Move first by 0.01, and total moves by 0.03:" in page_of(total).text


def test_a_leaf_is_typed_and_dragged_and_keyed(opened):
    def f(x):
        return x * x * 3.0

    page = opened(page_of(f, 2.0))
    page.fill("[type=text]", "-1.5")
    follows(page, f(Value(-1.5)))
    page.fill("[type=text]", "2,5")
    assert page.get_attribute("[type=text]", "aria-invalid") == "true"
    page.evaluate(
        "e => { const r = document.querySelector('[type=range]'); r.value = 3; r.dispatchEvent(new Event('input')); }"
    )
    follows(page, f(Value(3.0)))
    assert page.input_value("[type=text]") == "3"
    assert "x moved by 1: by the gradient x * x * 3 moves by 12; it moved by 15." in page.inner_text("#moved")
    page.focus("[type=range]")
    page.keyboard.press("Home")
    until(page, "document.querySelector('[type=text]').value === '-2'")
    follows(page, f(Value(-2.0)))


def test_a_branch_that_is_crossed_is_said(opened):
    page = opened(page_of(lambda x: x * 2.0 if x > 1 else x, 2.0))
    page.fill("[type=text]", "0.5")
    until(page, "document.getElementById('moved').textContent.includes('x > 1 was true and is false now')")


def test_what_cannot_move_says_why_and_nan_is_marked(opened):
    op = Op("branched", lambda x: x if x > 0 else 0.0, (lambda y, x: 1.0,))
    page = opened(page_of(op(Value(2.0, "a")) * Value(3.0, "b").log()))
    rows = dict(zip(page.locator("tbody th").all_inner_texts(), page.locator("tbody tr").all(), strict=True))
    assert rows["a"].locator("[type=text]").is_disabled()
    assert "a cannot move: branched is not made of arithmetic" in rows["a"].inner_text()
    rows["b"].locator("[type=text]").fill("-1")
    until(page, "document.querySelectorAll('.off').length > 0")
    assert ["data nan", "grad 2"] in page.evaluate(BOXES)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_text(opened, name):
    y = Value(2.0, name) * 3.0
    y.name = name
    page = opened(page_of(y))
    assert page.title() != "owned"
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert page.locator("tbody th").inner_text() == name
    page.click("#try")
    until(page, "document.getElementById('moved').textContent.includes('moves by 0.03; it moved by 0.03.')")


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False)])
def test_accessible_and_no_wider_than_the_screen(opened, width, dark):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core checks accessibility")
    model = MLP(2, [3, 1], seed=0)
    page = opened(
        page_of(model, [0.5, -0.25]), viewport={"width": width, "height": 800}, color_scheme="dark" if dark else "light"
    )
    page.click("#try")
    page.evaluate("document.querySelector('meta[http-equiv]').remove()")
    response = axe.Axe().run(page).response
    assert [(v["id"], [n["target"] for n in v["nodes"]]) for v in response["violations"]] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_without_javascript_it_is_a_picture(opened):
    page = opened(page_of(twice()), java_script_enabled=False)
    assert page.locator("#say").inner_text().startswith("Move a by 0.01, and c moves by 0.04:")
    assert page.locator("#picture .grad").all_text_contents() == ["grad 4", "grad 2", "grad 1"]
    assert page.locator("#leaves input").first.is_disabled()


def test_a_thousand_values_are_drawn_in_a_frame(opened):
    page = opened(page_of(MLP(2, [16, 16, 1], seed=0), [1.0, 2.0]))
    assert page.locator("#leaves tr").count() == 300
    assert "The 300 of 339 leaves" in page.inner_text("caption")
    outer, box = page.locator("#picture").bounding_box(), page.locator("#picture .output").bounding_box()
    assert outer["x"] <= box["x"] <= outer["x"] + outer["width"]
    assert outer["y"] <= box["y"] <= outer["y"] + outer["height"]
    page.click("#try")
    until(page, "document.getElementById('moved').textContent !== ''")
    spent = page.evaluate(
        """() => { const start = performance.now();
        for (let i = 0; i < 20; i++) show();
        return (performance.now() - start) / 20; }"""
    )
    assert spent < 100  # 2 ms on an idle machine


def test_too_many_values_are_refused_and_a_page_says_what_it_is(tmp_path):
    with pytest.raises(ValueError, match="too large for a page: 3,001 values, and the limit is 3,000"):
        page_of(sum([Value(1.0) for _ in range(1500)], Value(0.0)))
    page = page_of(twice())
    assert repr(page).startswith("<page of 3")
    assert "sandbox" in page._repr_html_()
