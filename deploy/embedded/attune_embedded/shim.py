"""How several aiokafka members share a group on the embedded broker, and how they wait for records there.

The broker answers INVALID_REQUEST to a follower's SyncGroup that comes after the leader's, where Kafka would hand out
the assignment, and aiokafka takes this for the end of the consumer. So the leader gives the followers a moment to be
first, and a follower that is late all the same joins again. A broker that began anew knows no group, and says so where
Kafka would say that it does not know the member: then it is joined anew.

The broker wakes nobody: what comes while it holds an empty fetch is answered when that wait is over. So fetches wait
20 ms only, which takes a twentieth of a core of each service; where nothing came for a second they wait as long as the
settings say. Never applied outside the embedded edition.
"""

from __future__ import annotations

import asyncio
import time
from typing import Any

import aiokafka
from aiokafka.consumer import consumer, fetcher, group_coordinator
from aiokafka.errors import GroupIdNotFound, InvalidRequestError, KafkaError

_HEAD_START = 0.15  # seconds; SyncGroup follows JoinGroup within milliseconds on one machine
_TESTED = "0.14."
SHORT = 20  # milliseconds that an empty fetch is held while records come
_QUIET = 1.0  # seconds without a record


class UnsupportedAiokafkaError(Exception):
    """The private class of aiokafka that is changed here was only seen in another version."""


class _PatientRebalance(group_coordinator.CoordinatorGroupRebalance):  # type: ignore[misc] # aiokafka is untyped
    async def _on_join_leader(self, response: Any) -> bytes | None:
        if len(response.members) > 1:
            await asyncio.sleep(_HEAD_START)
        assignment: bytes | None = await super()._on_join_leader(response)
        return assignment

    async def _send_sync_group_request(self, request: Any) -> bytes | None:
        try:
            assignment: bytes | None = await super()._send_sync_group_request(request)
        except KafkaError as error:
            # aiokafka wraps the repr of what the broker said; it has already asked itself to join again.
            if InvalidRequestError.__name__ in str(error):
                return None
            raise
        return assignment


class _Coordinator(group_coordinator.GroupCoordinator):  # type: ignore[misc] # aiokafka is untyped
    async def _do_heartbeat(self) -> bool:
        try:
            beats: bool = await super()._do_heartbeat()
        except KafkaError as error:
            # aiokafka wraps the repr of what the broker said.
            if not isinstance(error, GroupIdNotFound) and GroupIdNotFound.__name__ not in str(error):
                raise
            self.reset_generation()
            return False
        return beats


class _Fetcher(fetcher.Fetcher):  # type: ignore[misc] # aiokafka is untyped
    _fetch_max_wait_ms: int  # what the next fetch will say

    def __init__(self, *given: Any, **named: Any) -> None:
        super().__init__(*given, **named)
        self._long = self._fetch_max_wait_ms
        self._last = 0.0  # when records came, by the monotonic clock

    async def _proc_fetch_request(self, assignment: Any, node_id: int, request: Any) -> bool:
        came: bool = await super()._proc_fetch_request(assignment, node_id, request)
        now = time.monotonic()
        self._last = now if came else self._last
        self._fetch_max_wait_ms = min(SHORT, self._long) if now - self._last < _QUIET else self._long
        return came


def apply() -> None:
    """Change aiokafka in this process; harmless when done already.

    Raises:
        UnsupportedAiokafkaError: another version of aiokafka than the tested one is installed.
    """
    if not aiokafka.__version__.startswith(_TESTED):
        raise UnsupportedAiokafkaError(
            f"aiokafka {aiokafka.__version__} is installed; the embedded edition knows {_TESTED}x only"
        )
    group_coordinator.CoordinatorGroupRebalance = _PatientRebalance
    consumer.GroupCoordinator = _Coordinator
    consumer.Fetcher = _Fetcher
