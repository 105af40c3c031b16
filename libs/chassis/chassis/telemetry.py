"""Structured logs without personal text, and Prometheus metrics."""

from __future__ import annotations

import logging
import sys
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


def configure(service: str, level: str) -> None:
    """JSON lines on standard error, each with the service's name. Never pass texts, queries or whole requests."""
    number = logging.getLevelNamesMapping().get(level.upper(), logging.INFO)
    logging.basicConfig(
        stream=sys.stderr, level=max(number, logging.WARNING), format="%(levelname)s %(name)s %(message)s"
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(number),
        logger_factory=structlog.PrintLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(service=service)


def serve_metrics(listen: str) -> Any:
    """Open the Prometheus port, `host:port`; empty opens none."""
    if not listen:
        return None
    host, _, port = listen.rpartition(":")
    return start_http_server(int(port), addr=host or "127.0.0.1")
