"""What a training run needs in tests: a base, a data set of two slides, and a recipe of few steps."""

from dataclasses import replace

from django.db import transaction

from analysis.lab.learning.recipe import DrawShares, Recipe, find_recipe
from analysis.models import DataSet, ModelVersion, TrainingRun
from analysis.services import model_versions
from analysis.services.learning import training_runs
from tests.analysis.learning.makers import MITOSIS, OTHER, administrator, frozen, judged_slide

BOTH = [MITOSIS, MITOSIS], [OTHER, OTHER]


def tiny_recipe(**values) -> Recipe:
    plain = {"steps": 2, "batch": 2, "validate_every": 2, "checkpoint_every": 1, "least_places": 2, "replay": 0.0}
    plain |= {"bfloat16": False, "ema": 0.0, "warmup_steps": 1, "shares": DrawShares(case_at_most=1.0)}
    return replace(find_recipe("fine-tune"), name="tiny", **plain | values)


def base_version() -> ModelVersion:
    """The one that comes with the program."""
    model_versions.register_shipped()
    return ModelVersion.objects.filter(name="hybrid-0.5").get()


def trainable_data_set(name: str = "Spring", slides: int = 2, places: int = 2) -> DataSet:
    """So many slides of a case each, with as many places of either class."""
    for _ in range(slides):
        judged_slide([list(said) for said in BOTH for _ in range(places)])
    return frozen(name)


def begun_run(recipe: Recipe | None = None, by=None, **values) -> TrainingRun:
    return training_runs.start_run(
        base_version(), trainable_data_set(), recipe or tiny_recipe(), by=by or administrator(), **values
    )


def make_run(data_set: DataSet, by=None, base: ModelVersion | None = None) -> TrainingRun:
    """A run as the service makes it, of a data set that it would refuse."""
    recipe = tiny_recipe()
    with transaction.atomic():
        return training_runs._create_run(base or base_version(), data_set, recipe, 1, 0.0, by)
