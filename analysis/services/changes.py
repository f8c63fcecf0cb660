"""What is new in an analysis since a revision: what viewers ask for every second or two."""

from dataclasses import dataclass, field

from django.db.models import Exists, OuterRef, QuerySet

from analysis.models import Analysis, Comment, Detection, Explanation, FieldLook, Figure, Verdict
from analysis.services.comments import comments_shown_to
from analysis.services.looks import looks_shown_to

# Rows of one kind; a few more where the last revision holds several. Detections are small, and there may be 100,000.
PAGE, DETECTIONS_PAGE = 2_000, 25_000


@dataclass(frozen=True)
class Changes:
    """Rows with a revision up to `revision`. `more`: ask again with it at once."""

    revision: int
    more: bool = False
    detections: list[Detection] = field(default_factory=list)
    verdicts: list[Verdict] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    comments: list[Comment] = field(default_factory=list)
    looks: list[FieldLook] = field(default_factory=list)


def load_changes(analysis: Analysis, revision: int, user) -> Changes:
    """Everything after `revision` that `user` may see, in at most eleven queries; none when there is nothing new.

    Rows are numbered under a lock on the analysis (revisions.bump), so all rows up to the number that the caller read
    with the analysis are committed, and a row committed meanwhile has a higher number and comes with the next call.
    """
    last = analysis.revision
    if revision >= last:
        return Changes(last)
    explanations = Explanation.objects.filter(detection__analysis=analysis)
    comments, looks = comments_shown_to(user, analysis), looks_shown_to(user, analysis)
    rows = [
        (analysis.detections.revised_between(revision, last), DETECTIONS_PAGE),
        (analysis.verdicts.revised_between(revision, last), PAGE),
        (analysis.figures.revised_between(revision, last), PAGE),
        (explanations.revised_between(revision, last), DETECTIONS_PAGE),
        (comments.revised_between(revision, last), PAGE),
        (looks.revised_between(revision, last), PAGE),
    ]
    # Of each kind that has a page full: the revision of the row that fills it.
    full = [filled for kind, page in rows for filled in kind.values_list("revision", flat=True)[page - 1 : page]]
    until = min([last, *full])
    # New detections, and older ones that got their explanation only now.
    fresh = analysis.detections.revised_between(revision, until).values("pk")
    explained = explanations.revised_between(revision, until).values("detection")
    either = Detection.objects.filter(pk__in=fresh.order_by().union(explained.order_by()))
    return Changes(
        revision=until,
        more=until < last,
        detections=list(with_explained(either).order_by("number")),
        verdicts=list(analysis.verdicts.revised_between(revision, until).select_related("reader")),
        figures=list(analysis.figures.revised_between(revision, until).select_related("reader")),
        comments=list(comments.revised_between(revision, until)),
        looks=list(looks.revised_between(revision, until)),
    )


def with_explained(detections: QuerySet) -> QuerySet:
    return detections.annotate(explained=Exists(Explanation.objects.filter(detection=OuterRef("pk"))))
