"""Telling watchers, and no more of them than can be served."""

from __future__ import annotations

import pytest

from needs.domain.identity import Person
from needs.watch import Bell, TooManyWatchers

ANN, BOB = Person("shop", "ann"), Person("shop", "bob")


def test_only_the_watchers_of_a_person_are_woken() -> None:
    bell = Bell(limit=2)
    with bell.hearing(ANN) as of_ann, bell.hearing(BOB) as of_bob:
        bell.ring([ANN])
        assert (of_ann.is_set(), of_bob.is_set()) == (True, False)


def test_one_watcher_too_many_is_told_what_to_do() -> None:
    bell = Bell(limit=1)
    with bell.hearing(ANN), pytest.raises(TooManyWatchers) as refused, bell.hearing(BOB):
        pass
    assert "ATTUNE_NEEDS_WATCHERS" in refused.value.remedy


def test_who_leaves_makes_room() -> None:
    bell = Bell(limit=1)
    for _ in range(3):
        with bell.hearing(ANN):
            pass
