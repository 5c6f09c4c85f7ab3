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

settings.register_profile("dev", max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("quick", parent=settings.get_profile("dev"), max_examples=10)
settings.register_profile("ci", parent=settings.get_profile("dev"), max_examples=100, print_blob=True)
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
