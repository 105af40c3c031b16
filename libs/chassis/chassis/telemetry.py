"""Structured logs without personal text, and Prometheus metrics."""

from __future__ import annotations

import copy
import logging
import sys
import traceback
from types import TracebackType
from typing import Any

import structlog
from prometheus_client import Counter, Gauge, Histogram, start_http_server

RECORDS = Counter("attune_records", "Kafka records by what became of them", ["service", "topic", "outcome"])
SLICES = Histogram(
    "attune_slice_seconds",
    "Time to apply the records of one partition of one batch",
    ["service", "topic"],
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10),
)
RETRIES = Counter("attune_slice_retries", "Slices that failed and were tried again", ["service", "topic"])
LAG = Gauge("attune_lag_records", "Records behind the end of the partition", ["service", "topic", "partition"])
CALLS = Histogram(
    "attune_rpc_seconds",
    "Time to answer a call",
    ["service", "method", "code"],
    buckets=(0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10),
)
REFUSED = Counter("attune_rpc_refused", "Calls refused before any work", ["service", "method", "reason"])
RETRIED = Counter("attune_rpc_retried", "Calls that their caller had tried before", ["service", "method"])
IN_FLIGHT = Gauge("attune_rpc_in_flight", "Calls being answered", ["service", "kind"])

log: structlog.stdlib.BoundLogger = structlog.get_logger()


Raised = tuple[type[BaseException], BaseException, TracebackType | None]


def configure(service: str, level: str) -> None:
    """JSON lines on standard error, each with the service's name. Never pass texts, queries or whole requests."""
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(_WithoutTexts("%(levelname)s %(name)s %(message)s"))
    logging.basicConfig(handlers=[lines], level=max(number, logging.WARNING))  # libraries name whole records below it
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.ExceptionRenderer(where),
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)


def where(exc_info: Raised) -> str:
    """Kinds of an exception and of its causes, and the lines of code it came through.

    Its message is left out: that of a bug may quote what a person wrote.
    """
    error: BaseException | None = exc_info[1]
    told: list[str] = []
    seen = set[int]()  # a cause may have the exception itself for its own cause, where libraries link them by hand
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        told.append("".join(traceback.format_tb(error.__traceback__)) + type(error).__qualname__)
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n\nwhile handling:\n".join(told)


class _WithoutTexts(logging.Formatter):
    """Of libraries."""

    def format(self, record: logging.LogRecord) -> str:
        record = copy.copy(record)
        record.exc_text = None  # what another handler made of the exception
        return super().format(record)

    def formatException(self, ei: Any) -> str:  # noqa: N802 - the name in logging
        return where(ei)

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the name in logging
        if record.name == "asyncio":  # its further lines hold the exception of a task with its message
            record.message = record.message.partition("\n")[0]
        return super().formatMessage(record)


def serve_metrics(listen: str) -> Any:
    """Open the Prometheus port, `host:port`; empty opens none."""
    if not listen:
        return None
    host, _, port = listen.rpartition(":")
    return start_http_server(int(port), addr=host or "127.0.0.1")
