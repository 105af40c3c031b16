"""`python -m attune_servers`: real Kafka, Neo4j and Redis in the foreground, until Ctrl-C.

Prints, when all of them answer, the lines that tell a shell (and with it the services) where they are:

  python -m attune_servers --data .attune/servers
  export ATTUNE_KAFKA=127.0.0.1:…

`attune up --engines servers` finds them by itself. The data stays in the folder; the next start goes on with it.
A server that ends is started again. Needs Java 17 or newer, the jars that `make servers` gets, and a redis-server.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import shlex
import signal
import sys
from contextlib import suppress
from pathlib import Path

from attune_embedded.child import StartError
from attune_embedded.platform import DataInUseError
from attune_servers import running
from attune_servers.keeping import keep
from attune_servers.servers import NAMES, Servers

_NEXT = """
# Now, in another terminal:
#   attune up --engines servers --story        the whole platform on these servers
# or give the lines above to a shell and start services one by one: python -m needs
# Ctrl-C stops the servers; their data stays in {folder}."""


def main() -> None:
    arguments = _arguments()
    wanted = {name: name in arguments.only for name in NAMES}
    servers = Servers(arguments.data, **wanted)
    with suppress(asyncio.CancelledError):
        try:
            asyncio.run(_run(servers, partitions=arguments.partitions, as_json=arguments.json))
        except (DataInUseError, StartError, OSError) as error:
            raise SystemExit(f"attune_servers: {error}") from error


async def _run(servers: Servers, *, partitions: int, as_json: bool) -> None:
    """End with SIGTERM, SIGINT or SIGHUP."""
    work = asyncio.current_task()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        asyncio.get_running_loop().add_signal_handler(number, lambda: work and work.cancel())
    _tell(f"starting {', '.join(servers.names)} on {servers.folder}; logs are in {servers.folder / 'logs'}")
    async with servers:
        if "kafka" in servers.names:
            await servers.make_topics(partitions)
        running.publish(servers)
        try:
            _print(servers, as_json=as_json)
            await keep(servers, lambda notice: _tell(f"{notice.process} {notice.event} {notice.detail}".rstrip()))
        finally:
            running.withdraw(servers.folder)
            _tell("stopping")


def _print(servers: Servers, *, as_json: bool) -> None:
    environment = servers.environment()
    if as_json:
        told = {"folder": str(servers.folder), "versions": servers.versions, "environment": environment}
        lines = [json.dumps(told, ensure_ascii=False)]
    else:
        lines = [f"export {name}={shlex.quote(value)}" for name, value in environment.items()]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()
    _tell(_NEXT.format(folder=servers.folder))


def _tell(text: str) -> None:
    sys.stderr.write(text + "\n")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m attune_servers", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data", type=Path, default=Path(".attune/servers"), metavar="DIR", help="folder of all data (.attune/servers)"
    )
    parser.add_argument(
        "--only", nargs="+", choices=NAMES, default=list(NAMES), metavar="NAME", help="of: kafka neo4j redis"
    )
    parser.add_argument("--partitions", type=int, default=4, metavar="N", help="of topics that are made (4)")
    parser.add_argument("--json", action="store_true", help="print the addresses as one line of JSON")
    arguments = parser.parse_args()
    if arguments.partitions < 1:
        parser.error(f"--partitions must be at least 1, not {arguments.partitions}")
    return arguments


if __name__ == "__main__":
    main()
