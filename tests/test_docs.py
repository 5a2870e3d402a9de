"""The Python on every page runs as it stands, from top to bottom, and gives the results that stand there.

A block marked `python` is run; one marked `pycon` is a session, whose results are compared. The blocks of a page share
one namespace.
"""

import doctest
import importlib
import re
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.core.primitive import PRIMITIVES
from chainrule.core.trace import FRONT_ENDS, LATE, UFUNCS

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", ROOT / "benchmarks" / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"^```(python|pycon)\b[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"\]\(([^)#:]+)(?:#[^)]*)?\)")
FILE = re.compile(r"[\w./]*\b\w+\.py\b")


@pytest.fixture
def tables():
    """The tables of operations, which a page may add to, are afterwards what they were."""
    for late in LATE.values():
        importlib.import_module(late)  # what is imported once must not be forgotten
    before = [(table, dict(table)) for table in (PRIMITIVES, UFUNCS, FRONT_ENDS)]
    yield
    for table, entries in before:
        table.clear()
        table.update(entries)


def run(source, line, page, namespace):
    # As many empty lines as stand above it, so that a traceback shows the page's own.
    exec(compile("\n" * line + source, str(page), "exec"), namespace)


def compare(session, line, page, namespace):
    test = doctest.DocTestParser().get_doctest(session, {}, page.name, str(page), line)
    test.globs = namespace
    said = []
    flags = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE
    doctest.DocTestRunner(optionflags=flags).run(test, out=said.append, clear_globs=False)
    assert not said, "".join(said)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_page(page, tables, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = page.read_text(encoding="utf-8")
    namespace = {"__name__": "__main__"}
    for block in BLOCK.finditer(text):
        line = text.count("\n", 0, block.start()) + 1
        (run if block[1] == "python" else compare)(block[2], line, page, namespace)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    text = page.read_text(encoding="utf-8")
    lost = [link for link in LINK.findall(text) if not (page.parent / link).exists()]
    assert not lost, f"{page.name} links to {', '.join(lost)}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_files_named_exist(page):
    files = [
        f.as_posix()
        for part in ("chainrule", "tests", "benchmarks", "examples", "tools")
        for f in (ROOT / part).rglob("*.py")
    ]
    named = {name.removeprefix("../") for name in FILE.findall(page.read_text(encoding="utf-8"))}
    gone = [name for name in named if not any(f"/{f}".endswith(f"/{name}") for f in files)]
    assert not gone, f"{page.name} names {', '.join(gone)}"


def test_every_module_is_on_the_map():
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    modules = [f for f in (ROOT / "chainrule").rglob("*.py") if f.name != "__init__.py"]
    whole = {"explain", "signatures", "special", "scipy", "compat"}  # listed as one line each
    missing = [f.name for f in modules if not whole & {*f.relative_to(ROOT).parts} and f.name not in text]
    assert not missing, f"docs/architecture.md does not name {', '.join(missing)}"


def test_the_readme_has_an_example():
    assert BLOCK.search((ROOT / "README.md").read_text(encoding="utf-8"))


def test_the_picture_is_what_is_drawn():
    """To draw it again: `cr.explain(f)(2.0, 5.0).save("docs/graph.svg")`."""

    def f(x1, x2):
        return np.log(x1) + x1 * x2 - np.sin(x2)

    assert (ROOT / "docs" / "graph.svg").read_text(encoding="utf-8") == cr.explain(f)(2.0, 5.0).svg()
