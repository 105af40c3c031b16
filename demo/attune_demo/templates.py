"""Template records in the JSON form of `attune.events.v1.Template`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attune_demo.source import bilingual, table

if TYPE_CHECKING:
    from collections.abc import Iterator


def templates() -> Iterator[dict[str, Any]]:
    """Two templates a text, `push.price.en` and `push.price.zh`, in the order of the source."""
    source = table("templates.toml")
    longest = {channel: dict(zip(("en", "zh"), lengths, strict=True)) for channel, lengths in source["longest"].items()}
    for text in source["template"]:
        for language, body in bilingual(text["body"]).items():
            yield {
                "template_id": f"{text['channel']}.{text['appeal']}.{language}",
                "channel": text["channel"],
                "language": language,
                "body": body,
                "max_chars": longest[text["channel"]][language],
                "appeal": text["appeal"],
            }
