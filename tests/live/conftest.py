"""A page with the script, in a real browser, under the policy that a live page has."""

from __future__ import annotations

import pytest

from autograd_tiny.live import script
from autograd_tiny.stepper.views.page import csp_hash


@pytest.fixture(scope="module")
def live(browser, tmp_path_factory):
    """Open a page from a file that allows this script and nothing else: no eval, no request."""
    file = tmp_path_factory.mktemp("live") / "page.html"
    policy = f"default-src 'none'; script-src '{csp_hash(script())}'"
    file.write_text(
        f'<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="{policy}">'
        f"<script>{script()}</script>",
        encoding="utf-8",
    )
    page = browser.new_page()
    heard = []
    page.on("console", lambda message: heard.append(message.text))
    page.on("pageerror", lambda error: heard.append(str(error)))
    page.goto(file.as_uri())
    yield page
    page.close()
    assert heard == []
