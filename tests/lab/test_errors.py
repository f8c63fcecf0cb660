"""Programs tell the refusals of pipeline and laboratory apart by their codes."""

from analysis.lab import errors as of_the_laboratory
from analysis.lab.errors import DatasetRefused
from analysis.pipeline import errors
from analysis.pipeline.errors import PipelineRefused


def test_each_kind_of_refusal_has_a_code_of_its_own():
    named = vars(errors) | vars(of_the_laboratory)
    kinds = [kind for kind in named.values() if isinstance(kind, type) and issubclass(kind, PipelineRefused)]
    codes = [vars(kind).get("code") for kind in kinds]
    assert len(kinds) == 10
    assert all(codes) and len(set(codes)) == len(codes)


def test_a_refusal_is_a_sentence_with_its_code():
    refusal = DatasetRefused("The table has no rows.", faults=("empty",))
    assert (str(refusal), refusal.code, refusal.faults) == ("The table has no rows.", "dataset", ("empty",))
