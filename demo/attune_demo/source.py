"""The sources of the demo shop: TOML files written by hand, beside this module."""

from __future__ import annotations

import tomllib
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

SOURCE = files("attune_demo") / "source"


def table(name: str) -> dict[str, Any]:
    """The content of one file of the source folder."""
    return tomllib.loads((SOURCE / name).read_text(encoding="utf-8"))


def categories() -> Iterator[Mapping[str, Any]]:
    """The catalogue files in the order of their numbers: category, name (en, zh), product list."""
    folder = SOURCE / "catalog"
    for name in sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".toml")):
        yield table(f"catalog/{name}")


def bilingual(pair: list[str]) -> dict[str, str]:
    english, chinese = pair
    return {"en": english, "zh": chinese}
