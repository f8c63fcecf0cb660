"""Protocols: what is shipped, what it says for a laboratory's own field, and what a file may not say."""

import hashlib
import json
import math
from dataclasses import replace

import pytest

from analysis.pipeline.count.protocols import (
    PLAIN,
    ProtocolRefused,
    describe_shape,
    find_protocol,
    list_ranges,
    list_unsourced,
    load_protocols,
    protocol_of,
    read_protocol,
)
from analysis.pipeline.count.score import distances, score_of
from analysis.pipeline.count.shapes import FIELDS, RECTANGLE, SQUARE

# The printed table: a field's diameter in mm, and the largest counts of scores 1 and 2 in ten fields.
NOTTINGHAM = """\
.40 4 9  .41 4 9  .42 5 10 .43 5 10 .44 5 11 .45 5 11 .46 6 12 .47 6 12 .48 6 13 .49 6 13
.50 7 14 .51 7 14 .52 7 15 .53 8 16 .54 8 16 .55 8 17 .56 8 17 .57 9 18 .58 9 19 .59 9 19
.60 10 20 .61 10 21 .62 11 22 .63 11 22 .64 11 23 .65 12 24 .66 12 24 .67 12 25 .68 13 26 .69 13 27
"""
ROW = {"name": "own", "version": 1, "shape": "square", "area_mm2": 2.0}
TWO = [{"score": "low", "from": 0}, {"score": "high", "from": 7}]
# A change of what a protocol says is a new version: counts name the one that they were made by.
SAYS = {
    "adrenocortical": (1, "66b7acc06b26"),
    "canine-mct": (1, "ae78bbef0aa1"),
    "fnclcc": (1, "08cc0923573a"),
    "gep-net": (1, "d9fada4ade4c"),
    "gist": (1, "4df168891448"),
    "lung-net": (1, "6683c451f4f6"),
    "melanoma": (1, "2a2aed4036f8"),
    "meningioma": (1, "8bf6e1220caa"),
    "nottingham": (1, "9ef7483cf205"),
    "nottingham-area": (1, "af3619354a5a"),
    "plain": (1, "3de438e5f290"),
}


def starts(protocol) -> list[int]:
    return [cutoff.from_count for cutoff in protocol.cutoffs]


def test_the_whole_printed_table_of_nottingham_follows_from_its_rule():
    words = NOTTINGHAM.split()
    lines = [words[at : at + 3] for at in range(0, len(words), 3)]
    assert len(lines) == 30
    for diameter, one, two in lines:
        protocol = find_protocol(f"nottingham:{diameter}")
        assert starts(protocol) == [0, int(one) + 1, int(two) + 1], diameter
        assert protocol.shape.area_mm2 == pytest.approx(10 * math.pi * (float(diameter) / 2) ** 2)


@pytest.mark.parametrize(("area", "expected"), [("2", [0, 8, 15]), ("2.74", [0, 11, 21]), ("1.37", [0, 6, 11])])
def test_nottingham_by_area_has_whole_limits_where_the_quotient_is_whole(area, expected):
    assert starts(find_protocol(f"nottingham-area:{area}")) == expected


@pytest.mark.parametrize(
    ("name", "kind", "area", "expected"),
    [
        ("nottingham", FIELDS, 2.376, [0, 9, 18]),
        ("nottingham-area", SQUARE, 2.0, [0, 8, 15]),
        ("gep-net", SQUARE, 10.0, [0, 10, 101]),
        ("lung-net", SQUARE, 2.0, [0, 2, 11]),
        ("canine-mct", RECTANGLE, 2.37, [0, 7]),
        ("meningioma", FIELDS, 1.6, [0, 4, 20]),
        ("gist", SQUARE, 5.0, [0, 6]),
        ("melanoma", "circle", 1.0, []),
        ("adrenocortical", SQUARE, 10.0, [0, 21]),
        (PLAIN, SQUARE, 2.0, []),
    ],
)
def test_what_is_shipped_is_on_and_has_these_numbers(name, kind, area, expected):
    protocol = load_protocols()[name]
    assert protocol.on
    assert (protocol.shape.kind, round(protocol.shape.area_mm2, 3)) == (kind, area)
    assert starts(protocol) == expected


def test_what_is_not_verified_is_shipped_off_and_says_so():
    off = [protocol for protocol in load_protocols().values() if not protocol.on]
    assert [protocol.name for protocol in off] == ["fnclcc"]
    assert "Not verified" in off[0].sources["area_mm2"]


def test_fields_of_consecutive_protocols_touch_and_those_of_the_breast_need_not():
    touching = {name: each.shape.touching for name, each in load_protocols().items() if each.shape.kind == FIELDS}
    assert touching == {"nottingham": False, "meningioma": True, "fnclcc": True}


