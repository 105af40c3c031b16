"""What runs where: paths, addresses and environments that follow from a data folder and its ports."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

SERVICES = ("needs", "recommender", "qa", "content")

# What suits the embedded engines better than the defaults of the services; the caller's environment wins.
_SUITED = {
    "ATTUNE_SESSION_TIMEOUT": "PT3S",  # the embedded broker waits this long, less a second, for a member that died
}


@dataclass(frozen=True, slots=True)
class Plan:
    data: Path  # absolute
    services: Sequence[str]
    ports: Mapping[str, int]  # by the names of `port_names`
    engines: Mapping[str, str] = field(default_factory=dict)  # settings of engines that run elsewhere; empty: embedded

    @property
    def kafka(self) -> str:
        return self.engines.get("ATTUNE_KAFKA") or self.address("kafka")

    def address(self, name: str) -> str:
        """host:port of a service, of "kafka", "redis" or "<service>.metrics"."""
        return f"127.0.0.1:{self.ports[name]}"

    @property
    def redis_url(self) -> str:
        return self.engines.get("ATTUNE_REDIS_URL") or f"redis://{self.address('redis')}/0"

    def environment(self, name: str, *, inherited: Mapping[str, str]) -> dict[str, str]:
        """Of a service. Paths in URLs are percent-encoded: readers use urllib.parse.unquote."""
        folder = quote(str(self.data))
        addresses = {f"ATTUNE_{each.upper()}_ADDRESS": self.address(each) for each in self.services}
        engines = {
            "ATTUNE_KAFKA": self.kafka,
            "ATTUNE_REDIS_URL": self.redis_url,
            "ATTUNE_QDRANT_URL": f"edge://{folder}/qdrant",
            "ATTUNE_GRAPH_URL": f"sqlite://{folder}/graph.db",
            "ATTUNE_GRPC_LISTEN": self.address(name),
            "ATTUNE_METRICS_LISTEN": self.address(f"{name}.metrics"),
            "PYTHONUNBUFFERED": "1",  # the last words of a process that dies are in its log
        }
        return ({} if self.engines else _SUITED) | dict(inherited) | addresses | engines | dict(self.engines)


def port_names(services: Sequence[str]) -> list[str]:
    return ["kafka", "redis", *services, *(f"{name}.metrics" for name in services)]


def health_name(service: str) -> str:
    """The full name by which a service of ours speaks of itself over gRPC health."""
    return f"attune.{service}.v1.{service.capitalize()}Service"


def bound(module: str, folder: Path, *, parent: int) -> list[str]:
    """Run a module of anybody, which ends with `parent`; nothing is changed in it."""
    command = [sys.executable, "-P", "-m", module]
    return [*python("bound", parent=parent), "--folder", str(folder), "--", *command]


def python(module: str, *arguments: str, parent: int) -> list[str]:
    """Run a module of this package. -P: what lies in the current folder is not importable, whatever its name."""
    return [sys.executable, "-P", "-m", f"attune_embedded.{module}", *arguments, "--parent", str(parent)]
