"""Two teams with one of everything: what the tests of access ask for as each role."""

import uuid
from pathlib import Path

from django.db import connection
from django.utils import timezone

from analysis.models import Activation, DataSet, Explanation, GateOverride, LockedSlide, ModelUpload, Replay
from analysis.services import model_uploads, protocol_changes, protocols
from analysis.services.learning import locked_set
from mitoweb.lib.jobs.models import Job, WorkerPulse
from mitoweb.people import services
from mitoweb.people.models import Role
from slides import files
from tests.analysis.learning.gate_makers import made_report
from tests.analysis.learning.makers import frozen, judged_slide
from tests.analysis.learning.training_makers import make_run
from tests.analysis.makers import ModelVersionFactory, add_detection, make_analysis
from tests.factories import (
    CaseFactory,
    MembershipFactory,
    RegionFactory,
    SlideFactory,
    TeamFactory,
    UploadFactory,
    UserFactory,
    member,
)

ROLES = ["observer", "reader", "technician", "lead", "researcher", "administrator"]
MISSING_NUMBER = 10**9
NUMBERED = {"team", "membership", "detection"}


class TeamObjects:
    """One of each kind of object in one team."""

    def __init__(self, model, administrator) -> None:
        self.team = TeamFactory()
        self.case = CaseFactory(team=self.team)
        self.slide = SlideFactory(case=self.case)
        self.region = RegionFactory(slide=self.slide)
        self.analysis = make_analysis(self.slide, Job.State.FAILED, model=model)
        self.job = self.analysis.job
        self.detection = add_detection(self.analysis)
        Explanation.objects.create(
            detection=self.detection,
            mitosis_png=b"\x89PNG",
            other_png=b"\x89PNG",
            target_layer="blocks.8",
            revision=self.detection.revision,
        )
        self.membership = MembershipFactory(team=self.team, role=Role.READER)
        self.lead = member(self.team, Role.LEAD)
        self.invitation, _ = services.create_invitation(self.team, Role.READER, self.lead)
        self.upload = UploadFactory(case=self.case, user=self.lead)
        self.token, _ = services.make_token(self.lead, "theirs", 1)
        nottingham = protocols.find_version("nottingham", 1)
        self.team_protocol = protocol_changes.set_team_default(self.team, "lung", nottingham, self.lead)
        self.activation = Activation.objects.create(model=model, team=self.team, reason="x", asked_by=administrator)


class World:
    """The people are in the own team, one for each role; administrators are in none."""

    def __init__(self) -> None:
        _count_from_far_up()
        self.model = ModelVersionFactory()
        other_administrator = UserFactory(is_superuser=True, is_staff=True)
        self.model_upload = ModelUpload.objects.create(name="sent", card="{}", length=1000, by=other_administrator)
        self.own = TeamObjects(self.model, other_administrator)
        self.foreign = TeamObjects(self.model, other_administrator)
        self.people = {role: member(self.own.team, role, username=f"the.{role}") for role in Role.values}
        self.people["administrator"] = UserFactory(is_superuser=True, is_staff=True, username="the.administrator")
        self.uploads = {role: UploadFactory(case=self.own.case, user=user) for role, user in self.people.items()}
        self.tokens = {role: services.make_token(user, "mine", 1)[0] for role, user in self.people.items()}
        self.data_set, self.lock = self._learn()
        self.training_run = make_run(self.data_set, self.people["administrator"], self.model)
        self.gate = made_report(self.model, ModelVersionFactory())
        self.override = GateOverride.objects.create(report=self.gate, reason="x", asked_by=other_administrator)
        self.replay = Replay.objects.create(threshold=0.4, asked_by=other_administrator)
        WorkerPulse.objects.create(name="foreman test", at=timezone.now())

    def _learn(self) -> tuple[DataSet, LockedSlide]:
        """What is learned from, and a slide that decides: of teams that nobody here is in."""
        judged_slide([["mitosis", "mitosis"], ["not_mitosis", "not_mitosis"]])
        data_set = frozen("Theirs", self.people["administrator"])
        return data_set, locked_set.lock_slide(SlideFactory(), "Kept.", self.people["administrator"])

    def id_of(self, kind: str, which: str, role: str) -> object:
        """The id of the person's own object, of one of another team, or of none."""
        if which == "missing":
            return MISSING_NUMBER if kind in NUMBERED else uuid.uuid5(uuid.NAMESPACE_DNS, "missing")
        if which == "own" and kind in {"upload", "token"}:
            row = (self.uploads if kind == "upload" else self.tokens)[role]
        elif kind in {"model", "model_upload", "data_set", "lock", "training_run", "gate", "override", "replay"}:
            row = getattr(self, kind)
        else:
            row = getattr(getattr(self, which), kind)
        return row.public_id if kind == "token" else row.pk

    def detection_of(self, analysis: object) -> int:
        found = [each.detection for each in (self.own, self.foreign) if each.analysis.pk == analysis]
        return found[0].pk if found else MISSING_NUMBER

    def mend_files(self) -> None:
        """Part files of the uploads as they were before a request that was rolled back."""
        for upload in [*self.uploads.values(), self.foreign.upload]:
            path = Path(files.part_path(upload))
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"")
        weights = model_uploads.folder_of(self.model_upload) / model_uploads.WEIGHTS
        weights.parent.mkdir(parents=True, exist_ok=True)
        weights.write_bytes(b"")


def _count_from_far_up() -> None:
    """Numbers that occur nowhere else, so that a test can take the id out of an answer."""
    with connection.cursor() as cursor:
        for table in ("people_team", "people_membership", "analysis_detection"):
            cursor.execute("SELECT setval(pg_get_serial_sequence(%s, 'id'), 770000)", [table])
