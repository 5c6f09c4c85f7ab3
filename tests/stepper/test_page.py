"""Test the page in a real browser: every control, step and key, hostile names, no network, accessibility."""

from __future__ import annotations

import re
import runpy
from pathlib import Path

import pytest

from autograd_tiny import Value
from autograd_tiny.engine.digits import short
from autograd_tiny.engine.provenance import tracing
from autograd_tiny.nn.modules import MLP
from autograd_tiny.stepper.breakpoints import BreakpointError
from autograd_tiny.stepper.flags import FLAGS
from autograd_tiny.stepper.traces import trace
from autograd_tiny.stepper.views import page as page_folder
from autograd_tiny.stepper.views.page import embedded, write_page

pytestmark = pytest.mark.browser

DEMO = Path(__file__).parents[2] / "demos" / "3_penguins.py"
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


def training_step():
    """The loss of the penguins' network on one of them, as `autograd-tiny step` traces it."""
    loss = runpy.run_path(str(DEMO))["loss"]
    with tracing() as recording:
        y = loss()
    return trace(y, recording)


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
    assert [(d, t.split(" = ")[-1].removeprefix("grad ").partition(" (")[0]) for d, t in boxes if "+ –" not in t] == [
        (d, g) for (d, g), (_, t) in zip(state(steps, len(steps) // 2), boxes, strict=True) if "+ –" not in t
    ]


def test_one_step_explained(opened):
    page = opened(twice(), hash_="#step=7")
    assert page.inner_text("#headline") == "BACKWARD 7/8: how much does a move c through b?"
    assert page.inner_text("#equation") == "upstream ∂c/∂b = 2,  local ∂(a + a)/∂a = 1:  2 × 1 = 2"
    page.keyboard.press("ArrowRight")
    assert page.inner_text("#accumulation") == "a.grad += 2 : 2 → 4   (use 2 of 2, final)"
    assert "with = instead of += here alone it would be 2" in page.inner_text("#context")
    assert page.url.endswith("#step=8")
    assert page.evaluate("document.querySelectorAll('.hot').length") == 1


# Each step of the whole page: was what it is about on screen before, is it there after, did the view move, how high are
# the texts.
EACH_STEP = """() => S.map((s, n) => {
  const seen = () => [s.node, target(s)].every(i => {
    const [a, b] = [boxes[i].g.querySelector(".edge").getBoundingClientRect(), $("graph").getBoundingClientRect()];
    return a.left >= b.left && a.top >= b.top && a.right <= b.right && a.bottom <= b.bottom;
  });
  const [before, view] = [seen(), lens.style.transform];
  go(n);
  const texts = ["explain", "headline", "equation", "accumulation", "habit", "context"].map($);
  const rows = texts.map(text => text.getBoundingClientRect());
  return [before, seen(), view !== lens.style.transform, rows[0].height, rows.map(r => r.top).join()];
})"""


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (900, 640)])
def test_nothing_jumps(opened, width, height):
    page = opened(training_step(), width, height)
    page.emulate_media(reduced_motion="reduce")
    before, after, moved, heights, tops = zip(*page.evaluate(EACH_STEP)[1:], strict=True)
    assert all(after)
    assert [n for n, (seen, move) in enumerate(zip(before, moved, strict=True)) if seen and move] == []
    assert 0 < sum(moved) < (40 if width > 1000 else 70)
    assert len(set(heights)) == len(set(tops)) == 1


# Texts of the picture that leave their box or touch its edge: [text, pixels too far].
TEXTS_OUTSIDE = """() => boxes.flatMap(({g}) => {
  const edge = g.querySelector(".edge").getBoundingClientRect();
  return [...g.querySelectorAll(".title, .data, .g")].flatMap(text => {
    const at = text.getBoundingClientRect();
    const far = Math.max(edge.left - at.left, at.right - edge.right, edge.top - at.top, at.bottom - edge.bottom);
    return far > -1 ? [[text.textContent, far]] : [];
  });
})"""


def long_names():
    names = ["W" * 70, "漢字" * 30, "🙂" * 20, "w" * 12 + "[3][141592653]", "ــ‮" * 9, "a b\n\tc" * 9]
    total = Value(0.0, "0")
    for k, name in enumerate(names):
        x = Value(-1.2345678e-5 * 10**k, name)
        total = total + x * x * x
    return trace(total)


