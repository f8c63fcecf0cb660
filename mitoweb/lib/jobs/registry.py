"""Which function does which kind of job. Handlers live in <app>/tasks.py and are found at start."""

from collections.abc import Callable
from dataclasses import dataclass

from mitoweb.lib.jobs.models import Job


@dataclass(frozen=True)
class Handler:
    kind: str
    function: Callable
    lane: str
    lease_s: int  # the longest silence between two beats before the job counts as stuck
    wall_s: int  # the longest run of one attempt
    memory_mb: int | None  # address space of the child; None where a GPU needs more than is used
    on_end: Callable[[Job], None] | None  # called in the transaction that ends the job, whoever ends it
    max_interruptions: int  # how often in a row it may be killed from outside without having got further
    needs: tuple[str, ...]  # modules that take seconds to load, for a process that is kept ready
    in_background: bool  # nobody waits for it: it runs beside its lane's other jobs, and leaves them the processor


class UnknownKind(LookupError):
    """No app has registered a handler for this kind of job."""


_handlers: dict[str, Handler] = {}


def handler(
    kind: str,
    *,
    lane: str = Job.Lane.COMPUTE,
    lease_s: int = 60,
    wall_s: int = 600,
    memory_mb: int | None = None,
    on_end: Callable[[Job], None] | None = None,
    max_interruptions: int = 25,
    needs: tuple[str, ...] = (),
    in_background: bool = False,
) -> Callable:
    """Register the decorated function(run) for `kind`. It runs in a process of its own: import heavy things inside, and
    name them in `needs` where somebody waits for the result.
    """

    def register(function: Callable) -> Callable:
        if kind in _handlers and _handlers[kind].function.__qualname__ != function.__qualname__:
            raise ValueError(f"Two handlers for {kind}")
        _handlers[kind] = Handler(
            kind, function, lane, lease_s, wall_s, memory_mb, on_end, max_interruptions, needs, in_background
        )
        return function

    return register


def find(kind: str) -> Handler:
    try:
        return _handlers[kind]
    except KeyError:
        raise UnknownKind(kind) from None


def needed_in_lane(lane: str) -> tuple[str, ...]:
    """The modules that handlers of a lane need, each once."""
    return tuple(dict.fromkeys(module for handler in in_lane(lane) for module in handler.needs))


def in_lane(lane: str) -> list[Handler]:
    return [handler for handler in _handlers.values() if handler.lane == lane]
