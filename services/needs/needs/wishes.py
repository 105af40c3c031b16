"""Wishes to be forgotten → `attune.erasures.v1`."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

from aiokafka.errors import KafkaError

from attune.events.v1.erasure_pb2 import ErasureRequest
from chassis.kafka import Producer
from needs.domain.identity import Person
from needs.usecases import LogAway

ERASURES = "attune.erasures.v1"


class WishLog:
    """Writes wishes, each the same however often it is written."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer

    async def spread(self, people: Sequence[Person], at: int) -> None:
        """See Wishes."""
        if not people:
            return
        try:
            await self._producer.send_many(ERASURES, [(person.user, _wish(person, at)) for person in people], "json")
        except (KafkaError, AssertionError) as error:  # the latter: the process has not reached it yet
            raise LogAway(f"{type(error).__name__}: {error}") from error


def _wish(person: Person, at: int) -> ErasureRequest:
    """The same id for the same wish."""
    told = blake2b("/".join((*person, str(at))).encode(), digest_size=16).hexdigest()
    wish = ErasureRequest(event_id=f"linked:{told}", tenant=person.tenant, user_id=person.user)
    wish.requested_at.FromMilliseconds(at)
    return wish
