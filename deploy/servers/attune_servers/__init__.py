"""Real Kafka, Neo4j and Redis on one machine without Docker, each on a free port with its data in a folder."""

from __future__ import annotations

from attune_servers.present import missing
from attune_servers.servers import Servers

__all__ = ["Servers", "missing"]
