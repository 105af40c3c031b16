"""The sources of the demo shop: TOML files written by hand, beside this module."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SOURCE = files("attune_demo") / "source"
LANGUAGES = ("en", "zh")  # the order of every pair in the sources


def table(name: str) -> dict[str, Any]:
    """The content of one file of the source folder."""
    return tomllib.loads((SOURCE / name).read_text(encoding="utf-8"))


def folder(name: str) -> Iterator[Mapping[str, Any]]:
    """The files of a folder of the source, in the order of their numbers."""
    for file in sorted(entry.name for entry in (SOURCE / name).iterdir() if entry.name.endswith(".toml")):
        yield table(f"{name}/{file}")


def bilingual(pair: list[str]) -> dict[str, str]:
    english, chinese = pair
    return {"en": english, "zh": chinese}
