"""Hypothesis profiles: dev (default), quick, ci, thorough; choose with HYPOTHESIS_PROFILE."""

import importlib.util
import os
import shutil
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

sys.path.insert(0, str(Path(__file__).parent))  # for bugs.py, hostile.py, rows.py

collect_ignore = ["optim/record_pytorch.py"]  # run by hand, with torch

settings.register_profile("dev", max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", parent=settings.get_profile("dev"), max_examples=10)
settings.register_profile("ci", parent=settings.get_profile("dev"), max_examples=50, print_blob=True)
settings.register_profile("thorough", parent=settings.get_profile("dev"), max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "dev"))

BROWSER = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
BROWSER_FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip


@pytest.fixture(scope="module")
def browser():
    playwright = pytest.importorskip("playwright.sync_api", reason="the browser tests need playwright")
    if BROWSER is None:
        pytest.skip("chromium is not installed")
    with playwright.sync_playwright() as p:
        running = p.chromium.launch(executable_path=BROWSER, args=BROWSER_FLAGS)
        yield running
        running.close()


@pytest.fixture(scope="module")
def live(browser, tmp_path_factory):
    """A page that allows the script of live pages and nothing else: no eval, no request."""
    from autograd_tiny.live import script
    from autograd_tiny.stepper.views.page import csp_hash

    file = tmp_path_factory.mktemp("live") / "page.html"
    policy = f"default-src 'none'; script-src '{csp_hash(script())}'"
    meta = f'<meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">'
    file.write_text(f"<!doctype html>{meta}<script>{script()}</script>", encoding="utf-8")
    page, heard = browser.new_page(), []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.goto(file.as_uri())
    yield page
    page.close()
    assert heard == []


@pytest.fixture(autouse=True, scope="session")
def _cache_of_compiled_code(tmp_path_factory):
    """Keep the tests out of the user's cache."""
    os.environ["AUTOGRAD_TINY_CACHE"] = str(tmp_path_factory.mktemp("compiled"))


def pytest_collection_modifyitems(items):
    lacking = pytest.mark.skip(reason="the README and the documentation show NumPy arrays")
    for item in items:
        if {"compiler", "compile"} & set(item.path.relative_to(item.config.rootpath).parts):
            item.add_marker("compiler")
        if item.path.suffix == ".md" and importlib.util.find_spec("numpy") is None:
            item.add_marker(lacking)
