"""A change is taken once, wherever it comes from first."""

from __future__ import annotations

import pytest

from recommender.usecases.world import World


@pytest.fixture
def world() -> World:
    return World(4)


def test_what_was_made_here_is_passed_over_when_it_comes(world: World) -> None:
    assert world.made(1)
    assert not world.comes(1)
    assert world.comes(2)
    assert (world.number, world.ahead) == (2, set())


def test_what_came_before_its_writer_knew_is_not_taken_again(world: World) -> None:
    assert world.comes(1)
    assert not world.made(1)


def test_without_a_journal_everything_made_is_taken(world: World) -> None:
    assert world.made(0)
    assert world.made(0)


def test_what_was_made_while_everything_was_read_again_comes_from_the_journal(world: World) -> None:
    fresh = World(4)
    fresh.number = 5
    assert world.made(6)
    world.become(fresh)
    assert not world.made(4)
    assert world.comes(6)
