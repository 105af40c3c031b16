"""The topics of the contract, on a real cluster."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from attune_embedded import topics

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from attune_embedded.topics import Topic

_COPIES = 3  # survives the loss of a node while another one is down for care


async def make(bootstrap: str, *, partitions: int) -> list[str]:
    """Create what is absent, each topic with its `.dead`, each with three copies where there are nodes: what was made.

    Topics that exist are left as they are; those that are made beside them follow them, see `counts`.

    Raises:
        KafkaError: the cluster refused.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        declared = topics.declared()
        existing = await _existing(admin)
        copies = min(_COPIES, len((await admin.describe_cluster())["brokers"]))
        follow = counts(declared, existing, partitions)
        wanted = [each for each in _wanted(declared, follow, copies) if each.name not in existing]
        if not wanted:
            return []
        answer = await admin.create_topics(wanted)
        for name, code, *_ in answer.topic_errors:
            error = for_code(code)
            if code and error is not TopicAlreadyExistsError:
                raise error(f"Kafka did not make {name}")
        return [each.name for each in wanted]
    finally:
        await admin.close()


def counts(declared: Sequence[Topic], existing: Mapping[str, int], partitions: int) -> dict[str, int]:
    """How many partitions each declared topic has or gets: by name.

    Topics of one key have the same number, so that a person's records of any topic meet in one process: an absent one
    takes that of its kind which exists (the most common one where they differ), the first of its kind `partitions`.
    """
    seen: dict[str, Counter[int]] = {}
    for topic in declared:
        if topic.name in existing:
            seen.setdefault(topic.key, Counter())[existing[topic.name]] += 1
    common = {key: max(found, key=lambda count: (found[count], count)) for key, found in seen.items()}
    return {topic.name: existing.get(topic.name) or common.get(topic.key, partitions) for topic in declared}


async def _existing(admin: AIOKafkaAdminClient) -> dict[str, int]:
    """Number of partitions of each topic."""
    described = await admin.describe_topics(await admin.list_topics())
    return {each["topic"]: len(each["partitions"]) for each in described}


def _wanted(declared: Sequence[Topic], partitions: Mapping[str, int], copies: int) -> list[NewTopic]:
    found = []
    for topic in declared:
        count, policy = partitions[topic.name], "compact" if topic.compacted else "delete"
        found.append(NewTopic(topic.name, count, copies, topic_configs={"cleanup.policy": policy}))
        found.append(NewTopic(topics.dead(topic.name), count, copies, topic_configs={"cleanup.policy": "delete"}))
    return found
