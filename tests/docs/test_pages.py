"""README and docs/: quoted code is real, shown output is printed, and named targets, extras and links exist.

Their examples with >>> are doctests, which pytest collects from the pages themselves.
"""

from __future__ import annotations

import ast
import importlib
import re
import shlex
import shutil
import sys
import tomllib
from pathlib import Path
from types import FunctionType, ModuleType

import pytest
from test_house import PUBLIC

import autograd_tiny
from autograd_tiny.cli.main import main
from autograd_tiny.stepper import trace
from autograd_tiny.stepper.breakpoints import grammar
from autograd_tiny.stepper.trace_json import document

ROOT = Path(__file__).parents[2]
PACKAGE = Path(autograd_tiny.__file__).parent
PAGES = {
    str(path.relative_to(ROOT)): path.read_text(encoding="utf-8")
    for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md")))
}
SOURCES = " ".join("\n".join(path.read_text(encoding="utf-8") for path in sorted(PACKAGE.rglob("*.py"))).split())


def blocks(language):
    return [
        (name, block)
        for name, text in PAGES.items()
        for block in re.findall(rf"^```{language}\n(.*?)^```$", text, re.S | re.M)
    ]


SHOWN = [(page, block) for page, block in blocks("python") if ">>>" not in block]
FILES = {block.partition("\n")[0].removeprefix("# "): block for _, block in SHOWN if re.match(r"# \w+\.py\n", block)}
QUOTED = [(page, block) for page, block in SHOWN if block not in FILES.values()]
SESSIONS = [  # the commands of a block, each with what it prints
    (page, [tuple(command.split("\n", 1)) for command in re.split(r"^\$ ", block, flags=re.M)[1:]])
    for page, block in blocks("console")
]
for _, session in SESSIONS:
    FILES |= {command.removeprefix("cat "): shown for command, shown in session if command.startswith("cat ")}
SESSIONS = [
    (page, session) for page, session in SESSIONS if any(line.startswith("autograd-tiny ") for line, _ in session)
]


@pytest.mark.parametrize(("page", "block"), QUOTED)
def test_quoted_code_is_the_real_code(page, block):
    for line in block.splitlines() if "Op(" in block else [block]:
        assert " ".join(line.split()) in SOURCES


@pytest.mark.slow
@pytest.mark.parametrize(("page", "session"), SESSIONS, ids=lambda x: x if isinstance(x, str) else x[0][0])
def test_commands_print_what_is_shown(page, session, tmp_path, monkeypatch, capsys):
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    shutil.copy(PACKAGE / "data" / "penguins.csv", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(sys, "path", [*sys.path])
    for command, shown in session:
        if not command.startswith("autograd-tiny "):
            continue
        arguments = shlex.split(command, comments=True)[1:]
        code = main([argument for argument in arguments if argument != "--open"])
        printed, complaint = capsys.readouterr()
        assert code in (0, 1), complaint  # 1: the command reports a finding
        assert not missing(shown.rstrip("\n"), printed), printed


def missing(shown, printed):
    """First part of the shown text that is not printed after the parts before it; "…" matches any lines."""
    end = 0
    for part in re.split(r"^ *…\n?", shown, flags=re.M):
        found = printed.find(part.rstrip("\n"), end)
        if found < 0:
            return part
        end = found + len(part.rstrip("\n"))
    return None


def test_what_is_not_printed_is_missing():
    assert missing("a\n  …\nd", "a\nb\nc\nd\n") is None
    assert missing("a\nc", "a\nb\nc\n") == "a\nc"
    assert missing("c\n…\na", "a\nb\nc\n") == "a"


def test_make_knows_the_targets_that_are_named():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    for page, text in PAGES.items():
        named = re.findall(r"(?:`|^\$ )make ([\w-]+)", text, re.M)
        assert set(named) <= targets, page


def test_pip_knows_the_extras_that_are_named():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    for page, text in PAGES.items():
        assert set(re.findall(r'pip install "\.\[(\w+)\]"', text)) <= set(project["optional-dependencies"]), page


def test_examples_import_public_names():
    modules = {*PUBLIC, "autograd_tiny.ops", "autograd_tiny.engine.tree"}  # for `register`
    for page, text in PAGES.items():
        assert set(re.findall(r"^(?:>>> |\.\.\. )? *(?:from|import) (autograd_tiny[\w.]*)", text, re.M)) <= modules, (
            page
        )


def test_every_breakpoint_is_described():
    for example in grammar().split(", "):
        assert f"`{example}`".replace("|", "\\|") in PAGES["docs/see.md"], example


@pytest.mark.parametrize("page", PAGES)
def test_every_link_leads_somewhere(page):
    for link in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"^```.*?^```$|`[^`\n]*`", "", PAGES[page], flags=re.S | re.M)):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / page).parent / path if path else ROOT / page
        assert target.exists(), link
        if anchor:
            headings = re.findall(r"^#+ (.*)$", target.read_text(encoding="utf-8"), re.M)
            assert anchor in [re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings], link


