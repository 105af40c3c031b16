"""Neo4j Community as one node: Bolt only, no browser, no usage reports."""

from __future__ import annotations

import asyncio
import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

import neo4j
from neo4j.exceptions import AuthError, DriverError, Neo4jError

from attune_embedded import files
from attune_servers import present
from attune_servers.listening import until_listening

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

USER = "neo4j"  # Community has one administrator, of this name
_FACTORY_PASSWORD = "neo4j"  # noqa: S105 - of every new server, which lets it do nothing but change it
_MEMORY = ("-Xmx768m", "-Xms256m")
_OPENS = ("java.nio", "java.io", "sun.nio.ch", "java.util.concurrent")
_CHANGE = "ALTER CURRENT USER SET PASSWORD FROM $old TO $new"
_POLL_SECONDS = 0.1


def password_of(folder: Path) -> str:
    """Of the server whose data is in `folder`; "" before its first start."""
    try:
        return _password_file(folder).read_text(encoding="utf-8").strip()
    except FileNotFoundError:
        return ""


def _wished(env: Mapping[str, str]) -> str:
    """`ATTUNE_NEO4J_PASSWORD`, unless it belongs to the server that `ATTUNE_GRAPH_URL` names."""
    return "" if env.get("ATTUNE_GRAPH_URL") else env.get("ATTUNE_NEO4J_PASSWORD", "").strip()


def _password_file(folder: Path) -> Path:
    return folder / "password"


@dataclass(frozen=True, slots=True)
class Neo4j:
    folder: Path  # absolute
    port: int
    short_lived: bool
    name: str = "neo4j"

    def password(self) -> str:
        """Of this folder's server: what the environment wished at its first start, else one that was drawn then."""
        known = password_of(self.folder)
        if known:
            return known
        drawn = _wished(os.environ) or secrets.token_urlsafe(18)
        files.write_text(_password_file(self.folder), drawn + "\n")
        return drawn

    def prepare(self) -> list[str]:
        self.password()
        (self.folder / "conf").mkdir(parents=True, exist_ok=True)
        (self.folder / "conf" / "neo4j.conf").write_text(self._configuration(), encoding="utf-8")
        return [
            present.java(),
            *_MEMORY,
            *(present.QUICK if self.short_lived else ()),
            "-Dattune_servers=neo4j",
            *(f"--add-opens=java.base/{name}=ALL-UNNAMED" for name in _OPENS),
            "-cp",
            f"{present.jars('neo4j')}/*",
            "org.neo4j.server.CommunityEntryPoint",
            f"--home-dir={self.folder}",
            f"--config-dir={self.folder / 'conf'}",
        ]

    async def answers(self) -> str:
        """Wait until it answers a query with our password, which a new server is given first: its version.

        Raises:
            ServerUnavailableError: somebody gave it another password.
        """
        await until_listening(self.port)
        while True:
            try:
                return await self._ask()
            except (DriverError, Neo4jError, OSError):
                await asyncio.sleep(_POLL_SECONDS)

    async def _ask(self) -> str:
        try:
            return await self._version()
        except AuthError:
            await self._set_password()
            return await self._version()

    async def _version(self) -> str:
        async with self._driver(self.password()) as driver:
            await driver.execute_query("RETURN 1", database_="neo4j")
            found = await driver.execute_query("CALL dbms.components() YIELD versions", database_="neo4j")
            return str(found.records[0]["versions"][0])

    async def _set_password(self) -> None:
        words = {"old": _FACTORY_PASSWORD, "new": self.password()}
        try:
            async with self._driver(_FACTORY_PASSWORD) as driver:
                await driver.execute_query(_CHANGE, words, database_="system")
        except AuthError as error:
            raise present.ServerUnavailableError(
                f"Neo4j on {self.folder} does not take the password in {_password_file(self.folder)}: "
                "write the one it has into that file"
            ) from error

    def _driver(self, password: str) -> neo4j.AsyncDriver:
        return neo4j.AsyncGraphDatabase.driver(
            f"bolt://127.0.0.1:{self.port}", auth=(USER, password), telemetry_disabled=True, connection_timeout=5
        )

    def _configuration(self) -> str:
        values = {
            "server.default_listen_address": "127.0.0.1",
            "server.bolt.listen_address": f"127.0.0.1:{self.port}",
            "server.bolt.advertised_address": f"127.0.0.1:{self.port}",
            "server.http.enabled": "false",
            "server.https.enabled": "false",
            "server.memory.pagecache.size": "128m",
            "internal.dbms.bolt.netty_server_shutdown_quiet_period": "0",  # else it waits twice five seconds to end
            "dbms.usage_report.enabled": "false",
            # A gigabyte of logs that nobody replays would lie in the folder of every test otherwise.
            "db.tx_log.preallocate": "false",
            "db.tx_log.rotation.retention_policy": "keep_none",
            "db.tx_log.rotation.size": "32m",
        }
        return "".join(f"{name}={value}\n" for name, value in values.items())
