"""Test the page in a real browser: every control, step and key, hostile names, no network, accessibility."""

from __future__ import annotations

import pytest

from autograd_tiny import Value
from autograd_tiny.engine.digits import short
from autograd_tiny.engine.provenance import tracing
from autograd_tiny.nn.modules import MLP
from autograd_tiny.stepper.breakpoints import BreakpointError
from autograd_tiny.stepper.flags import FLAGS
from autograd_tiny.stepper.traces import trace
from autograd_tiny.stepper.views.page import embedded, write_page

pytestmark = pytest.mark.browser

HOSTILE = [
    "</script><script>document.title='owned'</script>",
    "\"'><img src=x onerror=document.title='owned'>",
    "אבג\u202e",
    "🙂 a&b<c",
]


def neuron():
    with tracing() as recording:
        x1, x2 = Value(2.0, "x1"), Value(0.0, "x2")
        w1, w2, b = Value(-3.0, "w1"), Value(1.0, "w2"), Value(6.88, "b")
        o = (x1 * w1 + x2 * w2 + b).tanh()
    o.name = "o"
    return trace(o, recording)


def twice():
    a = Value(3.0, "a")
    b = a + a
    b.name = "b"
    c = b + b
    c.name = "c"
    return trace(c)


@pytest.fixture
def opened(browser, tmp_path):
    pages = []

    def open_(steps, width=1280, height=800, hash_=""):
        path = write_page(steps, tmp_path / "page.html")
        page = browser.new_page(viewport={"width": width, "height": height})
        pages.append(page)
        page.heard = []
        page.on("console", lambda message: page.heard.append(message.text))
        page.on("pageerror", lambda error: page.heard.append(str(error)))
        page.on(
            "request",
            lambda request: (
                request.url.startswith("file:") or request.url.startswith("data:") or page.heard.append(request.url)
            ),
        )
        page.goto(path.as_uri() + hash_)
        return page

    yield open_
    for page in pages:
        assert page.heard == []
        page.close()


def table(page):
    return page.evaluate("rows.map(r => [r.data.textContent, r.grad.textContent])")


def state(steps, n):
    at = steps.at(n)
    grads = [at.grad(node) for node in steps.nodes]
    return [
        [short(node.data) if at.known(node) else "–", "–" if g is None else short(g)]
        for node, g in zip(steps.nodes, grads, strict=True)
    ]