@pytest.mark.parametrize("name", sorted(load_protocols()))
def test_each_number_of_a_shipped_protocol_names_its_source(name):
    protocol = load_protocols()[name]
    told = protocol.as_json()
    numbers = {key for key in ("aspect", "cutoff_rule") if key in told}
    numbers |= {"cutoffs"} if protocol.cutoffs else set()
    numbers |= {"divided_by"} if protocol.divided_by > 1 else set()
    numbers |= {"fields", "touching"} if protocol.shape.kind == FIELDS else {"area_mm2"}
    assert numbers <= set(protocol.sources)
    assert list_unsourced(protocol) == []
    assert numbers <= set(list_unsourced(replace(protocol, sources={"cutoffs": " "})))
    assert protocol.where


@pytest.mark.parametrize("name", sorted(load_protocols()))
def test_a_score_names_the_mitotic_part_and_never_a_grade(name):
    for cutoff in load_protocols()[name].cutoffs:
        assert not any(word in cutoff.score.lower() for word in ("grade", "g1", "g2", "g3", "typical", "high", "low"))


@pytest.mark.parametrize("name", sorted(load_protocols()))
def test_what_a_protocol_says_changes_with_its_version_alone(name):
    protocol = load_protocols()[name]
    said = json.dumps(protocol.as_json() | {"on": True}, sort_keys=True).encode()
    assert SAYS[name] == (protocol.version, hashlib.sha256(said).hexdigest()[:12])


@pytest.mark.parametrize("name", [*sorted(load_protocols()), "nottingham:0.5"])
def test_a_row_of_the_list_is_a_file_of_the_same_protocol(name, tmp_path):
    protocol = find_protocol(name)
    path = tmp_path / "own.json"
    path.write_text(json.dumps(protocol.as_json() | {"name": "own"}))
    again = read_protocol(path)
    assert again.as_json() == protocol.as_json() | {"name": "own"}
    assert again.cutoffs == protocol.cutoffs


def test_a_file_needs_no_more_than_name_version_and_window():
    protocol = protocol_of(ROW, "own.json")
    assert (protocol.title, protocol.on, protocol.cutoffs, protocol.divided_by) == ("own", True, (), 1)
    assert protocol_of(ROW | {"shape": "rectangle"}, "own.json").shape.aspect == pytest.approx(4 / 3)


