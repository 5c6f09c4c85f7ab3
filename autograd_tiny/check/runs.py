"""Runs of hypothesis that leave no files in the user's folder."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from hypothesis import configuration


@contextmanager
def without_files() -> Iterator[None]:
    """Let hypothesis write to a temporary folder, unless it has one already."""
    before = vars(configuration).get("__hypothesis_home_directory")
    if before is not None or os.environ.get("HYPOTHESIS_STORAGE_DIRECTORY"):
        yield
        return
    with tempfile.TemporaryDirectory() as folder:
        configuration.set_hypothesis_home_dir(folder)
        try:
            yield
        finally:
            configuration.set_hypothesis_home_dir(None)
