"""Who may call now: how often, and how many at once. It decides; the guard asks before each call and tells after it."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

_KEYS = 10_000  # tenants remembered, some 200 bytes each
_LONGEST_WAIT = 5.0  # seconds; who is told to wait longer than a request may take would give up


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a call is not answered now."""

    reason: str  # rate, share or full
    message: str  # what was too much, and what to do
    wait: float  # seconds until another try is worth it, greater than 0


class Rate:
    """A token bucket per key, kept as two times each (the generic cell rate algorithm), O(1) a call.

    Invariants: `_full[key]` is when the bucket of the key is full again, so a time that has passed says the same as no
    time, and forgetting the least recent key of more than `_KEYS` hardly ever forgets anything; `_told[key]` is the
    latest time a refused caller was told to come back, so that they do not all come back at once.
    """

    def __init__(self, per_second: float, burst: int) -> None:
        """`burst` calls at once fill an empty hand; 0 `per_second`: no limit."""
        self._each = 1 / per_second if per_second else 0.0
        self._slack = (burst - 1) * self._each
        self._full: OrderedDict[str, float] = OrderedDict()
        self._told: OrderedDict[str, float] = OrderedDict()

    def take(self, key: str, now: float) -> float:
        """0.0: a token was taken; else the seconds after which to try again, different for each refused caller."""
        if not self._each:
            return 0.0
        full = max(now, self._full.get(key, now))
        free = full - self._slack  # when the next token is there
        if free > now:
            _put(self._full, key, full)  # it is busy: not the one to forget
            come = max(self._told.get(key, 0.0), free - self._each) + self._each
            _put(self._told, key, min(come, now + _LONGEST_WAIT))
            return self._told[key] - now
        _put(self._full, key, full + self._each)
        return 0.0

    def __len__(self) -> int:
        return len(self._full)


class Admission:
    """Lets calls of one kind in, up to a number at once and a share of it for each tenant; none ever waits in a queue.

    Invariants: `_inside` counts the calls let in and not left yet, per tenant, and holds no zeros; `inside` is its sum.
    """

    def __init__(self, kind: str, rate: Rate, at_once: int, share: float) -> None:
        """`kind` as messages name it, such as `calls`; `share` of `at_once`, in (0, 1], is what one tenant may hold."""
        self._kind, self._rate, self._at_once = kind, rate, at_once
        self._most = max(1, int(at_once * share))
        self._inside: dict[str, int] = {}
        self.inside = 0
        self._refused = 0  # in a row

    def enter(self, tenant: str, now: float, *, counted: bool = True) -> Refusal | None:
        """None: answer it, then call `leave`. `counted` False: its caller was counted at its own door already."""
        held = self._inside.get(tenant, 0)
        if self.inside >= self._at_once:
            return self._busy("full", f"this replica answers {self._at_once} {self._kind} at once already")
        if held >= self._most:
            return self._busy("share", f"this replica answers {held} {self._kind} of {tenant!r} at once already")
        if counted and (wait := self._rate.take(tenant, now)):
            message = f"{tenant!r} makes more {self._kind} a second than ATTUNE_RATE_PER_TENANT allows"
            return Refusal("rate", message, wait)
        self._inside[tenant] = held + 1
        self.inside += 1
        self._refused = 0
        return None

    def leave(self, tenant: str) -> None:
        """The call is answered, or given up."""
        self.inside -= 1
        left = self._inside.pop(tenant) - 1
        if left:
            self._inside[tenant] = left

    def _busy(self, reason: str, message: str) -> Refusal:
        # Each of those refused in a row comes a millisecond later than the one before.
        self._refused += 1
        return Refusal(reason, message, min(0.1 + self._refused / 1_000, _LONGEST_WAIT))


def _put(times: OrderedDict[str, float], key: str, time: float) -> None:
    times[key] = time
    times.move_to_end(key)
    if len(times) > _KEYS:
        times.popitem(last=False)
