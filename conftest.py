"""The examples of the pages run in a folder of their own: what they write is not left in this one."""

import shutil
from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def _elsewhere(request, tmp_path, monkeypatch):
    if request.node.path.suffix == ".md":
        monkeypatch.chdir(tmp_path)
        shutil.copy(Path(__file__).parent / "autograd_tiny" / "data" / "penguins.csv", tmp_path)
