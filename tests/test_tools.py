"""Optional tools of the tests: missing ones cause skips locally, and failures in CI."""

from __future__ import annotations

import os
import shutil
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement

from conftest import BROWSER

PYPROJECT = Path(__file__).parent.parent / "pyproject.toml"
GROUP = map(Requirement, tomllib.loads(PYPROJECT.read_text(encoding="utf-8"))["dependency-groups"]["test"])
TOOLS = {
    "a browser": BROWSER,
    "a C compiler": sys.platform == "win32" or any(map(shutil.which, ("cc", "gcc", "clang"))),
    **{package.name: package for package in GROUP if package.marker is None or package.marker.evaluate()},
}


def is_here(tool):
    if not isinstance(tool, Requirement):
        return bool(tool)
    try:
        return tool.specifier.contains(metadata.version(tool.name), prereleases=True)
    except metadata.PackageNotFoundError:
        return False


@pytest.mark.parametrize("name", TOOLS)
def test_what_tests_need_is_here_in_ci(name):
    if not is_here(TOOLS[name]):
        assert not os.environ.get("CI"), f"{name} is missing: tests were skipped for it"
        pytest.skip(f"{name} is missing: some tests are skipped for it")
