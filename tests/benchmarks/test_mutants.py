"""The sample of mutants: repeatable, of real lines, and each with tests that exist."""

import ast
from pathlib import Path

from benchmarks.mutants.places import PLACES, Place
from benchmarks.mutants.sample import draw_sample, list_mutants

ROOT = Path(__file__).parents[2]
CODE = """
def area_mm2(width: int | None, height: int = 3) -> float | None:
    return width * height


def other(width):
    return width + 1
"""


def small_place(tmp_path, **more) -> Place:
    (tmp_path / "area.py").write_text(CODE)
    return Place("area", 100, ("*.py",), (), **more)


def test_places_name_modules_and_tests_that_exist():
    for place in PLACES:
        assert place.files(ROOT)
        for name in place.tests:
            assert (ROOT / name).is_file(), f"{place.name}: {name} is not there"


def test_a_mutant_changes_one_line_into_other_valid_code(tmp_path):
    for mutant in list_mutants(small_place(tmp_path), tmp_path):
        changed = mutant.changed_code(CODE)
        ast.parse(changed)
        differing = [
            n for n, (a, b) in enumerate(zip(CODE.splitlines(), changed.splitlines(), strict=True), 1) if a != b
        ]
        assert differing == [mutant.line]


def test_types_are_no_arithmetic_and_other_functions_are_left_alone(tmp_path):
    lines = {mutant.line for mutant in list_mutants(small_place(tmp_path), tmp_path)}
    assert lines == {3, 7, 2}, "the sum, the product and the default"
    changes = {mutant.operator for mutant in list_mutants(small_place(tmp_path), tmp_path) if mutant.line == 2}
    assert changes == {"core/NumberReplacer"}, "the bar between types was taken for arithmetic"
    only = list_mutants(small_place(tmp_path, functions=frozenset({"other"})), tmp_path)
    assert {mutant.line for mutant in only} == {7}


def test_the_same_seed_draws_the_same_sample_with_one_change_for_each_spot(tmp_path):
    place = small_place(tmp_path)
    first, again = (draw_sample((place,), tmp_path, 10, seed=4) for _ in range(2))
    assert first == again
    spots = [(mutant.line, mutant.column) for mutant in first]
    assert len(spots) == len(set(spots)) == 4
