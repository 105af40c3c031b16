"""The knobs every process has, read once from the environment."""

from __future__ import annotations

import re
import sys
from datetime import timedelta
from typing import Any, TypeVar

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_NUMBER = re.compile(r"\d+(\.\d+)?")


class ProcessSettings(BaseSettings):
    """Settings of any service; a service subclasses it once. Names are `ATTUNE_` and the field in capitals."""

    model_config = SettingsConfigDict(env_prefix="ATTUNE_", frozen=True, extra="ignore", populate_by_name=True)

    kafka: str  # bootstrap servers, host:port[,host:port]
    grpc_listen: str = "127.0.0.1:0"  # port 0: a free one
    metrics_listen: str = ""  # host:port for Prometheus; empty: none
    log_level: str = "INFO"

    max_record_bytes: int = Field(default=1_000_000, ge=1_000)  # Kafka's own default limit; larger ones go to `.dead`
    batch_records: int = Field(default=5_000, ge=1)  # a cap on memory; latency does not come from it
    # How long Kafka holds a fetch that finds nothing; it answers at once when there is something. What else is asked
    # on the same connection waits behind it, such as where a log ends.
    fetch_wait: timedelta = timedelta(milliseconds=100)
    partition_fetch_bytes: int = 4 * 1024 * 1024
    # A poll that found records is followed by the next one no sooner: at a few hundred events a second each poll costs
    # more than its records do. Who comes after a pause is read at once, and a backlog is read without any pause.
    gather: timedelta = timedelta(milliseconds=4)
    session_timeout: timedelta = timedelta(seconds=10)  # how long a killed member stalls its partitions
    commit_interval: timedelta = timedelta(seconds=1)  # sinks are idempotent: committing only shortens a restart
    retry_first: timedelta = timedelta(milliseconds=100)
    retry_most: timedelta = timedelta(seconds=10)
    retries_before_isolation: int = 5  # then a slice that fails for no known outage is tried record by record

    request_timeout: timedelta = timedelta(seconds=5)  # for callers that set no deadline
    request_timeout_most: timedelta = timedelta(seconds=60)  # whatever deadline the caller sets; streams: an hour
    max_message_bytes: int = 4 * 1024 * 1024  # of a gRPC request or reply
    # Calls a second, and as many streams, of one shop at one replica; 0: no limit. Half of what a replica can answer at
    # all: the runaway loop of one shop leaves room for the others.
    rate_per_tenant: float = Field(default=1_000, ge=0)
    rate_burst: int = Field(default=2_000, ge=1)  # calls that may come at once before the rate counts
    calls_at_once: int = Field(default=1_000, ge=1)  # the next one is refused, not queued: late answers help nobody
    streams_at_once: int = Field(default=1_000, ge=1)
    tenant_share: float = Field(default=0.5, gt=0, le=1)  # of both that one tenant may hold
    streams_per_connection: int = Field(default=1_000, ge=1)  # HTTP/2 streams, calls included; more wait in the client
    stop_grace: timedelta = timedelta(seconds=5)

    @field_validator("*", mode="before")
    @classmethod
    def _seconds(cls, value: Any, info: ValidationInfo) -> Any:
        """A plain number given for a time is seconds; pydantic itself only reads `PT3S` from text."""
        is_time = cls.model_fields[str(info.field_name)].annotation is timedelta
        return float(value) if is_time and isinstance(value, str) and _NUMBER.fullmatch(value) else value


S = TypeVar("S", bound=ProcessSettings)


def load(settings: type[S]) -> S:
    """Read the environment; what is missing or wrong is told line by line, and the process ends with code 2."""
    try:
        return settings()  # type: ignore[call-arg] # the environment gives them
    except ValidationError as error:
        for problem in error.errors():
            name = "_".join(str(part) for part in problem["loc"]).upper()
            name = name if name.startswith("ATTUNE_") else f"ATTUNE_{name}"
            given = "" if problem["type"] == "missing" else f" (given: {problem['input']!r})"
            sys.stderr.write(f"{name}: {problem['msg']}{given}\n")
        raise SystemExit(2) from None
