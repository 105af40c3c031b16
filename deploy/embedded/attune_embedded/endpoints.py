"""Where the platform is, for other terminals and other programs."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from attune_embedded import files, ledger, running

if TYPE_CHECKING:
    from collections.abc import Mapping

_VARIABLES = {
    "kafka": "ATTUNE_KAFKA",
    "redis_url": "ATTUNE_REDIS_URL",
    "needs": "ATTUNE_NEEDS_ADDRESS",
    "recommender": "ATTUNE_RECOMMENDER_ADDRESS",
    "qa": "ATTUNE_QA_ADDRESS",
    "content": "ATTUNE_CONTENT_ADDRESS",
}


class NoPlatformError(Exception):
    """Nothing says where the platform is."""


class UnknownEndpointError(Exception):
    """Only a part of the platform is known, and not this one."""


@dataclass(frozen=True, slots=True)
class Endpoints:
    """Addresses as host:port; empty where unknown, which `require` turns into an error."""

    kafka: str = ""  # bootstrap servers
    redis_url: str = ""
    needs: str = ""
    recommender: str = ""
    qa: str = ""
    content: str = ""
    data: Path | None = None  # None when the addresses come from the environment alone

    def require(self, name: str) -> str:
        """The address `name`, such as "needs".

        Raises:
            UnknownEndpointError: it is not known; the message says which variable gives it.
        """
        address: str = asdict(self)[name]
        if not address:
            raise UnknownEndpointError(
                f"the address of {name} is not known: set {_VARIABLES[name]}, or run `attune up`"
            )
        return address


def find(env: Mapping[str, str], *, folder: Path | None = None) -> Endpoints:
    """Each address from its environment variable, the others from a running platform.

    That is the one of `folder`/.attune (the current folder by default), or else the newest one of this user.

    Raises:
        NoPlatformError: no variable is set and no platform runs.
    """
    named = {field: value for field, variable in _VARIABLES.items() if (value := env.get(variable))}
    if len(named) == len(_VARIABLES):
        return of_record(named)
    record = _record((folder or Path.cwd()) / ".attune") or _newest(env)
    if record is None and not named:
        raise NoPlatformError("no running platform found: start one with `attune up`, or set ATTUNE_KAFKA and so on")
    return of_record((record or {}) | named)


def of_record(record: Mapping[str, Any]) -> Endpoints:
    """Of what `platform.json` holds."""
    data = record.get("data")
    return Endpoints(**{name: str(record.get(name, "")) for name in _VARIABLES}, data=Path(data) if data else None)


def _record(data: Path) -> dict[str, Any] | None:
    """What the platform of that data folder says of itself while it runs."""
    record = files.read(data / "platform.json")
    return record if ledger.names_running(record) else None


def _newest(env: Mapping[str, str]) -> dict[str, Any] | None:
    found = (_record(data) for data in running.newest_first(env))
    return next((record for record in found if record is not None), None)
