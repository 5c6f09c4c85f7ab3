"""Writing of measured figures into docs/measured.md, with the machine and the versions they were measured with."""

import contextlib
import importlib.metadata
import os
import platform
import subprocess
import sys
from pathlib import Path

import race

MEASURED = Path(__file__).parents[1] / "docs" / "measured.md"


def machine():
    """Name of the processor, its cores, and the system."""
    name = platform.processor() or platform.machine()
    if race.CPUINFO.exists():
        lines = race.CPUINFO.read_text(encoding="utf-8").splitlines()
        name = next((line.partition(": ")[2] for line in lines if line.startswith("model name")), name)
    return f"{name}, {len(race.CPUS)} cores, vectors of {race.LANES} doubles, {platform.system()}"


def versions(packages):
    """Versions of Python, of the packages that are installed, and of the C compiler."""
    found = [f"Python {platform.python_version()}"]
    for name in packages:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found.append(f"{name} {importlib.metadata.version(name)}")
    with contextlib.suppress(FileNotFoundError):
        done = subprocess.run([os.environ.get("CC", "cc"), "-dumpfullversion"], capture_output=True, text=True)
        found.append(f"C compiler {done.stdout.strip()}")
    return ", ".join(found)


def markdown(lines):
    """Spell lines of cells, the first of them the header, as a table."""
    header, *rest = lines
    return "\n".join(f"| {' | '.join(line)} |" for line in [header, ["---"] * len(header), *rest])


def write(path, begin, end, section):
    """Replace what stands between two lines of a page."""
    text = path.read_text(encoding="utf-8")
    before, found_begin, rest = text.partition(begin)
    _, found_end, after = rest.partition(end)
    if not (found_begin and found_end):
        sys.exit(f"{path} has no place for the tables, between the lines {begin} and {end}")
    path.write_text(f"{before}{begin}\n\n{section}\n\n{end}{after}", encoding="utf-8")
