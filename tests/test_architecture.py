"""The shape of the code, held by a test: sizes, names, and that nothing happens at import."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(
    [ROOT / "app.py", *(p for top in ("server", "fetcher", "webmail") for p in (ROOT / top).rglob("*.py"))]
)
LINES, FUNCTION_LINES = 400, 60
BAD_NAMES = {"util", "utils", "helper", "helpers", "common", "manager", "misc"}


def name(path):
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_module_is_read_in_one_sitting(path):
    text = path.read_text()
    assert text.count("\n") <= LINES
    assert path.stem not in BAD_NAMES
    long = [
        f"{node.name} ({node.end_lineno - node.lineno + 1})"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno - node.lineno >= FUNCTION_LINES
    ]
    assert not long, f"functions over {FUNCTION_LINES} lines"


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_a_module_says_what_it_is_for(path):
    tree = ast.parse(path.read_text())
    assert not tree.body or ast.get_docstring(tree), "a module has a docstring"


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_nothing_is_read_back_by_code_that_runs_it(path):
    """security.md T071 and T094: no pickle, no marshal, no shell."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = {alias.name.split(".")[0] for alias in node.names} | {
                (getattr(node, "module", None) or "").split(".")[0]
            }
            assert not names & {"pickle", "marshal", "shelve", "dill"}
        if isinstance(node, ast.keyword) and node.arg == "shell":
            pytest.fail("a shell sees text of ours")
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in {"eval", "exec"}
