"""What people say of detections and figures, and what others answer.

Rows are only ever added, as verdicts are: to withdraw a comment is a row too, and a row sent twice is one row.
"""

import uuid
from dataclasses import dataclass

from django.db import transaction

from analysis.models import Analysis, Comment
from analysis.models.review import CommentQuerySet
from analysis.services.review import lock_analysis, refuse_foreign, refuse_other_use, used_id_refusal
from analysis.services.revisions import take_revision
from mitoweb.lib.errors import Refused
from slides.services.cases import mark_case_of_slide_changed


@dataclass(frozen=True)
class SaidComment:
    """What became of a request. `is_new` is False when the same had been received before."""

    comment: Comment
    is_new: bool


def comments_shown_to(user, analysis: Analysis) -> CommentQuerySet:
    """The comments that this person may read here, with `withdrawn`. The feed, exports and the checks below ask nothing
    else, so a reading that hides what others say has to narrow this alone."""
    rows = Comment.objects.visible_to(user).filter(analysis=analysis)
    return rows.with_withdrawn().select_related("author")


def say_comment(
    analysis: Analysis,
    author,
    comment_id: uuid.UUID,
    *,
    detection: int | None = None,
    figure: uuid.UUID | None = None,
    text: str,
    reply_to: uuid.UUID | None = None,
) -> SaidComment:
    """Keep one comment. Rights are the caller's.

    Refused: what is not in this analysis, an answer to what is not a comment on the same thing or is an answer itself,
    an id that was used for something else.
    """
    wanted = {"detection_id": detection, "figure_id": figure, "text": text, "reply_to_id": reply_to}
    wanted |= {"analysis_id": analysis.pk, "author_id": author.pk, "withdraws_id": None}
    with transaction.atomic():
        lock_analysis(analysis)
        known = Comment.objects.filter(pk=comment_id).first()
        if known is not None:
            return SaidComment(_repeat(known, wanted), is_new=False)
        comment = Comment(pk=comment_id, **wanted)
        refuse_foreign(analysis, [comment])
        if reply_to is not None:
            _refuse_answer(_find_shown(author, analysis, reply_to), detection, figure)
        comment.revision = take_revision(analysis.pk)
        comment.save(force_insert=True)
    mark_case_of_slide_changed(analysis.slide_id)
    return SaidComment(_reload(comment), is_new=True)


def withdraw_comment(analysis: Analysis, author, row_id: uuid.UUID, comment_id: uuid.UUID) -> SaidComment:
    """Take a comment of one's own back, by a row with the id `row_id`. The first one holds: the same again,
    from another window too, changes nothing. Refused: another person's comment, and none."""
    with transaction.atomic():
        lock_analysis(analysis)
        target = _find_shown(author, analysis, comment_id)
        if target.author_id != author.pk:
            raise Refused("A comment is withdrawn by who wrote it.", "not_author")
        if (known := Comment.objects.filter(withdraws=target).first()) is not None:
            return SaidComment(_reload(known), is_new=False)
        if Comment.objects.filter(pk=row_id).exists():
            raise used_id_refusal()
        withdrawal = Comment.objects.create(
            pk=row_id,
            analysis=analysis,
            detection_id=target.detection_id,
            figure_id=target.figure_id,
            author=author,
            withdraws_id=target.pk,
            revision=take_revision(analysis.pk),
        )
    mark_case_of_slide_changed(analysis.slide_id)
    return SaidComment(_reload(withdrawal), is_new=True)


def _repeat(known: Comment, wanted: dict) -> Comment:
    refuse_other_use(known, wanted)
    return _reload(known)


def _reload(comment: Comment) -> Comment:
    """As the feed shows it."""
    return Comment.objects.with_withdrawn().select_related("author").get(pk=comment.pk)


def _find_shown(user, analysis: Analysis, comment_id: uuid.UUID) -> Comment:
    comment = comments_shown_to(user, analysis).filter(withdraws__isnull=True, pk=comment_id).first()
    if comment is None:
        raise Refused("There is no such comment in this analysis.", "no_such_comment")
    return comment


def _refuse_answer(to: Comment, detection: int | None, figure: uuid.UUID | None) -> None:
    if (to.detection_id, to.figure_id) != (detection, figure):
        raise Refused("An answer belongs to the same detection or figure as the comment.", "answer_elsewhere")
    if to.reply_to_id is not None:
        raise Refused("An answer is to a comment, not to another answer.", "answer_to_answer")