@pytest.mark.parametrize("make", [training_step, twice, long_names])
def test_no_text_leaves_its_box(opened, make):
    steps = make()
    page = opened(steps)
    for n in range(0, len(steps), max(1, len(steps) // 15)):
        page.evaluate(f"go({n})")
        assert page.evaluate(TEXTS_OUTSIDE) == []


def test_names_are_short_within_their_module(opened):
    page = opened(training_step(), hash_="#step=60")
    titles = page.evaluate("N.map(v => v.title)")
    assert {"w₀", "w₁", "b", "b + v40", "v43 = w₁ * bill_depth", "score = v25 + v35 + v46"} <= set(titles)
    assert "∂(w₁ * bill_depth)/∂w₁ = bill_depth" in page.inner_text("#equation")
    assert page.inner_text("#headline").endswith("how much does layers[0].neurons[3].w[1] move loss through v43?")
    assert page.evaluate("D.frames.map(f => f[0])").count("neurons[0]") == 2
    page.evaluate("boxes[S[now].to].g.focus()")
    assert page.inner_text("#full") == "layers[0].neurons[3].w[1]"


def test_a_module_closes_to_a_filter_and_opens(opened):
    page = opened(training_step(), hash_="#step=104")
    page.keyboard.press("m")
    lids = """[...document.querySelectorAll(".lid.closed")]
      .map(lid => [...lid.querySelectorAll("text")].map(text => text.textContent))"""
    assert len(page.evaluate(lids)) == 5
    assert ["layers[0].neurons[3]", "tanh(v44) = 0.9010", "grad -0.005723"] in page.evaluate(lids)
    seen = "boxes.filter(b => getComputedStyle(b.g).display !== 'none').length"
    assert page.evaluate(seen) == 4
    assert page.evaluate("document.querySelectorAll('.lid.active').length") == 1
    page.focus(".module[aria-label='layers[0].neurons[3]: open']")
    page.keyboard.press("Enter")
    assert len(page.evaluate(lids)) == 4
    page.keyboard.press("m")
    assert page.evaluate(lids) == []
    assert page.evaluate(seen) == page.evaluate("N.length")


def test_the_tray_keeps_its_summands(opened):
    page = opened(twice(), hash_="#step=7")
    trays = "boxes.map(b => b.g_.textContent)"
    assert page.evaluate(trays) == ["grad 2 + –", "grad 1 + 1 = 2", "grad 1"]
    assert page.inner_text("#queue") == "ready to pass on: b · waits for more: a (1 of 2)"
    page.keyboard.press("ArrowRight")
    assert page.evaluate(trays) == ["grad 2 + 2 = 4", "grad 1 + 1 = 2", "grad 1"]
    page.click("#graph .node >> nth=0")
    told = ["a.grad = 4", "= 2 + 2", "= (1 + 1) × 1 + (1 + 1) × 1", "2 uses, 4 paths from c"]
    assert page.inner_text("#why").split("\n") == told
    assert page.inner_text("#full") == f"a · {' '.join(told[:3])} · {told[3]}"
    page.focus("#why button >> nth=1")
    assert page.evaluate("arrows.flatMap((a, n) => a.g.classList.contains('lit') ? [n + 1] : [])") == [5, 6, 8]
    page.keyboard.press("ArrowLeft")
    assert page.inner_text("#why").split("\n")[:2] == ["a.grad = 2", "= 2 × 1".replace("2", "(1 + 1)")]


def test_words_are_explained_where_they_stand(opened):
    page = opened(twice(), hash_="#step=8")
    for word in ("upstream", "∂", "local"):
        page.focus(f"button.term:text-is('{word}')")
        assert page.inner_text("#meaning").startswith(word)
        assert page.inner_text("#equation").startswith("upstream ∂c/∂b = 2")
    page.keyboard.press("Escape")
    assert page.is_hidden("#meaning")
    assert page.inner_text("#habit") == "+ copies: each operand gets the gradient as it is"
    page.evaluate("go(3)")
    page.hover("button.term:text-is('SEED')")
    assert "the output moves by exactly as much as itself" in page.inner_text("#meaning")


def test_a_name_is_no_word_to_explain(opened):
    page = opened(trace(Value(2.0, "upstream local ∂") * Value(3.0, "local")), hash_="#step=5")
    assert page.evaluate("[...document.querySelectorAll('.term')].map(t => t.textContent)") == [
        "upstream",
        "∂",
        "local",
    ]
    assert page.inner_text("#equation").endswith("= local = 3:  1 × 3 = 3")


def test_the_program_beside_the_picture(opened):
    page = opened(training_step(), hash_="#step=104")
    lines = page.inner_text("#program").split("\n")
    assert any("score = network()" in line for line in lines)
    assert "score = network()" in page.inner_text("#program li.back")
    name = "<b>w</b>"
    page = opened(trace((Value(2.0, "x") * Value(-3.0, name) + 1.0).tanh()), hash_="#step=3")
    assert "".join(page.locator("#program li.run code .run").all_inner_texts()) == f"x * {name}"
    assert page.inner_text("#program li.run").strip() == f"tanh(x * {name} + 1)"
    assert page.evaluate("[...document.querySelectorAll('.name')].map(n => n.textContent)").count("x") > 1


def test_large_letters_and_a_clicker(opened):
    page = opened(neuron(), width=1920, height=1080)
    page.keyboard.press("p")
    sizes = "['#headline', '#queue', '#equation'].map(q => parseFloat(getComputedStyle($(q.slice(1))).fontSize))"
    assert min(page.evaluate(sizes)) >= 25
    page.keyboard.press("PageDown")
    page.keyboard.press("PageDown")
    page.keyboard.press("PageUp")
    assert page.input_value("#step") == "2"


# Targets of a finger that are smaller than 44 px; words within a sentence may be.
SMALL = """() => [...document.querySelectorAll("button:not(.term), input, select, summary, #table tbody tr[class]")]
  .filter(e => e.offsetParent && e.type !== "checkbox").map(e => [e.id || e.tagName, e.getBoundingClientRect()])
  .filter(([, r]) => r.height < 44 || r.width < 44).map(([name, r]) => [name, r.width, r.height])"""


def test_on_a_phone(opened):
    page = opened(training_step(), width=390, height=844, hash_="#step=60")
    assert page.evaluate(SMALL) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    swipe = """x => ["touchstart", "touchend"].forEach((name, k) => {
      const touch = new Touch({identifier: 1, target: $("explain"), clientX: 200 + k * x, clientY: 100});
      $("explain").dispatchEvent(new TouchEvent(name, {touches: k ? [] : [touch], changedTouches: [touch]}));
    })"""
    for x, step in ((-80, "61"), (80, "60"), (10, "60")):
        page.evaluate(swipe, x)
        assert page.input_value("#step") == step
    heights = page.evaluate(
        "S.map((s, n) => { go(n); const e = $('explain'); return [e.offsetHeight, e.scrollHeight] })"
    )
    assert len({height for height, _ in heights}) == 1
    assert sum(whole > height for height, whole in heights) < len(heights) // 20


def test_printed(opened):
    page = opened(training_step(), hash_="#step=60")
    page.emulate_media(media="print")
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    assert page.is_hidden("footer")
    assert page.is_visible("#graph")
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280


def test_it_opens_where_the_numbers_go_wrong(opened):
    x = Value(1e300, "x")
    page = opened(trace(x * x / (x * x)))
    assert page.inner_text("#found span").startswith("x * x is inf, the first value that is not finite")
    assert page.inner_text("#headline") == "FORWARD 2/11: x * x is computed"
    assert page.text_content(".node.bad .mark") == "inf"
    page.keyboard.press("End")
    assert "grad nan" in page.evaluate("boxes[0].mark.textContent")
    page.click("#found button")
    assert page.input_value("#step") == "2"
    page = opened(trace(Value(-1.0, "x").relu() + Value(1.0, "y")))
    assert page.inner_text("#found span").startswith("dead: 1 of 4 values passes no gradient")
    assert page.text_content(".node.bad .mark") == "dead"
    assert page.inner_text("#headline").startswith("BACKWARD")


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
    page.click("#graph .node.giver")
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
    assert page.inner_text("#equation").endswith("1 × 1 = ?")
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


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (1280, True), (390, False)])
def test_accessible(opened, width, dark):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core checks accessibility")
    page = opened(neuron() if dark else training_step(), width=width, hash_="#step=60")
    page.evaluate("choose(0)")
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


def test_the_modules_of_the_script_are_small_and_share_no_name():
    folder = Path(page_folder.__file__).parent
    assert sorted(path.stem for path in folder.glob("*.js")) == sorted(page_folder.SCRIPT)
    texts = [(folder / f"{name}.js").read_text(encoding="utf-8") for name in page_folder.SCRIPT]
    names = [name for text in texts for name in re.findall(r"^(?:export )?(?:const|let|function) ([$\w]+)", text, re.M)]
    assert max(text.count("\n") for text in texts) < 400
    assert sum(len(text.encode()) for text in texts) < 50_000
    assert [name for name in names if names.count(name) > 1] == []


def test_sizes_and_refusals(tmp_path):
    assert write_page(neuron(), tmp_path / "neuron.html").stat().st_size <= 72_000
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
    assert frame.inner_text("#accumulation") == "a.grad += 3 : 3 → 6   (use 2 of 2, final)"
    page.close()
