"""Services refuse in words and codes; the API alone knows the status of each code, and knows one for every code."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, UnreadablePostError
from rest_framework.exceptions import ValidationError

from mitoweb.api_errors import CODES_BY_STATUS, STATUS, api_exception_handler
from mitoweb.lib.errors import NotNow, Refused

APPS = ("mitoweb", "slides", "analysis")
CONTRACT = "Services speak no HTTP"
OF_HTTP = ("django.http", "django.shortcuts", "django.core.exceptions.PermissionDenied", "rest_framework")


def sources() -> dict[str, ast.Module]:
    paths = [path for app in APPS for path in sorted((settings.BASE_DIR / app).rglob("*.py"))]
    return {str(path.relative_to(settings.BASE_DIR)): ast.parse(path.read_text()) for path in paths}


def last_name(node: ast.expr) -> str:
    return getattr(node, "attr", getattr(node, "id", ""))


def refusals(trees: dict[str, ast.Module]) -> dict[str, ast.ClassDef | None]:
    """Refused and the classes derived from it, by name; None for Refused itself."""
    classes = [node for tree in trees.values() for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    found: dict[str, ast.ClassDef | None] = {"Refused": None}
    while new := {
        each.name: each
        for each in classes
        if each.name not in found and {last_name(base) for base in each.bases} & {*found}
    }:
        found |= new
    return found


def makes_itself(kind: ast.ClassDef | None) -> bool:
    """Whether the class gives its own sentence and code, so that a call of it names none."""
    return kind is not None and any(isinstance(node, ast.FunctionDef) and node.name == "__init__" for node in kind.body)


def code_nodes(trees: dict[str, ast.Module]) -> Iterator[tuple[str, ast.expr | None]]:
    """(place, what stands for the code) of each refusal that is made."""
    kinds = refusals(trees)
    by_super = {id(node) for kind in kinds.values() if makes_itself(kind) for node in ast.walk(kind)}
    for path, tree in trees.items():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = last_name(node.func)
            is_super = name == "__init__" and id(node) in by_super
            if is_super or (name in kinds and not makes_itself(kinds[name])):
                given = [word.value for word in node.keywords if word.arg == "code"] + node.args[1:2]
                yield f"{path}:{node.lineno}", given[0] if given else None


def faults(trees: dict[str, ast.Module]) -> list[str]:
    found = []
    for place, node in code_nodes(trees):
        if not (isinstance(node, ast.Constant) and isinstance(node.value, str)):
            found.append(
                f"{place}: write the code of this refusal as a word in quotes, so that its status can be found."
            )
        elif node.value not in STATUS:
            found.append(f"{place}: the code “{node.value}” has no HTTP status; give it one in mitoweb/api_errors.py.")
    return found


def answer(error: Exception):
    return api_exception_handler(error, {})


def test_each_code_that_is_raised_has_a_status():
    assert faults(sources()) == []


def test_each_code_stands_once_in_the_table_and_is_raised_somewhere():
    codes = [code for codes in CODES_BY_STATUS.values() for code in codes.split()]
    raised = {node.value for _, node in code_nodes(sources()) if isinstance(node, ast.Constant)}
    assert len(codes) == len(set(codes))
    assert set(codes) == raised


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ('raise Refused("No.", "brand_new")', "“brand_new” has no HTTP status"),
        ('raise Refused("No.", code="brand_new")', "“brand_new” has no HTTP status"),
        ('raise errors.Refused("No.", "brand_new")', "“brand_new” has no HTTP status"),
        ('class A(Refused): ...\nclass B(A): ...\nraise B("No.", "brand_new")', "“brand_new” has no HTTP status"),
        (
            'class A(Refused):\n def __init__(self): super().__init__("No.", "brand_new")',
            "“brand_new” has no HTTP status",
        ),
        ('raise Refused("No.", word)', "write the code of this refusal"),
        ('raise Refused("No.")', "write the code of this refusal"),
    ],
)
def test_a_code_without_a_status_is_found(source, words):
    assert [words in fault for fault in faults({"new.py": ast.parse(source)})] == [True]


def modules_without_http() -> list[Path]:
    contracts = tomllib.loads((settings.BASE_DIR / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (contract,) = [each for each in contracts if each["name"] == CONTRACT]
    roots = [settings.BASE_DIR / name.replace(".", "/") for name in contract["source_modules"]]
    return [path for root in roots for path in ([root.with_suffix(".py")] if not root.is_dir() else root.rglob("*.py"))]


def test_services_and_commands_know_no_requests_answers_or_statuses():
    assert len(modules_without_http()) > 40
    for path in modules_without_http():
        for node in ast.walk(ast.parse(path.read_text())):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import | ast.ImportFrom) else []
            if isinstance(node, ast.ImportFrom):
                names = [f"{node.module}.{name}" for name in names]
            assert not [name for name in names if name.startswith(OF_HTTP)], f"{path}:{node.lineno} speaks HTTP"
            assert getattr(node, "attr", "") != "status_code", f"{path}:{node.lineno} asks for a status"


def test_a_refusal_is_answered_with_its_sentence_its_word_and_its_status():
    response = answer(Refused("The bytes changed.", "checksum.differs"))
    assert (response.status_code, response.data) == (460, {"detail": "The bytes changed.", "code": "checksum"})
    assert not response.has_header("Retry-After")
    response = answer(Refused("No checksum.", "checksum"))
    assert (response.status_code, response.data) == (400, {"detail": "No checksum.", "code": "checksum"})


def test_a_piece_too_many_is_answered_with_the_time_to_wait():
    response = answer(NotNow("In turn.", "pieces.at_once"))
    assert (response.status_code, response["Retry-After"], response.data["code"]) == (429, "2", "pieces")


def test_a_body_that_broke_off_is_answered_in_words():
    response = answer(UnreadablePostError("reset"))
    assert (response.status_code, response.data["code"]) == (408, "incomplete")


@pytest.mark.parametrize(
    ("ours", "frameworks"),
    [
        (Refused("Not found.", "not_found"), Http404()),
        (Refused("Another does it.", "permission_denied"), PermissionDenied("Another does it.")),
    ],
)
def test_what_a_service_misses_or_forbids_looks_like_what_the_framework_does(ours, frameworks):
    mine, theirs = answer(ours), answer(frameworks)
    assert (mine.status_code, mine.data) == (theirs.status_code, theirs.data)


@pytest.mark.parametrize(
    ("errors", "detail"),
    [
        ({"x_l0": ["Wrong.", "More."]}, "x_l0: Wrong."),
        ({"non_field_errors": ["Wrong."]}, "Wrong."),
        (["Wrong."], "Wrong."),
        ("Wrong.", "Wrong."),
        ({"polygon": {3: {1: ["Wrong."]}}}, "polygon: Wrong."),
        ({"points": [{}, {"x": ["Wrong."]}]}, "x: Wrong."),
        ({"reader": {"non_field_errors": ["Wrong."]}}, "reader: Wrong."),
        ({"empty": [], "x": [["Wrong."]]}, "x: Wrong."),
    ],
)
def test_what_is_wrong_is_said_without_python_however_deep_it_lies(errors, detail):
    response = answer(ValidationError(errors))
    assert (response.status_code, response.data["code"], response.data["detail"]) == (400, "invalid", detail)
