"""The encoder that ships: a table of word vectors and a shop lexicon, a few MB, no torch."""

from lm.static.encoder import StaticEncoder

__all__ = ["StaticEncoder"]
