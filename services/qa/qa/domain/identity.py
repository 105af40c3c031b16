"""Who asks, of which shop."""

from __future__ import annotations

from typing import NamedTuple

DEFAULT_TENANT = "default"


class Person(NamedTuple):
    """A customer of one shop."""

    tenant: str
    user: str

    @classmethod
    def of(cls, tenant: str, user: str) -> Person:
        """The person of a message, where an empty tenant means the default one."""
        return cls(tenant or DEFAULT_TENANT, user)


def primary(language: str) -> str:
    """The language of a BCP 47 tag without region and script: `zh-Hant-TW` → `zh`."""
    return language.replace("_", "-").partition("-")[0].lower()
