"""Telling watchers, and no more of them than can be served."""

from __future__ import annotations

import pytest

from needs.domain.identity import Person
from needs.watch import Bell, TooManyWatchers

ANN, BOB, VISITOR = Person("shop", "ann"), Person("shop", "bob"), Person("shop", "anon:1")


def test_only_the_watchers_of_a_person_are_woken() -> None:
    bell = Bell(limit=2)
    with bell.hearing() as of_ann, bell.hearing() as of_bob:
        of_ann.listen([ANN])
        of_bob.listen([BOB])
        bell.ring([ANN])
        assert (of_ann.rung.is_set(), of_bob.rung.is_set()) == (True, False)


def test_who_signed_in_is_heard_under_all_their_ids() -> None:
    bell = Bell(limit=1)
    with bell.hearing() as ear:
        ear.listen([ANN, VISITOR])
        bell.ring([VISITOR])
        assert ear.rung.is_set()
        ear.rung.clear()
        ear.listen([ANN])  # the link is gone
        bell.ring([VISITOR])
        assert not ear.rung.is_set()


def test_one_watcher_too_many_is_told_what_to_do() -> None:
    bell = Bell(limit=1)
    with bell.hearing(), pytest.raises(TooManyWatchers) as refused, bell.hearing():
        pass
    assert "ATTUNE_NEEDS_WATCHERS" in refused.value.remedy


def test_who_leaves_makes_room() -> None:
    bell = Bell(limit=1)
    for _ in range(3):
        with bell.hearing() as ear:
            ear.listen([ANN])
