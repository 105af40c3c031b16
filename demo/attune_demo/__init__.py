"""A bilingual shop to try Attune with."""

from attune_demo.shop import Files, files
from attune_demo.simulator import topic
from attune_demo.story import Step

TENANT = "default"  # records name no shop, so that clients that name none see them

__all__ = ["TENANT", "Files", "Step", "files", "topic"]
