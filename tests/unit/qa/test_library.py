"""What a replica holds, and that it is bounded."""

from __future__ import annotations

from dataclasses import replace

import pytest

from lm.static import StaticEncoder
from qa.domain.knowledge import Entry
from qa.domain.library import Library
from qa.domain.shelf import Shelf
from qa.reading import left_out
from qa.usecases.ask import Policy

ENCODER = StaticEncoder.load()


@pytest.fixture
def small() -> Library:
    """Of two entries."""
    return Library(lambda: Shelf(Policy().weights, ENCODER.dim), most=2)


def learn(library: Library, entry_id: str, answer: str = "Yes.", tenant: str = "shop") -> None:
    entry = Entry(tenant=tenant, entry_id=entry_id, family=entry_id, language="en", question="Is it?", answer=answer)
    library.learn(entry, ENCODER.encode(entry.texts))


def test_more_than_may_be_held_is_left_out_and_replies_say_so(small: Library) -> None:
    learn(small, "a")
    learn(small, "b", tenant="other")
    assert left_out(small) == ()
    learn(small, "c")
    assert small.held("c") == []
    assert len(small.shelf("shop")) == len(small.shelf("other")) == 1
    (told,) = left_out(small)
    assert (told.component, told.used) == ("knowledge", "the first 2 entries")
    assert "ATTUNE_QA_MOST_ENTRIES" in told.reason


def test_what_is_held_may_change_and_make_room(small: Library) -> None:
    learn(small, "a")
    learn(small, "b")
    learn(small, "a", answer="No.")
    (held,) = small.held("a")
    assert held.answer == "No."
    small.forget(replace(held))
    learn(small, "c")
    assert len(small.held("c")) == 1
    assert left_out(small) == ()