def test_the_readme_is_short():
    assert len(PAGES["README.md"].splitlines()) <= 150


def test_the_readme_and_the_index_lead_to_every_page():
    contents = re.findall(r"^[\w-]+$", PAGES["docs/index.md"], re.M)
    for path in (ROOT / "docs").glob("[!i]*.md"):
        assert f"(docs/{path.name})" in PAGES["README.md"]
        assert path.stem in contents


def test_the_readme_has_the_folders_in_their_order():
    """Folders, order and descriptions equal those in the docstring of the package."""
    listed = re.findall(r"^(\w+/) +(.+)$", autograd_tiny.__doc__, re.M)
    assert re.findall(r"^\| `(\w+/)` \| (.+) \|$", PAGES["README.md"], re.M) == [*listed]


@pytest.mark.parametrize("path", sorted(PACKAGE.rglob("__init__.py")), ids=lambda path: str(path.parent.name))
def test_a_folder_says_what_is_in_each_of_its_files(path):
    told = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
    there = {child.name for child in path.parent.glob("[!_]*.*") if child.name != "py.typed"}
    folders = {f"{child.parent.name}/" for child in path.parent.glob("*/__init__.py")}
    listed = set(re.findall(r"^(\w+\.\w+|\w+/) +\S", told, re.M))
    if path.parent == PACKAGE:
        there -= {"ops.py"}  # another name of engine/ops.py
    assert listed == there | folders


def test_the_api_has_every_public_package():
    assert set(re.findall(r"automodule:: (\S+)", PAGES["docs/api.md"])) == set(PUBLIC)


@pytest.mark.parametrize("package", PUBLIC)
def test_the_api_shows_every_public_name(package):
    """Names with a docstring appear by themselves; the others need an entry on the page."""
    module = importlib.import_module(package)
    for name in PUBLIC[package].split():
        thing = getattr(module, name)
        told = isinstance(thing, (type, FunctionType, ModuleType)) and thing.__doc__
        assert told or f"py:data:: {package}.{name}" in PAGES["docs/api.md"], name


def test_the_fields_of_a_trace_are_described():
    y = autograd_tiny.Value(3.0, "a") * 2.0
    for kind in ("nodes", "steps"):
        for thing in document(trace(y))[kind]:
            for field in thing:
                assert re.search(rf"^\| [^|]*`{field}`", PAGES["docs/trace-json.md"], re.M), field


def test_the_picture_is_the_one_that_is_drawn(tmp_path):
    neuron = re.search(r"^NEURON := (.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    path = tmp_path / "neuron.svg"
    assert main(["draw", *shlex.split(neuron[1]), "-o", str(path)]) == 0
    shown = [
        re.findall(r"<text[^>]*>(.*?)</text>", p.read_text(encoding="utf-8")) for p in (path, ROOT / "demos/neuron.svg")
    ]
    assert shown[0] == shown[1]
