from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any

import pytest

from attune_cli.log import writing

_TOPIC = "attune.templates.v1"


@pytest.fixture
def letter(kafka: str, tenant: str) -> str:
    """A dead letter of a reason of its own: its id."""

    async def write() -> str:
        headers = {"dead-reason": tenant, "dead-field": "body", "dead-value": "7", "dead-remedy": "send text",
                   "dead-topic": _TOPIC, "dead-partition": "1", "dead-offset": "4", "trace": "t1"}  # fmt: skip
        async with writing(kafka) as producer:
            put = await producer.send_raw(f"{_TOPIC}.dead", tenant, b'{"body": 7}', headers)
        return f"{put.topic}/{put.partition}/{put.offset}"

    return asyncio.run(write())


def test_letters_are_listed_with_the_remedy(on_kafka: Any, letter: str, tenant: str) -> None:
    shown = on_kafka("dead-letters", "list", "--topic", _TOPIC, "--reason", tenant)
    assert shown.exit_code == 0
    assert shown.stdout.splitlines() == [
        "topic\treason\tletters",
        f"{_TOPIC}\t{tenant}\t1",
        "id\treason\tfield\tvalue\tremedy",
        f"{letter}\t{tenant}\tbody\t7\tsend text",
    ]


def test_a_letter_is_shown_whole(on_kafka: Any, letter: str) -> None:
    (shown,) = json.loads(on_kafka("dead-letters", "show", letter, "--json").stdout)
    assert (shown["value"], shown["from"]) == ('{"body": 7}', f"{_TOPIC}/1/4")


def test_a_letter_is_sent_again_to_where_it_came_from(
    on_kafka: Any, letter: str, tenant: str, keys: Callable[[str], Sequence[str]]
) -> None:
    assert on_kafka("dead-letters", "replay", letter).exit_code == 0
    assert list(keys(_TOPIC)).count(tenant) == 1


def test_all_letters_of_a_topic_and_a_reason_are_sent_again(
    on_kafka: Any, letter: str, tenant: str, keys: Callable[[str], Sequence[str]]
) -> None:
    assert letter.startswith(f"{_TOPIC}.dead/")
    assert on_kafka("dead-letters", "replay", _TOPIC, "--reason", tenant).stdout == "1 sent again\n"
    assert list(keys(_TOPIC)).count(tenant) == 1


def test_nothing_is_found_where_nothing_is(on_kafka: Any) -> None:
    assert on_kafka("dead-letters", "list", "--reason", "never").exit_code == 3
    assert on_kafka("dead-letters", "show", f"{_TOPIC}.dead/0/999999").exit_code == 3


@pytest.mark.parametrize(
    "arguments", [["show", "seven"], ["replay"], ["replay", "x.dead/0/0", "--all"], ["list", "--topic", "x"]]
)
def test_ids_and_topics_that_are_none_are_refused(on_kafka: Any, arguments: list[str]) -> None:
    refused = on_kafka("dead-letters", *arguments)
    assert refused.exit_code == 2
    assert refused.stderr.startswith("attune: ")
