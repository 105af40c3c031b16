"""The four services as stubs: the only place that opens channels."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

import grpc

from attune.content.v1.content_pb2_grpc import ContentServiceStub
from attune.needs.v1.needs_pb2_grpc import NeedsServiceStub
from attune.qa.v1.qa_pb2_grpc import QaServiceStub
from attune.recommender.v1.recommender_pb2_grpc import RecommenderServiceStub
from attune_cli.failures import of_call
from attune_embedded.endpoints import Endpoints, find
from chassis.rpc import channel

if TYPE_CHECKING:
    from attune.content.v1.content_pb2_grpc import ContentServiceAsyncStub
    from attune.needs.v1.needs_pb2_grpc import NeedsServiceAsyncStub
    from attune.qa.v1.qa_pb2_grpc import QaServiceAsyncStub
    from attune.recommender.v1.recommender_pb2_grpc import RecommenderServiceAsyncStub

SERVICES = ("needs", "recommender", "qa", "content")


class Services:
    """Channels are opened when they are needed first, and calls that fail become Failures that name the service."""

    def __init__(self, endpoints: Endpoints) -> None:
        self.endpoints = endpoints
        self._channels: dict[str, grpc.aio.Channel] = {}

    @contextmanager
    def needs(self) -> Iterator[NeedsServiceAsyncStub]:
        with self.calling("needs"):
            yield NeedsServiceStub(self.channel("needs"))

    @contextmanager
    def recommender(self) -> Iterator[RecommenderServiceAsyncStub]:
        with self.calling("recommender"):
            yield RecommenderServiceStub(self.channel("recommender"))

    @contextmanager
    def qa(self) -> Iterator[QaServiceAsyncStub]:
        with self.calling("qa"):
            yield QaServiceStub(self.channel("qa"))

    @contextmanager
    def content(self) -> Iterator[ContentServiceAsyncStub]:
        with self.calling("content"):
            yield ContentServiceStub(self.channel("content"))

    def channel(self, name: str) -> grpc.aio.Channel:
        """The channel to a service by name; raises UnknownEndpointError when its address is not known."""
        if name not in self._channels:
            self._channels[name] = channel(self.endpoints.require(name), name="cli")
        return self._channels[name]

    @contextmanager
    def calling(self, name: str) -> Iterator[None]:
        """Within it, errors of gRPC become Failures of that service."""
        try:
            yield
        except grpc.aio.AioRpcError as error:
            raise of_call(error, name, self.endpoints.require(name)) from error

    async def close(self) -> None:
        for each in self._channels.values():
            await each.close()


@asynccontextmanager
async def connected(endpoints: Endpoints | None = None) -> AsyncIterator[Services]:
    """The services of the given endpoints, or of those that the environment or a running platform names."""
    services = Services(endpoints or find(os.environ))
    try:
        yield services
    finally:
        await services.close()
