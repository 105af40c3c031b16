"""Attune on one machine without servers: embedded engines, the four services, and who keeps them alive."""

from __future__ import annotations

VERSION = "0.1.0"
