"""Under which ids someone was known before they signed in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

READ = 32  # the newest, of which a need is made: each costs a read of its own
KEPT = 1_000  # to be forgotten with the person; 37 KB of session ids


@dataclass(frozen=True, slots=True)
class Links:
    """A set, so that signing in twice with the same id changes nothing."""

    ids: tuple[str, ...] = ()  # oldest first, at most KEPT
    dropped: int = 0  # older ones that made room

    def add(self, given: Iterable[str]) -> Links:
        """With these too."""
        ids = tuple(dict.fromkeys((*self.ids, *given)))
        dropped = max(0, len(ids) - KEPT)
        return Links(ids[dropped:], self.dropped + dropped)

    @property
    def newest(self) -> tuple[str, ...]:
        """Those that a need is made of, newest first."""
        return self.ids[: -READ - 1 : -1]

    @property
    def unread(self) -> int:
        """How many are too old to be part of a need."""
        return max(0, len(self.ids) - READ) + self.dropped
