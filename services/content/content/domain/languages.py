"""BCP 47 tags, as far as choosing words needs them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

ANY = "und"  # a value that holds for every language


def tag(language: str) -> str:
    """`zh_Hans_CN` → `zh-hans-cn`."""
    return language.strip().replace("_", "-").lower()


def primary(language: str) -> str:
    """`zh-Hans` → `zh`."""
    return tag(language).partition("-")[0]


def broader(language: str) -> Iterator[str]:
    """`zh-hant-tw` → itself, `zh-hant`, `zh` (lookup of RFC 4647, section 3.4)."""
    wanted = tag(language)
    while wanted:
        yield wanted
        wanted = wanted.rpartition("-")[0]


def value(values: Mapping[str, str], language: str) -> str | None:
    """The value for a language: the nearest broader tag, then what holds for all, then a sibling (`zh-TW`, `zh-CN`)."""
    by_tag = {tag(name): text for name, text in values.items() if text.strip()}
    for name in (*broader(language), ANY, ""):
        if name in by_tag:
            return by_tag[name]
    return next((text for name, text in by_tag.items() if primary(name) == primary(language)), None)
