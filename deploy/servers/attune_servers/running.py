"""Where the servers of a folder are, for other terminals: `servers.json` beside their data, while they run."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import psutil

from attune_embedded import files, ledger
from attune_servers.neo4j import USER, password_of

if TYPE_CHECKING:
    from pathlib import Path

    from attune_servers.servers import Servers


def publish(servers: Servers) -> None:
    """Every address, but no password: that one stays in a file of its own, beside the data of Neo4j."""
    record = {
        "pid": os.getpid(),
        "created": psutil.Process().create_time(),
        "versions": servers.versions,
        "environment": {name: value for name, value in servers.environment().items() if "PASSWORD" not in name},
    }
    files.write(servers.folder / "servers.json", record)


def withdraw(folder: Path) -> None:
    (folder / "servers.json").unlink(missing_ok=True)


def find(folder: Path) -> dict[str, str]:
    """The settings by which a service reaches the servers of `folder`; empty when none run."""
    record = files.read(folder / "servers.json")
    if not ledger.names_running(record):
        return {}
    found = {str(name): str(value) for name, value in record["environment"].items()}
    if "ATTUNE_GRAPH_URL" in found:
        found |= {"ATTUNE_NEO4J_USER": USER, "ATTUNE_NEO4J_PASSWORD": password_of(folder / "neo4j")}
    return found
