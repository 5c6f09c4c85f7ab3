"""Test slides and work sheets in a browser: keys and clickers, sizes of words, paper, accessibility."""

from __future__ import annotations

import pytest

from autograd_tiny import Value
from autograd_tiny.stepper.traces import trace
from autograd_tiny.stepper.views.slides import slides
from autograd_tiny.stepper.views.worksheet import worksheet

pytestmark = [pytest.mark.slow, pytest.mark.browser]

SIZES = ((1280, 720, False), (1920, 1080, True), (390, 844, True))
KEYS = (("PageUp", "7/8"), ("ArrowLeft", "6/8"), ("PageDown", "7/8"), (" ", "8/8"), ("Enter", "8/8"), ("Home", "1/8"),
        ("ArrowRight", "2/8"), ("End", "8/8"))  # fmt: skip


def shared():
    a = Value(1.0, "a")
    b = a + a
    b.name = "b"
    c = b + b
    c.name = "c"
    return trace(c)


@pytest.fixture
def opened(browser):
    """Open a file; fail on an error of the page and on a request to anywhere."""
    page, wrong = browser.new_page(bypass_csp=True), []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "request", lambda request: None if request.url.startswith(("file:", "data:")) else wrong.append(request.url)
    )

    def opened(path, place=""):
        page.goto(f"{path.as_uri()}{place}")
        return page

    yield opened
    page.close()
    assert wrong == []


def show(page, width, height, dark):
    page.set_viewport_size({"width": width, "height": height})
    page.emulate_media(color_scheme="dark" if dark else "light")
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), width


def check_access(page):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-core checks accessibility")
    found = axe.Axe().run(page).response["violations"]
    assert [(v["id"], [n["target"] for n in v["nodes"]]) for v in found] == []


def test_slides_move_by_keys_clicker_and_buttons(opened, tmp_path):
    page = opened(slides(shared(), tmp_path / "slides.html"), "#step=8")
    assert page.inner_text("section.now h1").startswith("BACKWARD 8/8")
    for key, place in KEYS:
        page.keyboard.press(key)
        assert page.inner_text("#place") == place, key
    page.keyboard.press(".")
    assert not page.is_visible("section.now h1")
    page.keyboard.press("ArrowLeft")
    page.click("#next")
    assert page.is_visible("section.now h1")
    assert page.evaluate("location.hash") == "#step=8"


def test_slides_on_a_projector_a_phone_and_paper(opened, tmp_path):
    page = opened(slides(shared(), tmp_path / "slides.html"), "#step=8")
    for width, height, dark in SIZES:
        show(page, width, height, dark)
        sizes = page.evaluate("[...document.querySelectorAll('.now h1,.now p')].map(e => getComputedStyle(e).fontSize)")
        assert min(float(size.removesuffix("px")) for size in sizes) >= (28 if width > 800 else 18)
        check_access(page)
    assert page.pdf(prefer_css_page_size=True).count(b"/Type /Page\n") == 8


OVERLAPS = """sections.filter((section, k) => {
  go(k);
  const picture = [...section.querySelectorAll("svg")].find((svg) => svg.getBoundingClientRect().height > 0);
  const { top, bottom } = picture.getBoundingClientRect();
  const words = section.querySelector("div").getBoundingClientRect();
  const head = section.querySelector("h1").getBoundingClientRect();
  return head.bottom > top || bottom > words.top || bottom - top < 150;
}).length"""


@pytest.mark.parametrize("scale", [1.0, 1.5, 2.0])
def test_words_and_picture_do_not_overlap(scale, opened, tmp_path):
    page = opened(slides(shared(), tmp_path / "slides.html", scale=scale))
    for width, height, dark in (*SIZES, (844, 390, False)):
        show(page, width, height, dark)
        assert page.evaluate(OVERLAPS) == 0
    check_access(page)
    page.keyboard.press("End")
    for _ in range(30):
        page.keyboard.press("ArrowDown")
    assert page.evaluate("sections[7].scrollTop + sections[7].clientHeight + 1 >= sections[7].scrollHeight")


def test_a_work_sheet_on_screen_and_on_paper(opened, tmp_path):
    page = opened(worksheet(shared(), tmp_path / "sheet.html", answers=True))
    for width, height, dark in SIZES:
        show(page, width, height, dark)
        if width != 1920:
            check_access(page)
    page.emulate_media(media="print")
    assert page.evaluate("getComputedStyle(document.getElementById('answers')).breakBefore") == "page"
