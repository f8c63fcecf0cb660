"""What a comment cites can be looked up: no tracked file names notes that are not in the repository."""

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOTES = "DESIGN|HOUSE|LOOK|METHODS|PRODUCT|RELIABILITY|STACK|STYLE"
CITED = re.compile(rf"\b({NOTES})(\.md| ?§|'s? | [A-Z]\d)|shared/(?!data\b|tools\b)\w")


def test_no_file_cites_notes_that_are_not_in_the_repository():
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False)
    names = [name for name in listed.stdout.split("\0") if name and "/vendor/" not in name]
    assert names or listed.returncode, "git lists no files"
    found = [
        f"{name}:{number}: {line.strip()}"
        for name in names
        for number, line in enumerate(_text(ROOT / name).splitlines(), 1)
        if CITED.search(line) and not name.endswith("test_sources.py")
    ]
    assert not found, "cite the paper or another source, or say the fact itself:\n" + "\n".join(found)


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except (UnicodeDecodeError, FileNotFoundError):  # a picture, or a file that is being moved
        return ""


def read_without_recursion(tree: ast.Module) -> Iterator[int]:
    """Lines that read JSON or TOML and have words for what is broken in it, but not for what is nested too deeply."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Try):
            continue
        calls = [ast.unparse(call.func) for part in node.body for call in ast.walk(part) if isinstance(call, ast.Call)]
        caught = " ".join(ast.unparse(handler.type) for handler in node.handlers if handler.type)
        reads = any(re.fullmatch(r"(json|tomllib)\.loads?", call) for call in calls)
        if reads and re.search("ValueError|DecodeError", caught) and "RecursionError" not in caught:
            yield node.lineno


def test_who_says_in_words_that_json_is_broken_says_it_of_deep_nesting_too():
    paths = [path for app in ("mitoweb", "slides", "analysis") for path in sorted((ROOT / app).rglob("*.py"))]
    found = [f"{path}:{line}" for path in paths for line in read_without_recursion(ast.parse(path.read_text()))]
    assert not found, "brackets nested thousands deep raise RecursionError there: catch it beside ValueError"
    source = "try:\n x = json.loads(y)\nexcept (OSError, ValueError):\n raise"
    assert [*read_without_recursion(ast.parse(source))] == [1]
