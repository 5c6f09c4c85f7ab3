"""Imports point down the reading order, and importing the package is quick and light."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import subprocess
import sys
from pathlib import Path

import autograd_tiny

FOLDER = Path(autograd_tiny.__file__).parent

# A file imports only from the rows above its own.
READING_ORDER = [
    {"special", "digits", "measure", "tex", "extras"},
    {"op"},
    {"ops"},
    {"operand"},
    {"ieee"},
    {"value", "dual", "symbol"},
    {"tracer"},
    {"tree"},
    {"transforms"},
    {"nn", "names", "render", "expression"},
    {"record", "plain", "doctor"},
    {"events"},
    {"breakpoints"},
    {"trace", "draw.scopes", "draw.svg", "draw.caption", "draw.quoting", "strategies"},
    {"draw.picture", "draw.fold", "draw.layers"},
    {"draw.part", "draw.titles", "draw.graph"},
    {"draw.asked", "draw.dot", "draw.mermaid", "draw.circles"},
    {"draw.boxes", "draw.network", "draw.symbols", "draw.tikz"},
    {"draw.values"},
    {"draw"},
    {"draw.linked"},
    {"show", "questions", "sentences", "layout", "trace_json", "museum"},
    {"page", "scene"},
    {"frames"},
    {"check.exact", "check.report", "check.programs"},
    {"check.graph", "check.frameworks"},
    {"check.engines", "check.oracles"},
    {"check.properties", "check.functions"},
    {"check"},
    {"diagnose"},
    {"compile.collector", "compile.program"},
    {"compile.passes", "compile.arguments"},
    {"compile.lower", "compile.blame", "compile.disk"},
    {"compile.levels", "compile.source"},
    {"compile.llvm", "compile.llvm.steps", "compile.llvm.blocks", "compile.llvm.sums"},
    {"compile.llvm.functions", "compile.llvm.engine"},
    {"compile.llvm.loops", "compile.llvm.kernel"},
    {"compile.to_python"},
    {"compile.to_numpy", "compile.to_c", "compile.to_jax", "compile.to_llvm"},
    {"compile.ways"},
    {"compile.jit"},
    {"compile", "compile.sparse"},
    {"debugger"},
    {"cli"},
    {"__main__", "__init__"},
]


def module(path):
    """``check.exact`` for check/exact.py, ``check`` for check/__init__.py."""
    parts = path.relative_to(FOLDER).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" and len(parts) > 1 else parts)


def test_imports_point_one_way():
    row = {name: i for i, names in enumerate(READING_ORDER) for name in names}
    for path in FOLDER.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("autograd_tiny"):
                below = node.module.removeprefix("autograd_tiny").lstrip(".")
                for name in [below] if below else [alias.name for alias in node.names]:
                    assert row.get(name, -1) < row[module(path)], f"{module(path)} imports {name}"


def test_every_module_can_be_imported_where_its_packages_are_installed():
    for name in map(module, FOLDER.rglob("[!_]*.py")):
        try:
            importlib.import_module(f"autograd_tiny.{name}")
        except ImportError as error:
            if importlib.util.find_spec(error.name.partition(".")[0]):
                raise


def test_importing_is_light():
    code = "import sys, autograd_tiny; print(sorted({m.partition('.')[0] for m in sys.modules}))"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    for heavy in ("graphviz", "rich", "numpy", "hypothesis", "mpmath"):
        assert repr(heavy) not in loaded


def test_what_a_newcomer_reads_is_short():
    files = ("ops", "operand", "value")
    assert sum(len((FOLDER / f"{name}.py").read_text(encoding="utf-8").splitlines()) for name in files) < 500
