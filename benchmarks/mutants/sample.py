"""The mutants of a module, and a seeded sample of them."""

from __future__ import annotations

import ast
import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cosmic_ray.ast import ast_nodes, get_ast
from cosmic_ray.ast.ast_query import ASTQuery
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator, operator_names

from benchmarks.mutants.places import Place

# A decorator less, and numbers that only name a width in typing, change nothing that a person could see.
LEFT_OUT = ("core/RemoveDecorator", "core/NoOp", "core/Variable")


@dataclass(frozen=True)
class Mutant:
    """One change of one module: `occurrence` counts an operator's places in the module, from its beginning."""

    place: Place
    module: str
    line: int
    column: int
    operator: str
    occurrence: int

    def changed_code(self, code: str) -> str:
        """`code` with the change in it."""
        changed = mutate_code(code, get_operator(self.operator)(), self.occurrence)
        if changed is None or changed == code:
            raise ValueError(f"{self} changes nothing")
        return changed


def list_mutants(place: Place, root: Path) -> list[Mutant]:
    """Every change that the operators know in the place's modules."""
    return [mutant for path in place.files(root) for mutant in _mutants_of(place, path, root)]


def _mutants_of(place: Place, path: Path, root: Path) -> Iterator[Mutant]:
    code = path.read_text("utf-8")
    tree = get_ast(code)
    typed = _spans_of_types(code)
    for name in operator_names():
        operator = get_operator(name)
        if name.startswith(LEFT_OUT) or operator.arguments():
            continue
        positions = ((node, start) for node in ast_nodes(tree) for start, _end in operator().mutation_positions(node))
        for occurrence, (node, (line, column)) in enumerate(positions):
            function = ASTQuery(node).get_definition_name()
            if any(start <= (line, column) < end for start, end in typed):
                continue
            if place.functions and function not in place.functions:
                continue
            yield Mutant(place, path.relative_to(root).as_posix(), line, column, name, occurrence)


def _spans_of_types(code: str) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Where annotations stand, as (line, column) from and to: `|` between types is not arithmetic."""
    annotations = []
    for node in ast.walk(ast.parse(code)):
        annotations += [getattr(node, "annotation", None), getattr(node, "returns", None)]
    return [((a.lineno, a.col_offset), (a.end_lineno, a.end_col_offset)) for a in annotations if a is not None]


def draw_sample(places: tuple[Place, ...], root: Path, size: int, seed: int) -> list[Mutant]:
    """About `size` mutants, each place having its share, spots drawn evenly and one change for each spot.

    A spot is a line and column: an operator sign has ten changes and a number two, and drawn among changes the signs
    would be nearly all of the sample. Where a place has fewer spots than its share, all are taken.
    """
    chosen: list[Mutant] = []
    shares = sum(place.share for place in places)
    for place in places:
        draw = random.Random(f"{seed} {place.name}")
        spots: dict[tuple[str, int, int], list[Mutant]] = defaultdict(list)
        for mutant in list_mutants(place, root):
            spots[mutant.module, mutant.line, mutant.column].append(mutant)
        wanted = min(len(spots), round(size * place.share / shares))
        chosen += [draw.choice(spots[spot]) for spot in draw.sample(sorted(spots), wanted)]
    return chosen