def test_fields_are_told_by_diameter_or_by_area():
    fields = ROW | {"shape": "fields", "fields": 10}
    assert protocol_of(fields | {"area_mm2": 1.6}, "own").shape.radius_um == pytest.approx(225.68, abs=0.01)
    assert protocol_of(fields | {"field_um": 550, "area_mm2": 2.37}, "own").shape.area_mm2 == pytest.approx(
        2.3758, abs=1e-4
    )


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"cutofs": []}, "cutofs is unknown; did you mean cutoffs"),
        ({"cutoffs": [{"score": "1", "form": 0}]}, "cutoffs.form is unknown; did you mean from"),
        ({"cutoffs": [{"score": "1"}]}, "cutoffs.from is missing"),
        ({"cutoffs": [{"score": "1", "from": 0.5}]}, "cutoffs.from is 0.5, which is no whole number"),
        ({"cutoffs": [{"score": "1", "from": True}]}, "cutoffs.from is True, which is no whole number"),
        ({"cutoffs": [{"score": "1", "from": -1}]}, "a count is 0 to"),
        ({"cutoffs": [{"score": " ", "from": 0}]}, "a score has 1 to"),
        ({"cutoffs": [{"score": "1", "from": 1}]}, "have a gap: counts below 1 have no score"),
        ({"cutoffs": [*TWO, {"score": "more", "from": 7}]}, "overlap: more is from 7, high from 7"),
        ({"cutoffs": TWO[::-1]}, "counts below 7 have no score"),
        ({"cutoffs": [TWO[0], {"score": "high", "from": 9}, {"score": "more", "from": 5}]}, "overlap: more is from 5"),
        ({"cutoffs": [TWO[0] | {"to": 7}, TWO[1]]}, "overlap: low is to 7, and the next one from 7"),
        ({"cutoffs": [TWO[0] | {"to": 5}, TWO[1]]}, "have a gap: low is to 5, and the next one from 7"),
        ({"cutoffs": [TWO[0], TWO[1] | {"to": 20}]}, "have a gap: counts above 20 have no score"),
        ({"cutoffs": [TWO[0], {"score": "low", "from": 7}]}, "score low is there twice"),
        ({"area_mm2": math.nan}, "area_mm2 is nan, which is no number"),
        ({"area_mm2": math.inf}, "area_mm2 is inf, which is no number"),
        ({"area_mm2": -2}, "area_mm2 is -2; 0.01 to 1000 can be"),
        ({"area_mm2": 0}, "area_mm2 is 0"),
        ({"area_mm2": "2"}, "area_mm2 is '2', which is no number"),
        ({"shape": "triangle"}, "shape is 'triangle', which is none of square"),
        ({"shape": "circel"}, "did you mean circle"),
        ({"aspect": 2}, "aspect is of no square"),
        ({"shape": "rectangle", "aspect": 0.5}, "aspect is 0.5"),
        ({"shape": "circle", "fields": 3}, "fields is of no circle"),
        ({"shape": "fields"}, "fields, their number, is missing"),
        ({"shape": "fields", "fields": 0}, "fields is 0"),
        ({"shape": "fields", "fields": 10, "field_um": 550}, r"10 fields of 550 µm have 2.376 mm², but area_mm2 is 2"),
        ({"shape": "fields", "fields": 10, "field_um": math.nan}, "field_um is nan"),
        ({"version": 0}, "version is 0"),
        ({"version": "1"}, "version is '1', which is no whole number"),
        ({"name": ""}, "its name has 1 to"),
        ({"name": "a:b"}, "which mean something else"),
        ({"divided_by": 0}, "divided_by is 0"),
        ({"rounding": "floor"}, "rounding is 'floor'"),
        ({"on": "yes"}, "on is 'yes', which is no true or false"),
        ({"sources": {"area_mm2": 3}}, "sources.area_mm2 is 3, which is no text"),
        ({"cutoffs": TWO, "cutoff_rule": {"upper": [6], "area_mm2": 2}}, "needs rounding"),
        ({"cutoffs": TWO, "rounding": "down", "cutoff_rule": {"upper": [6, 7], "area_mm2": 2}}, "one limit fewer"),
        ({"cutoff_rule": {"upper": [6], "area_mm2": 1e-300}}, "cutoff_rule.area_mm2 is 1e-300; 0.01 to 1000 can be"),
        ({"cutoff_rule": {"upper": [10**200], "area_mm2": 2}}, "holds what is no count; a count is 0 to 100,000"),
        (
            {"cutoffs": TWO, "rounding": "up", "cutoff_rule": {"upper": [8], "area_mm2": 2}},
            "from 0, 7, by its own rule",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_words(change, sentence):
    with pytest.raises(ProtocolRefused, match=sentence) as refused:
        protocol_of(ROW | change, "own.toml")
    assert str(refused.value).startswith("own.toml is no protocol: ")


@pytest.mark.parametrize("key", ["name", "version", "shape", "area_mm2"])
def test_what_is_missing_is_named(key):
    with pytest.raises(ProtocolRefused, match=f"{key} is missing"):
        protocol_of({other: value for other, value in ROW.items() if other != key}, "own")


@pytest.mark.parametrize("content", ["", "[1]", "{", "name = ", "\xff\x00", "[" * 100_000])
def test_a_file_that_holds_no_protocol_is_refused_in_words(content, tmp_path):
    path = tmp_path / "own.json"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(ProtocolRefused, match=r"own\.json is no protocol"):
        read_protocol(path)


@pytest.mark.parametrize(
    ("told", "sentence"),
    [
        ("notingham", "did you mean nottingham"),
        ("xyz", r"There is no protocol 'xyz'\. There are plain, "),
        ("", r"There is no protocol ''\. There are plain, "),
        ("nottingham:wide", "'wide' behind nottingham is no size"),
        ("nottingham:nan", "cannot be of nan"),
        ("nottingham:-1", "cannot be of -1 mm across"),
        ("nottingham:0.1", "are too small for nottingham"),
        ("gist:2", "gist has cut-offs for 5 mm² alone"),
    ],
)
def test_a_name_that_is_none_is_refused_with_what_there_is(told, sentence):
    with pytest.raises(ProtocolRefused, match=sentence):
        find_protocol(told)


@pytest.mark.parametrize(
    ("count", "score", "away"),
    [
        (0, "1", (9, None)),
        (8, "1", (1, None)),
        (9, "2", (9, 1)),
        (17, "2", (1, 9)),
        (18, "3", (None, 1)),
        (500, "3", (None, 483)),
    ],
)
def test_a_count_has_one_score_and_its_distances_in_whole_figures(count, score, away):
    cutoffs = load_protocols()["nottingham"].cutoffs
    assert (score_of(count, cutoffs), distances(count, cutoffs)) == (score, away)


def test_a_protocol_without_scores_gives_none():
    assert (score_of(7, ()), distances(7, ())) == (None, (None, None))


def test_gep_net_is_decided_by_whole_counts_and_not_by_rounded_rates():
    protocol = load_protocols()["gep-net"]
    assert protocol.divided_by == 5
    assert [score_of(count, protocol.cutoffs) for count in (9, 10, 100, 101)] == [
        "<2 per 2 mm²", "2-20 per 2 mm²", "2-20 per 2 mm²", ">20 per 2 mm²",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "words", "ranges"),
    [
        ("nottingham", "10 fields of 0.55 mm", [("1", "0 to 8"), ("2", "9 to 17"), ("3", "at least 18")]),
        ("meningioma", "10 fields of 0.4514 mm that touch", [("0-3", "0 to 3"), ("4-19", "4 to 19")]),
        ("canine-mct", "rectangle of 1.78 by 1.33 mm, either way round", [("0-6", "0 to 6")]),
        ("melanoma", "circle of 1.13 mm", []),
        (PLAIN, "square of 1.41 mm", []),
    ],
)
def test_a_window_and_its_scores_are_told_in_words(name, words, ranges):
    protocol = load_protocols()[name]
    assert describe_shape(protocol.shape) == words
    assert list_ranges(protocol.cutoffs)[: len(ranges)] == ranges
    assert len(list_ranges(protocol.cutoffs)) == len(protocol.cutoffs)
