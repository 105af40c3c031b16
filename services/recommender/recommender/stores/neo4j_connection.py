"""How this service speaks to Neo4j."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from neo4j import AsyncDriver, AsyncGraphDatabase, NotificationMinimumSeverity
from neo4j.exceptions import AuthError, ClientError, ConfigurationError, DriverError, Neo4jError

from recommender.usecases.relations import RelationsAway

DATABASE = "neo4j"  # the only one of the Community edition
_CONNECT = 5.0  # seconds; the driver's own 30 and 60 would outlast every caller
_CHECK = 30.0  # seconds of rest after which a connection is tried before use: balancers drop them in silence
_RETRY = 5.0  # seconds a transaction is tried again; then the batch waits, and the log says so


class WrongCredentials(Exception):
    """Neo4j does not know the user or the password: only an operator can help."""

    def __init__(self) -> None:
        super().__init__("Neo4j refuses ATTUNE_NEO4J_USER and ATTUNE_NEO4J_PASSWORD; set those it was started with")


def connect(url: str, user: str, password: str, *, pool: int = 20) -> AsyncDriver:
    """One driver per process. Opens nothing yet. Raises ValueError for a URL it cannot read."""
    try:
        return AsyncGraphDatabase.driver(
            url,
            auth=(user, password) if user else None,
            max_connection_pool_size=pool,
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
