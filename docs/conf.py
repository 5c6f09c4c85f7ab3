"""The documentation, built by `make docs` without a network: Markdown pages, and the API from docstrings."""

import ast
import re
from pathlib import Path
from types import ModuleType

import autograd_tiny
from autograd_tiny import explain, ops

project = "autograd_tiny"
version = release = autograd_tiny.__version__
html_title = f"autograd_tiny {version}"
html_theme = "furo"
pygments_dark_style = "github-dark"  # its names of modules do not look like links
smartquotes = False
html_static_path = ["static"]
html_css_files = ["wide.css"]
html_show_copyright = False
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx_copybutton"]
myst_enable_extensions = ["substitution"]
myst_heading_anchors = 3
copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
autodoc_typehints_format = "short"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
maximum_signature_line_length = 96

PACKAGE = Path(autograd_tiny.__file__).parent


def files():
    """Each folder with its files, as the docstrings of the folders tell them, in reading order."""
    order = re.findall(r"^(\w+)/", autograd_tiny.__doc__, re.M)
    for path in (path for folder in order for path in sorted((PACKAGE / folder).rglob("__init__.py"))):
        first, *others = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))).splitlines()
        yield f"**{path.parent.relative_to(PACKAGE)}/**", f"**{first}**"
        yield from re.findall(r"^(\w+\.\w+) +(.+)$", "\n".join(others), re.M)


def table(heading, rows):
    """A table in Markdown."""
    lines = (f"| {left if left[0] == '*' else f'`{left}`'} | {right} |" for left, right in rows)
    return "\n".join((f"| {' | '.join(heading)} |", "|---|---|", *lines))


derivatives = ((name, "<br>".join(f"`{line}`" for line in explain(op).splitlines())) for name, op in ops.TABLE.items())
myst_substitutions = {
    "files": table(("file", "contents"), files()),
    "ops": table(("op", "local derivatives"), derivatives),
}


def restructured(app, what, name, thing, options, lines):
    """Make reStructuredText of a docstring, which is plain text with `code` in single backticks."""
    if what == "module" and hasattr(thing, "__path__"):
        del lines[1:]  # the list of its files stands on another page
    in_example = False
    for i, line in enumerate(lines):
        in_example = bool(line.strip()) and (in_example or line.lstrip().startswith(">>>"))
        if not in_example:
            parts = re.split(r"(``.+?``|`[^`]+`)", line)
            lines[i] = "".join(
                f"``{part.strip('`')}``" if part[:1] == "`" else re.sub(r"[*|\\]|_\b", r"\\\g<0>", part)
                for part in parts
            )


def readable(app, what, name, thing, options, signature, returns):
    """A default that is a function has no text."""
    return (re.sub(r"<function .+?>>?", "...", signature), returns) if signature else None


def trimmed(app, *where_and_text):
    """Take out the empty line that ends an example: doctest needs it, a reader does not."""
    where_and_text[-1][0] = re.sub(r"\n\n```$", "\n```", where_and_text[-1][0], flags=re.M)


def is_elsewhere(app, what, name, thing, skip, options):
    """Show each name once, where its path is shortest, and none that scikit-learn adds to its estimators."""
    if isinstance(thing, ModuleType) or (what == "class" and name.endswith("_request")):
        return True
    return (
        what == "module"
        and app.env.current_document.autodoc_module != "autograd_tiny"
        and name in autograd_tiny.__all__
    ) or skip


def setup(app):
    app.connect("autodoc-process-docstring", restructured)
    app.connect("autodoc-process-signature", readable)
    app.connect("autodoc-skip-member", is_elsewhere)
    app.connect("source-read", trimmed)
    app.connect("include-read", trimmed)
