"""How this service speaks to Neo4j."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, LiteralString, TypeVar

from neo4j import (
    READ_ACCESS,
    AsyncGraphDatabase,
    AsyncManagedTransaction,
    NotificationMinimumSeverity,
    Query,
    unit_of_work,
)
from neo4j.exceptions import AuthError, ClientError, ConfigurationError, DriverError, Neo4jError

from recommender.stores import neo4j_queries as queries
from recommender.usecases.relations import RelationsAway

T = TypeVar("T")
Row = Mapping[str, Any]

_DATABASE = "neo4j"  # the only one of the Community edition
_POOL = 20  # connections: four partitions write, the rest is for readers
_LONGEST = 30.0  # seconds a transaction may take, here and in the server: it holds up the other writers
_CONNECT = 5.0  # seconds; the driver's own 30 and 60 would outlast every caller
_CHECK = 30.0  # seconds of rest after which a connection is tried before use: balancers drop them in silence
_RETRY = 5.0  # seconds a transaction is tried again; then the batch waits, and the log says so


class WrongCredentials(Exception):
    """Neo4j does not know the user or the password: only an operator can help."""

    def __init__(self) -> None:
        super().__init__("Neo4j refuses ATTUNE_NEO4J_USER and ATTUNE_NEO4J_PASSWORD; set those it was started with")


class Neo4j:
    """One driver per process."""

    def __init__(self, url: str, user: str, password: str) -> None:
        """Opens nothing yet. An empty user means a server without authentication. Raises ValueError for a bad URL."""
        try:
            self._driver = AsyncGraphDatabase.driver(
                url,
                auth=(user, password) if user else None,
                max_connection_pool_size=_POOL,
                connection_timeout=_CONNECT,
                connection_acquisition_timeout=_CONNECT,
                liveness_check_timeout=_CHECK,
                max_transaction_retry_time=_RETRY,
                keep_alive=True,
                telemetry_disabled=True,
                notifications_min_severity=NotificationMinimumSeverity.OFF,  # an empty store knows no label: no news
                user_agent="attune-recommender",
            )
        except DriverError as error:
            raise ValueError(str(error)) from None

    async def open(self) -> None:
        """Make what is missing of constraints and indexes. Raises RelationsAway and WrongCredentials."""
        with outages():
            async with asyncio.timeout(_LONGEST), self._driver.session(database=_DATABASE) as session:
                for statement in (*queries.SCHEMA, queries.BEGIN):
                    await (await session.run(statement)).consume()

    async def look(self, query: LiteralString, seconds: float = _LONGEST, **parameters: Any) -> list[Row]:
        """One statement that only reads, in one round trip."""
        with outages():
            async with (
                asyncio.timeout(seconds),
                self._driver.session(database=_DATABASE, default_access_mode=READ_ACCESS) as session,
            ):
                result = await session.run(Query(query, timeout=seconds), parameters)
                return [record async for record in result]

    async def transaction(
        self, work: Callable[[AsyncManagedTransaction], Awaitable[T]], seconds: float = _LONGEST
    ) -> T:
        """Tried again by the driver where Neo4j asks for it (a deadlock, a restart), for some seconds."""
        with outages():
            async with asyncio.timeout(seconds), self._driver.session(database=_DATABASE) as session:
                return await session.execute_write(unit_of_work(timeout=seconds)(work))

    async def close(self) -> None:
        await self._driver.close()


async def run(tx: AsyncManagedTransaction, query: LiteralString, **parameters: Any) -> list[Row]:
    """One statement of a transaction."""
    result = await tx.run(query, parameters)
    return [record async for record in result]


@contextmanager
def outages() -> Iterator[None]:
    """Tells an engine that is away, slow or refusing from a mistake of ours, which stays what it is.

    Raises RelationsAway and WrongCredentials.
    """
    try:
        yield
    except TimeoutError:
        raise RelationsAway("Neo4j did not answer in time") from None
    except AuthError:
        raise WrongCredentials from None
    except ConfigurationError:
        raise
    except (DriverError, Neo4jError) as error:
        code = (error.code or "") if isinstance(error, Neo4jError) else ""
        if isinstance(error, ClientError) and not error.is_retryable() and ".Transaction." not in code:
            raise
        raise RelationsAway(f"Neo4j: {code or type(error).__name__}") from error
