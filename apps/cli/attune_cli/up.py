"""`attune up`."""

from __future__ import annotations


def up() -> None:
    """Start the platform.

    Example: attune up
    """
