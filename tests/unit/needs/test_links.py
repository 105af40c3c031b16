"""Under which ids someone was known before."""

from __future__ import annotations

from needs.domain.links import KEPT, READ, Links


def test_signing_in_again_changes_nothing() -> None:
    once = Links().add(["anon:1", "anon:2"])
    assert once.add(["anon:1"]) == once


def test_a_need_is_made_of_the_newest_and_tells_how_many_it_leaves_out() -> None:
    links = Links().add(f"anon:{i}" for i in range(READ + 3))
    assert links.newest[0] == f"anon:{READ + 2}"
    assert (len(links.newest), links.unread) == (READ, 3)
    assert (Links().newest, Links().unread) == ((), 0)


def test_what_is_kept_is_bounded_and_what_made_room_is_counted() -> None:
    links = Links().add(f"anon:{i}" for i in range(KEPT)).add(["one more"])
    assert (len(links.ids), links.ids[0], links.ids[-1], links.dropped) == (KEPT, "anon:1", "one more", 1)
