"""Reads the word lists beside this file; called once, at the start."""

from __future__ import annotations

import tomllib
from importlib.resources import files

from content.domain.claims import ClaimKind, Rule
from content.domain.facts import Rules
from content.domain.properties import Properties
from content.domain.wordlist import WordList

Wording = dict[str, dict[str, list[str]]]  # task → language → texts with gaps


def rules() -> Rules:
    """What texts may say."""
    kinds = [
        ClaimKind(entry["kind"], Rule(entry["rule"]), WordList([*entry["en"], *entry["zh"]], entry.get("except", ())))
        for entry in tomllib.loads(_read("banned_claims.toml"))["claim"]
    ]
    lines = [
        line.split("\t") for line in _read("attribute_words.tsv").splitlines() if line and not line.startswith("#")
    ]
    return Rules(kinds, Properties([[name.strip() for name in line] for line in lines]))


def wording() -> Wording:
    """What the template generator may write."""
    return tomllib.loads(_read("wording.toml"))


def phrases() -> dict[str, dict[str, str]]:
    """Language → attribute → how a text speaks of it."""
    return tomllib.loads(_read("attribute_phrases.toml"))


def _read(name: str) -> str:
    return (files(__package__) / name).read_text(encoding="utf-8")
