"""Every migration goes back, and forth again, on rows in every state that they may be in."""

import uuid

import pytest
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from analysis.models import Analysis
from analysis.services import looks
from analysis.services.learning import data_sets, leaving, locked_set
from analysis.services.learning.choice import Choice
from mitoweb.lib.jobs.models import Job
from slides.models import Slide, Upload
from tests.analysis.review_makers import comment_on, judge
from tests.factories import RegionFactory, SlideFactory, UploadFactory, UserFactory

pytestmark = pytest.mark.django_db
# As far back as tables of rows of ours are there.
BEGINNING = [("analysis", "0002_initial"), ("jobs", "0002_initial"), ("people", "0002_append_only")]
BEGINNING += [("slides", "0001_initial")]


def rows_in_every_state(world) -> None:
    case, user = world.own.case, world.own.lead
    judge(world.own.detection, user, "mitosis", phase="ring", atypical=True, purpose="correct")
    learn_from(world, case, user)
    comment_on(world.own.detection, user, "Seen from above.")
    looks.keep_look(world.own.analysis, user, uuid.uuid4(), x_l0=100, y_l0=100, radius_um=275)
    for state in Slide.State.values:
        SlideFactory(case=case, state=state, label=f"state {state}")
    for scene in (0, 1):
        SlideFactory(case=case, sha256="0" * 64, scene=scene, label=f"picture {scene + 1} of a file")
    for source in Slide.MppSource.values:
        size = {"mpp_x": None, "mpp_y": None} if source == "unknown" else {"mpp_x": 0.25, "mpp_y": 0.25}
        SlideFactory(case=case, mpp_source=source, label=f"size {source}", **size)
    RegionFactory(slide=world.own.slide, kind="tumour", further_rings=[[[0, 0], [50, 0], [50, 50]]])
    withdrawn = RegionFactory(slide=world.own.slide, withdrawn=timezone.now(), withdrawn_by=user)
    Analysis.objects.filter(pk=world.own.analysis.pk).update(region=withdrawn)
    for state in Upload.State.values:
        UploadFactory(case=case, user=user, state=state, step="already here" if state == "refused" else "")
    UploadFactory(case=case, user=user, state="refused", step="already here", duplicate_of=world.own.slide)
    for state in Job.State.values:
        held = {"claim": uuid.uuid4(), "lease_until": timezone.now()} if state == "running" else {}
        Job.objects.create(kind="slides.check", object_id=case.pk, state=state, team=world.own.team, **held)


def learn_from(world, case, user) -> None:
    judge(world.own.detection, UserFactory(), "mitosis", phase="ring", purpose="correct")
    data_sets.freeze_data_set("Spring", Choice(), UserFactory(is_superuser=True))
    leaving.switch_learning(case, False, "Withdrawn.", user)
    locked = locked_set.lock_slide(SlideFactory(), "Kept.", user)
    locked_set.withdraw_lock(locked, "Refreshed.", user)
    locked_set.record_look("one beside another", "0" * 64, user)


def migrate(targets: list[tuple[str, str | None]]):
    executor = MigrationExecutor(connection)
    return executor.migrate(targets).apps


def test_all_migrations_go_back_and_forth_on_rows_in_every_state(world):
    rows_in_every_state(world)
    newest = MigrationExecutor(connection).loader.graph.leaf_nodes()
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # one transaction here, where the product has one for each
    slides = Slide.objects.count()
    before = migrate(BEGINNING)
    old = before.get_model("slides", "Slide").objects
    assert old.count() == slides
    assert old.get(label="state quarantine").state == "refused"  # where nobody sees it
    assert old.get(label="size scanner").mpp_source == "hand"
    assert not before.get_model("slides", "Upload").objects.filter(state="waiting").exists()
    kept = before.get_model("slides", "Region").objects.values_list("pk", flat=True)
    assert set(kept) == {world.own.region.pk, world.foreign.region.pk}  # else a tumour would be counted in
    migrate(newest)
    assert Slide.objects.count() == slides
    assert Slide.objects.get(label="state ready").state == Slide.State.READY
