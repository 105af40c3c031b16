"""The topics of the contract, on a real cluster."""

from __future__ import annotations

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import TopicAlreadyExistsError, for_code

from attune_embedded import topics

_COPIES = 3  # survives the loss of a node while another one is down for care


async def make(bootstrap: str, *, partitions: int) -> list[str]:
    """Create what is absent, each topic with its `.dead`, each with three copies where there are nodes: what was made.

    All topics have the same number of partitions, so that a person's records of any topic meet in one process. Topics
    that exist are left as they are.

    Raises:
        KafkaError: the cluster refused.
    """
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    try:
        existing = set(await admin.list_topics())
        copies = min(_COPIES, len((await admin.describe_cluster())["brokers"]))
        wanted = [each for each in _wanted(partitions, copies) if each.name not in existing]
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


def _wanted(partitions: int, copies: int) -> list[NewTopic]:
    found = []
    for topic in topics.declared():
        policy = {"cleanup.policy": "compact" if topic.compacted else "delete"}
        found.append(NewTopic(topic.name, partitions, copies, topic_configs=policy))
        found.append(NewTopic(topics.dead(topic.name), partitions, copies, topic_configs={"cleanup.policy": "delete"}))
    return found
