"""Test slides: each shows the numbers known by its step, names are text, keys move, print has a page for each."""

from __future__ import annotations

import re

import pytest
from hostile import HOSTILE

from autograd_tiny import Value
from autograd_tiny.engine.digits import short
from autograd_tiny.stepper.narration import explain_step
from autograd_tiny.stepper.traces import trace
from autograd_tiny.stepper.views.slides import slide_page, slides


def shared():
    a = Value(1.0, "a")
    b = a + a
    b.name = "b"
    c = b + b
    c.name = "c"
    return trace(c)


STEPS = shared()


def sections(text):
    return re.findall(r"<section.*?</section>", text, re.S)


@pytest.mark.slow
def test_a_slide_shows_what_is_known_by_its_step_and_no_more():
    found = sections(slide_page(STEPS))
    assert len(found) == len(STEPS)
    for n, section in enumerate(found):
        state = STEPS.at(n)
        for layout in re.findall(r"<svg.*?</svg>", section, re.S):
            numbers = re.findall(r'class="(data|grad)">\w+ ([^<]*)<', layout)
            expected = []
            for node in STEPS.nodes:
                grad = state.grad(node)
                expected.append(("data", short(node.data) if state.known(node) else "–"))
                expected.append(("grad", "–" if grad is None else short(grad)))
            assert numbers == expected, n
        assert explain_step(STEPS, n).headline in section
        assert section.count('class="local"') == 2 * (n > STEPS.seed)  # in both layouts


@pytest.mark.parametrize("name", [*HOSTILE, "</section>", "<script>alert(1)</script>", "{style}"], ids=ascii)
def test_hostile_names_are_text(name):
    text = slide_page(trace(Value(2.0, name) * Value(3.0, "b")), steps=[2])
    assert set(re.findall(r"<(\w+)", text.split("<main>")[1].split("</main>")[0])) <= {
        "section", "h1", "svg", "g", "rect", "path", "text", "div", "p",
    }  # fmt: skip
    assert text.count("<script") == 1


def test_sizes_and_refusals(tmp_path):
    assert "--words:56px" in slide_page(STEPS, [0], scale=2.0)
    for scale in (0.0, -1.0, float("nan"), 11.0):
        with pytest.raises(ValueError, match=r"the scale is a number from 0\.1 to 10, got"):
            slide_page(STEPS, [0], scale=scale)
    with pytest.raises(IndexError, match="there is no step 8"):
        slides(STEPS, tmp_path / "a.html", [8])
    with pytest.raises(OSError, match="cannot write there"):
        slides(STEPS, tmp_path / "nowhere" / "a.html")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.browser
def test_in_the_browser(browser, tmp_path):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core checks accessibility")
    path = slides(STEPS, tmp_path / "slides.html")
    for width, height, dark in ((1280, 720, False), (1920, 1080, True), (390, 844, False)):
        page = browser.new_page(viewport={"width": width, "height": height}, bypass_csp=True)
        page.emulate_media(color_scheme="dark" if dark else "light")
        wrong = []
        page.on("pageerror", lambda error, wrong=wrong: wrong.append(str(error)))
        page.on("request", lambda request, wrong=wrong: "file:" in request.url or wrong.append(request.url))
        page.goto(f"{path.as_uri()}#step=8")
        assert page.inner_text("section.now h1").startswith("BACKWARD 8/8")
        for key, place in (("PageUp", "7/8"), ("ArrowLeft", "6/8"), ("PageDown", "7/8"), (" ", "8/8"), ("Enter", "8/8"),
                           ("Home", "1/8"), ("ArrowRight", "2/8"), ("End", "8/8")):  # fmt: skip
            page.keyboard.press(key)
            assert page.inner_text("#place") == place, key
        page.keyboard.press(".")
        assert not page.is_visible("section.now h1")
        page.keyboard.press("ArrowLeft")
        page.click("#next")
        assert page.is_visible("section.now h1")
        assert page.evaluate("location.hash") == "#step=8"
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        if width > 800:
            words = "[...document.querySelectorAll('.now h1,.now p')]"
            sizes = page.evaluate(f"{words}.map(e => getComputedStyle(e).fontSize)")
            assert min(float(size.removesuffix("px")) for size in sizes) >= 28
        found = axe.Axe().run(page).response["violations"]
        assert [(v["id"], [n["target"] for n in v["nodes"]]) for v in found] == []
        assert wrong == []
        if width == 1280:
            assert page.pdf(prefer_css_page_size=True).count(b"/Type /Page\n") == len(STEPS)
        page.close()
