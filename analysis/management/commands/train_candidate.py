from pathlib import Path

from django.core.management.base import BaseCommand, CommandError

from analysis.models import DataSet, ModelVersion, TrainingRun
from analysis.services.learning import training_runs
from mitoweb.lib.errors import Refused
from mitoweb.lib.jobs.child import run_queued
from mitoweb.people.models import User


class Command(BaseCommand):
    help = "Begin a training run from a base version and a data set; a worker trains it, or this command with --here."

    def add_arguments(self, parser) -> None:
        parser.add_argument("base", help="the name of an approved model version")
        parser.add_argument("data_set", help="the name of a data set whose patches are cut")
        parser.add_argument("recipe", nargs="?", default="fine-tune", help="default: fine-tune")
        parser.add_argument("--seed", type=int, default=1, help="default: 1")
        parser.add_argument(
            "--replay", type=Path, help="folder of the original data, where they may be used (MITOWEB_REPLAY_DATA)"
        )
        parser.add_argument("--replay-share", type=float, help="of each batch; default: as the recipe has it")
        parser.add_argument("--by", required=True, help="username of the administrator who asks for it")
        parser.add_argument("--here", action="store_true", help="train in this process, for want of a worker")

    def handle(self, *, base, data_set, recipe, seed, replay, replay_share, by, here, **options) -> None:
        user = User.objects.filter(username=by, is_active=True, is_superuser=True).first()
        if user is None:
            raise CommandError(f"{by} is no administrator.")
        if replay is not None:
            if not here:
                raise CommandError("--replay is for --here; a worker reads the folder in MITOWEB_REPLAY_DATA.")
            from django.conf import settings

            settings.REPLAY_DATA = str(replay)
        try:
            run = training_runs.start_run(
                _named(ModelVersion, base),
                _named(DataSet, data_set),
                training_runs.find_named_recipe(recipe),
                seed=seed,
                replay_share=replay_share,
                by=user,
            )
        except Refused as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"Run {run.number} waits for its turn.")
        if here:
            run_queued("training")
            run = TrainingRun.objects.with_facts().get(pk=run.pk)
            if run.result is None:
                raise CommandError(f"Run {run.number} is {run.state.label.lower()}: {run.job.message}")
            self.stdout.write(f"Candidate {run.result.name} is there.")


def _named(model, name: str):
    row = model.objects.filter(name=name).first()
    if row is None:
        known = ", ".join(model.objects.order_by("name").values_list("name", flat=True)[:20]) or "none"
        raise CommandError(f"There is no {model._meta.verbose_name} {name}; there are {known}.")
    return row
