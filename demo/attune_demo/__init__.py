"""A bilingual shop to try Attune with."""

from attune_demo.files import Files, files
from attune_demo.simulator import topic
from attune_demo.story import Step, person, story

TENANT = ""  # the demo lives in the default shop, so that clients that name none see it

__all__ = ["TENANT", "Files", "Step", "files", "person", "story", "topic"]
