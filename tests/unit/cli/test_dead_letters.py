from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from attune_cli.letters import Letter
from attune_cli.log import reading, writing
from attune_cli.marks import Marks
from attune_cli.resending import _send
from chassis.kafka import Record, Rejected, Source
from chassis.kafka.dead_letters import DeadLetters

_TOPIC = "attune.templates.v1"
Write = Callable[..., list[str]]


on_both = pytest.mark.parametrize("log_at", ["kafka", "real_kafka"], indirect=True)


@pytest.fixture
def log_at(request: pytest.FixtureRequest) -> str:
    """Address of an event log: the embedded one, or the real one where a test asks for both."""
    return str(request.getfixturevalue(getattr(request, "param", "kafka")))


@pytest.fixture
def cli(attune: Any, log_at: str, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The command line with an event log and no service."""
    monkeypatch.setenv("ATTUNE_KAFKA", log_at)
    return attune


@pytest.fixture
def write(log_at: str, tenant: str) -> Write:
    """Writes dead letters whose reason is the tenant, one for each source offset: their ids."""

    async def put(offsets: Sequence[int], headers: Mapping[str, str]) -> list[str]:
        told = {"dead-reason": tenant, "dead-field": "body", "dead-value": "7", "dead-remedy": "send text",
                "dead-topic": _TOPIC, "dead-partition": "1", "dead-service": "content", "trace": "t1"}  # fmt: skip
        async with writing(log_at) as producer:
            sent = [
                await producer.send_raw(
                    f"{_TOPIC}.dead", tenant, b'{"body": 7}', {**told, "dead-offset": str(offset), **headers}
                )
                for offset in offsets
            ]
        return [f"{each.topic}/{each.partition}/{each.offset}" for each in sent]

    return lambda *offsets, **headers: asyncio.run(put(offsets or (4,), headers))


@pytest.fixture
def replayed(log_at: str, tenant: str) -> Callable[[], list[dict[str, str]]]:
    """Headers of the records that came to the topic of the letters."""

    async def read() -> list[dict[str, str]]:
        async with reading(log_at) as log:
            return [
                {name: value.decode() for name, value in record.headers}
                async for record in log.records(await log.partitions([_TOPIC]))
                if record.key == tenant.encode()
            ]

    return lambda: asyncio.run(read())


@on_both
def test_letters_are_listed_with_the_remedy(cli: Any, write: Write, tenant: str) -> None:
    (letter,) = write()
    shown = cli("dead-letters", "list", "--topic", _TOPIC, "--reason", tenant)
    assert shown.exit_code == 0
    assert shown.stdout.splitlines() == [
        "topic\tservice\treason\tletters\tsent again",
        f"{_TOPIC}\tcontent\t{tenant}\t1\t0",
        "id\treason\tfield\tvalue\tremedy",
        f"{letter}\t{tenant}\tbody\t7\tsend text",
    ]


def test_only_the_newest_letters_are_listed_below_the_counts(cli: Any, write: Write, tenant: str) -> None:
    ids = [write(number, **{"dead-at": f"2026-01-0{number}"})[0] for number in (2, 3, 1)]
    shown = cli("dead-letters", "list", "--reason", tenant, "--newest", "2").stdout.splitlines()
    assert shown[1] == f"{_TOPIC}\tcontent\t{tenant}\t3\t0"
    assert [line.split("\t")[0] for line in shown[3:]] == ids[:2]


def test_letters_are_chosen_by_the_service_that_refused_them(cli: Any, write: Write, tenant: str) -> None:
    mine, other = write()[0], write(5, **{"dead-service": "needs"})[0]
    listed = json.loads(cli("dead-letters", "list", "--reason", tenant, "--service", "needs", "--json").stdout)
    assert [each["id"] for each in listed] == [other]
    assert cli("dead-letters", "replay", _TOPIC, "--reason", tenant, "--service", "needs").exit_code == 0
    listed = json.loads(cli("dead-letters", "list", "--reason", tenant, "--json").stdout)
    assert {each["id"]: each["sent_again"] for each in listed} == {mine: False, other: True}


def test_a_letter_is_shown_whole(cli: Any, write: Write) -> None:
    (letter,) = write()
    (shown,) = json.loads(cli("dead-letters", "show", letter, "--json").stdout)
    assert (shown["value"], shown["from"]) == ('{"body": 7}', f"{_TOPIC}/1/4")


@on_both
def test_a_letter_is_sent_again_once_to_where_it_came_from(
    cli: Any, write: Write, replayed: Callable[[], list[dict[str, str]]]
) -> None:
    (letter,) = write(**{"dead-attempts": "2"})
    assert cli("dead-letters", "replay", letter).exit_code == 0
    once_more = cli("dead-letters", "replay", letter)
    assert (once_more.exit_code, once_more.stdout) == (3, "0 sent again; 1 skipped: sent again before\n")
    assert replayed() == [{"trace": "t1", "dead-attempts": "2", "replayed-from": letter}]
    assert cli("dead-letters", "replay", letter, "--again").stdout == "1 sent again\n"
    assert len(replayed()) == 2


@on_both
def test_all_letters_of_a_topic_and_a_reason_are_sent_again_and_later_only_the_new_ones(
    cli: Any, write: Write, tenant: str, replayed: Callable[[], list[dict[str, str]]]
) -> None:
    write(1, 2, 3)
    wanted = ["dead-letters", "replay", _TOPIC, "--reason", tenant]
    assert cli(*wanted).stdout == "3 sent again\n"
    write(4)
    assert json.loads(cli(*wanted, "--json").stdout) == {
        "sent": 1, "would_be_sent": 0, "skipped": 3, "twice": 0, "cut": {},
    }  # fmt: skip
    assert len(replayed()) == 4


def test_a_dry_run_sends_and_remembers_nothing(
    cli: Any, write: Write, tenant: str, replayed: Callable[[], list[dict[str, str]]]
) -> None:
    write(1, 2)
    wanted = ["dead-letters", "replay", _TOPIC, "--reason", tenant]
    assert cli(*wanted, "--dry-run").stdout == "2 would be sent again\n"
    assert replayed() == []
    assert cli(*wanted).stdout == "2 sent again\n"


def test_a_record_whose_letter_was_written_twice_is_sent_once(
    cli: Any, write: Write, tenant: str, replayed: Callable[[], list[dict[str, str]]]
) -> None:
    write(1, 1, 2)
    wanted = ["dead-letters", "replay", _TOPIC, "--reason", tenant]
    assert cli(*wanted).stdout == "2 sent again; 1 skipped: the same record is there twice\n"
    assert cli(*wanted).stdout == "0 sent again; 3 skipped: sent again before\n"
    assert len(replayed()) == 2


def test_of_a_letter_that_was_cut_nothing_is_sent(cli: Any, write: Write, tenant: str) -> None:
    (letter,) = write(**{"dead-original-bytes": "70000"})
    refused = cli("dead-letters", "replay", _TOPIC, "--reason", tenant)
    assert refused.exit_code == 1
    assert f"{letter}: only a part was kept of 70000 bytes" in refused.stderr


@on_both
def test_marks_are_kept_however_far_apart_they_are(log_at: str) -> None:
    """As after years of letters: a group holds the marks of 20,000 offsets."""
    place, offsets = TopicPartition("attune.users.v1.dead", 1), (0, 7, 19_999, 20_000, 123_456)

    class Long:
        """A log whose partition is longer than anyone would write in a test."""

        def __init__(self, log: Any) -> None:
            self._log, self.commits = log, log.commits

        async def begins(self, places: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
            return dict.fromkeys(places, 0)

        async def ends(self, places: Sequence[TopicPartition]) -> dict[TopicPartition, int]:
            return dict.fromkeys(places, 130_000)

    async def marks() -> list[int]:
        async with reading(log_at) as log:
            written: Any = Marks(Long(log), log_at)  # type: ignore[arg-type] # of a Log it needs these three
            await written.load([place])
            for offset in (*offsets, 150_000):  # the last one came after `load`
                written.add(place, offset)
            await written.save()
            read: Any = Marks(Long(log), log_at)  # type: ignore[arg-type]
            await read.load([place])
            return [offset for offset in range(130_000) if read.has(place, offset)]

    assert asyncio.run(marks()) == list(offsets)


async def test_marks_that_another_command_saved_meanwhile_stay(kafka: str) -> None:
    place = TopicPartition("attune.knowledge.v1.dead", 2)
    async with reading(kafka) as log:
        mine, other = Marks(log, kafka), Marks(log, kafka)
        mine.add(place, 40_001)
        other.add(place, 40_002)
        await other.save()
        await mine.save()
        read = Marks(log, kafka)
        read.add(place, 40_003)  # of that group, which holds nothing else here
        await read.save()
        assert [offset for offset in range(40_000, 40_010) if read.has(place, offset)] == [40_001, 40_002, 40_003]


async def test_letters_that_kafka_took_are_marked_even_where_it_refused_another_one(kafka: str, tenant: str) -> None:
    place = TopicPartition(f"{_TOPIC}.dead", 0)
    told = {"dead-topic": _TOPIC}
    good = [Letter(place, 60_000 + number, f"{tenant}{number}".encode(), b"{}", told) for number in (0, 1)]
    bad = Letter(place, 60_002, tenant.encode(), bytes(20_000_000), told)  # larger than a producer sends
    async with reading(kafka) as log, writing(kafka) as producer:
        marks = Marks(log, kafka)
        with pytest.raises(KafkaError):
            await _send([good[0], bad, good[1]], [], producer, marks)
        assert [marks.has(place, 60_000 + number) for number in (0, 1, 2)] == [True, True, False]


async def test_a_record_that_fails_again_says_how_often_it_did(kafka: str, tenant: str) -> None:
    async with writing(kafka) as producer:
        dead = DeadLetters(producer, service="content", max_bytes=1_000)
        record = Record(4, tenant, b"{}", {"dead-attempts": "2"}, 0)
        await dead.write(Source("log", _TOPIC, 1), record, Rejected("still-bad"))
    async with reading(kafka) as log:
        (headers,) = [
            dict(letter.headers)
            async for letter in log.records(await log.partitions([f"{_TOPIC}.dead"]))
            if letter.key == tenant.encode()
        ]
    assert headers["dead-attempts"] == b"3"


def test_nothing_is_found_where_nothing_is(cli: Any) -> None:
    assert cli("dead-letters", "list", "--reason", "never").exit_code == 3
    assert cli("dead-letters", "show", f"{_TOPIC}.dead/0/999999").exit_code == 3
    assert cli("dead-letters", "replay", _TOPIC, "--reason", "never").exit_code == 3


@pytest.mark.parametrize(
    "arguments", [["show", "seven"], ["replay"], ["replay", "x.dead/0/0", "--all"], ["list", "--topic", "x"]]
)
def test_ids_and_topics_that_are_none_are_refused(on_kafka: Any, arguments: list[str]) -> None:
    refused = on_kafka("dead-letters", *arguments)
    assert refused.exit_code == 2
    assert refused.stderr.startswith("attune: ")
