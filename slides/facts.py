"""What later steps know of a case: registered by them, so that this app need not know them.

The way of a slide points one way (analysis knows slides, not the reverse), yet the list of cases shows how far the
reading is. The analysis app registers its functions here when it is loaded.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Facts:
    """Providers. Each takes many cases at once, so that a list costs a fixed number of queries."""

    # (cases, user) -> {case id: {"state": word, "icon": name, "tone": "", "fact": sentence, "percent": int|None,
    #                             "count": int|None, of one slide, "count_fact": of what, "count_open": what is open,
    #                             "count_later": whether it is to be asked for by itself, "ruler": {dot, up_to, low,
    #                             high}|None, "score", "decided", "cutoffs": counts from which the score is another,
    #                             "score_words": the score once it is decided, "differ": int,
    #                             "readers": [{id, username, initials, state}]}}
    of_cases: Callable[[Iterable, Any], dict] = field(default=lambda cases, user: {})
    # (slides, user) -> {slide id: {"state", "icon", "tone", "fact", "percent", "action": {"label", "url"} | None}}
    of_slides: Callable[[Iterable, Any], dict] = field(default=lambda slides, user: {})
    # slides -> {audit subject: slide id} of what was made from them, so that a case can tell all that happened
    subjects: Callable[[Iterable], dict] = field(default=lambda slides: {})
    # (queryset of cases, user) -> the cases that hold something this user has not judged
    unread: Callable[[Any, Any], Any] = field(default=lambda cases, user: cases)
    # slides -> words on what was made from them ("2 analyses"), for the question before they are erased
    made_of: Callable[[Iterable], list[str]] = field(default=lambda slides: [])
    # slides -> ids of what jobs work on that was made from them
    worked_on: Callable[[Iterable], list] = field(default=lambda slides: [])
    # (case, slides, user) -> what one press would analyse: {"slides": how many, "time": words, "url": where to post,
    #                         "left_out": [.slide, .reason]}, empty where this user may not or nothing is left
    plan: Callable[[Any, list, Any], dict] = field(default=lambda case, slides, user: {})
    # (case, user) -> what the case is counted by: {"title", "version", "url", "on", "window", "chosen": words, "notes":
    #                 sentences, "boxes": [{"score", "counts"}], "change_url": where to post another "protocol", empty
    #                 where this user may not} and what `protocols` says
    protocol: Callable[[Any, Any], dict] = field(default=lambda case, user: {})
    # a case, or None for one to come -> {"offered": [(value, words)], what it may be counted by, "value": the chosen
    #                                     one}; the value "" is the default
    protocols: Callable[[Any], dict] = field(default=lambda case: {"offered": [], "value": ""})
    # (by, case, value) counts the case by it, inside the transaction that writes the case
    choose_protocol: Callable[[Any, Any, str], None] = field(default=lambda by, case, value: None)
    # (case, user) -> {"on": whether versions may learn from it, "last": who said so, "locked": whether it decides,
    #                 "change_url": where to post the other, empty where this user may not}; empty with nothing to tell
    learning: Callable[[Any, Any], dict] = field(default=lambda case, user: {})
    # a slide that has become ready, got a pixel size or an answer, inside the transaction that says so
    arrived: Callable[[Any], None] = field(default=lambda slide: None)
    # a slide whose tumour was drawn, drawn anew, taken back or brought back, inside the transaction that says so
    outlined: Callable[[Any], None] = field(default=lambda slide: None)
    # deletes the rows that were made from the slides, inside the transaction that erases them
    erase: Callable[[Iterable], None] = field(default=lambda slides: None)


facts = Facts()