@pytest.mark.parametrize("make", [neuron, twice, lambda: trace(MLP(2, [2, 1], seed=0)([1.0, Value(2.0, "x")]))])
def test_the_state_at_every_step_is_the_traces(opened, make):
    steps = make()
    page = opened(steps)
    for n in [*range(len(steps)), *range(len(steps) - 1, -1, -1), len(steps) - 1, 0, len(steps) // 2]:
        page.evaluate(f"go({n})")
        assert table(page) == state(steps, n)
    boxes = page.evaluate("boxes.map(b => [b.data.textContent, b.g_.textContent])")
    assert boxes == [[f"data {d}", f"grad {g}"] for d, g in state(steps, len(steps) // 2)]


def test_one_step_explained(opened):
    page = opened(twice(), hash_="#step=7")
    assert page.inner_text("#headline") == "BACKWARD 7/8: how much does a move c through b?"
    assert "upstream ∂c/∂b = 2" in page.inner_text("#equation")
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#accumulation") == "a.grad += 2 : 2 → 4   (path 2 of 2, final)"
    assert "with = instead of += it would be 2" in page.inner_text("#context")
    assert page.url.endswith("#step=8")
    assert page.evaluate("document.querySelectorAll('.hot').length") == 1


def test_every_key(opened):
    steps = neuron()
    page = opened(steps)
    press, at = page.keyboard.press, lambda: page.evaluate("now") + 1
    press("End")
    assert at() == len(steps)
    press("Home")
    press("ArrowRight")
    press("ArrowRight")
    press("ArrowLeft")
    assert at() == 2
    press("g")
    page.keyboard.type("12")
    press("Enter")
    assert at() == 12
    press("Shift+ArrowRight")
    assert at() == 14
    press("b")
    page.keyboard.type("node w1")
    press("Enter")
    press("C")
    assert at() == 2
    press("c")
    assert steps[at() - 1].operand.name == "w1"
    press("b")
    page.keyboard.type("node nope")
    press("Enter")
    assert page.inner_text("#message") == "there is no node nope"
    press("Escape")
    press("/")
    page.keyboard.type("b")
    press("Enter")
    assert page.inner_text("#chosen").startswith("b: data 6.88")
    press("Home")
    press("w")
    assert steps[at() - 1].operand.name == "b"
    press("]")
    press("Escape")
    assert page.evaluate("chosen") is None
    press("x")
    assert "0.5009717437695084" in page.inner_text("#exact")
    press("f")
    assert page.get_attribute("#fit", "aria-pressed") == "true"
    press("?")
    assert page.is_visible("#help")
    press("Escape")
    press(" ")
    assert page.get_attribute("#play", "aria-pressed") == "true"
    press(" ")
    assert page.get_attribute("#play", "aria-pressed") == "false"


def test_every_control(opened):
    page = opened(neuron())
    for control, step in (("#last", 20), ("#back", 19), ("#first", 1), ("#next", 2)):
        page.click(control)
        assert page.input_value("#step") == str(step)
    page.select_option("#level", "node")
    page.click("#last")
    page.click("#back")
    page.fill("#time", "11")
    assert page.input_value("#step") == "12"
    page.fill("#step", "99")
    page.press("#step", "Enter")
    assert page.inner_text("#message") == "step 99: expected a number from 1 to 20"
    page.click("#play")
    page.click("#play")
    page.click("#table tbody tr:nth-child(2)")
    page.click("#watch-here")
    page.click("#break-here")
    assert "w1.grad = –" in page.inner_text("#watching")
    assert "node w1: 2 steps" in page.inner_text("#breaking")
    page.click("#breaking button")
    page.click("#watching button")
    assert page.is_hidden("#breaking")
    assert page.is_hidden("#watching")
    page.click("#graph .node >> nth=0")
    page.click("#help-open")
    page.click("#help button")


def test_breakpoints_mean_the_same_in_python_and_on_the_page(opened):
    with tracing() as recording:
        x = Value(0.0, "x")
        y = MLP(2, [2, 1], seed=0)([x, x.sqrt()]) + (x * 3.0).tanh() + Value(40.0, "far").sigmoid() + (x - 1.0).relu()
    steps = trace(y, recording)
    page = opened(steps)
    line = next(node.source for node in steps.nodes if node.source)
    texts = [*FLAGS, "final", "|grad| > 0.5", "grad <= 0", "data == 0", "data>=1", "|local| < 0.01", "node x",
             "op tanh", "op *", "scope layers[0]", "scope layers[0].neurons[1]", f"line {line}",
             f"line {line.rpartition(':')[2]}"]  # fmt: skip
    for text in texts:
        stops = steps.breakpoint(text)
        assert page.evaluate("t => S.flatMap((s, n) => parse(t)(s) ? [n] : [])", text) == [
            n for n, step in enumerate(steps) if stops(step)
        ], text
    for text in ("often", "|grad > 1", "grad > x", "node nobody", "op sine", "scope layers[7]", "line 0", ""):
        with pytest.raises(BreakpointError):
            steps.breakpoint(text)
        assert page.evaluate("t => { try { parse(t); return false } catch { return true } }", text), text


def test_predict_then_reveal(opened):
    page = opened(twice(), hash_="#step=5")
    page.check("#predicting")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowLeft")
    page.click("#next")
    assert page.inner_text("#equation").endswith("=  ?")
    assert page.is_hidden("#accumulation") or page.inner_text("#accumulation") == ""
    assert table(page)[1][1] == "?"
    page.fill("#guess", "1")
    page.press("#guess", "Enter")
    assert page.inner_text("#verdict") == "✓ right"
    assert table(page)[1][1] == "2"


def test_the_museum(opened):
    page = opened(twice())
    page.click("#museum summary")
    assert "right 1 + 1 → 2, wrong 1" in page.inner_text("#museum")
    page.click("#museum button >> nth=0")
    assert page.inner_text("#headline") == "BACKWARD 6/8: how much does b move c through c?"


def test_hostile_names(opened):
    values = [Value(1.0, name) for name in HOSTILE]
    page = opened(trace(values[0] * values[1] + values[2] * values[3]))
    assert page.title().startswith("∂ ")
    assert page.evaluate("N.map(v => v.name)")[:2] == HOSTILE[:2]
    assert page.evaluate("document.images.length") == 0


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (500, False)])
def test_accessible(opened, width, dark):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core checks accessibility")
    page = opened(neuron(), width=width, hash_="#step=14")
    page.emulate_media(color_scheme="dark" if dark else "light", reduced_motion="reduce")
    page.evaluate("document.querySelector('meta[http-equiv]').remove()")
    response = axe.Axe().run(page).response
    found = response["violations"]
    assert len(response["passes"]) > 20
    assert [(v["id"], [n["target"] for n in v["nodes"]]) for v in found] == []
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_thousand_values(opened):
    steps = trace(MLP(2, [16, 16, 1], seed=0)([Value(1.0, "x1"), Value(2.0, "x2")]))
    page = opened(steps, hash_="#step=1500")
    assert page.evaluate("N.length") == len(steps.nodes) == 979
    page.evaluate("for (let i = 0; i < 50; i++) { go(now + 1); document.body.offsetHeight; }")
    assert table(page) == state(steps, 1549)


def test_in_a_sandboxed_frame(browser, tmp_path):
    (tmp_path / "notebook.html").write_text(f"<!doctype html>{embedded(neuron())}", encoding="utf-8")
    page = browser.new_page()
    page.goto((tmp_path / "notebook.html").as_uri())
    frame = page.frames[1]
    frame.click("#next")
    frame.click("#last")
    assert frame.inner_text("#headline").startswith("BACKWARD 20/20")
    page.close()


def test_sizes_and_refusals(tmp_path):
    assert write_page(neuron(), tmp_path / "neuron.html").stat().st_size <= 40_000
    with pytest.raises(OSError, match="cannot write there"):
        write_page(neuron(), tmp_path / "nowhere" / "page.html")
    y = Value(1.0)
    for _ in range(3001):
        y = y + 1.0
    with pytest.raises(ValueError, match="too large for a page: 3,002 values"):
        write_page(trace(y), tmp_path / "large.html")
    assert [path.name for path in tmp_path.iterdir()] == ["neuron.html"]


def test_a_notebook(browser, tmp_path):
    for package in ("nbformat", "nbconvert", "ipykernel"):
        pytest.importorskip(package, reason=f"a notebook is executed by {package}")
    import nbformat
    from nbconvert import HTMLExporter
    from nbconvert.preprocessors import ExecutePreprocessor

    code = "from autograd_tiny import Value, trace\na = Value(3.0, 'a')\nb = a * a"
    cells = [nbformat.v4.new_code_cell(text) for text in (code, "b", "trace(b)")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    ExecutePreprocessor(timeout=60, kernel_name="python3").preprocess(notebook, {"metadata": {"path": str(tmp_path)}})
    assert "image/svg+xml" in notebook.cells[1].outputs[0]["data"]
    text, _ = HTMLExporter(template_name="basic").from_notebook_node(notebook)
    (tmp_path / "notebook.html").write_text(f"<!doctype html><meta charset=utf-8>{text}", encoding="utf-8")
    page = browser.new_page()
    page.goto((tmp_path / "notebook.html").as_uri(), wait_until="domcontentloaded")
    frame = next(f for f in page.frames if f.parent_frame)
    frame.click("#last")
    assert frame.inner_text("#accumulation") == "a.grad += 3 : 3 → 6   (path 2 of 2, final)"
    page.close()
