"""The README's Python runs as it stands, from top to bottom, in one namespace."""

import re
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"
SNIPPET = re.compile(r"^```python\b[^\n]*\n(.*?)^```", re.DOTALL | re.MULTILINE)


def test_readme_snippets_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    text = README.read_text(encoding="utf-8")
    snippets = list(SNIPPET.finditer(text))
    assert snippets, f"{README.name} has no ```python block"
    namespace = {"__name__": "__main__"}
    for snippet in snippets:
        # As many empty lines as stand above it, so that a traceback shows the README's own.
        padding = "\n" * text.count("\n", 0, snippet.start())
        exec(compile(padding + "\n" + snippet[1], str(README), "exec"), namespace)
