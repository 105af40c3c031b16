"""Prompt → text: grounded templates, any OpenAI-compatible server, and what happens when the first engine is away."""

from lm.generators.fallback import Fallback, Named, generate_named
from lm.generators.openai import OpenAiGenerator
from lm.generators.template import TemplateGenerator

__all__ = ["Fallback", "Named", "OpenAiGenerator", "TemplateGenerator", "generate_named"]
