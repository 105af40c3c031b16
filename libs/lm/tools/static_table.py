"""Build the static table that ships: `python libs/lm/tools/static_table.py --help`. About ten minutes on one thread."""

from __future__ import annotations

import hashlib
import json
import sysconfig
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer
from rich.progress import Progress
from static_teacher import NAME, Teacher
from static_texts import docstring_sentences, joined_phrases, random_bags
from static_training import Floats, Recipe, distil, rarity, train

from lm import lexicon
from lm.static.table import PACKAGED, save
from lm.static.wordpiece import pieces
from lm.static.words import fold, latin_words

if TYPE_CHECKING:
    from collections.abc import Sequence

SPACE = "static-en-zh-256@3"  # another revision with every table or way of reading: vectors of two are never compared


def main(
    *,
    out: Annotated[Path, typer.Option(help="Folder for the four files of the table.")] = PACKAGED,
    seed: Annotated[int, typer.Option(help="Same seed, same environment: same table.")] = 0,
    sentences: Annotated[int, typer.Option(help="Sentences of the installed libraries' docstrings.")] = 40_000,
    bags: Annotated[int, typer.Option(help="Bags of random words.")] = 56_000,
    phrases: Annotated[int, typer.Option(help="Texts of a few English phrases of the shop lexicon.")] = 30_000,
    epochs: Annotated[
        int, typer.Option(help="Passes over both; 0 only distils, piece by piece, in half a minute.")
    ] = 5,
    keep: Annotated[Path | None, typer.Option(help="Folder for the teacher's vectors, to use again.")] = None,
) -> None:
    """Distil all-MiniLM-L6-v2 into a table of piece vectors."""
    recipe = Recipe(epochs=epochs)
    vectors, vocabulary = build(recipe, seed=seed, sentences=sentences, bags=bags, phrases=phrases, keep=keep)
    drawn = {"sentences": sentences, "phrases": phrases, "bags": bags}
    about = {"space": SPACE, "teacher": NAME, "seed": seed, **drawn, "epochs": epochs}
    save(vectors, vocabulary, about, out)
    typer.echo(f"{len(vocabulary)} pieces of {recipe.dim} dimensions written to {out}")


def build(
    recipe: Recipe, *, seed: int, sentences: int, bags: int, phrases: int, keep: Path | None = None
) -> tuple[Floats, list[str]]:
    """Piece vectors, (n, dim), and the pieces themselves."""
    with Progress() as progress:
        teacher = Teacher()
        ids = latin_tokens(teacher.tokens)
        vocabulary = [teacher.tokens[i] for i in ids]
        alone = _ask(teacher, [[i] for i in ids], "pieces", progress, keep)
        if not recipe.epochs:
            return distil(alone, recipe.dim), vocabulary
        rng = np.random.default_rng(seed)
        prose = docstring_sentences(_installed(), sentences, rng)
        drawn = random_bags(bags, rarity(len(ids)).astype(np.float64), rng)
        said = _ask(teacher, teacher.ids(prose), "sentences", progress, keep)
        mixed = _ask(teacher, [[ids[row] for row in bag] for bag in drawn], "bags", progress, keep)
        spoken = joined_phrases(sorted(set(lexicon.load().values())), phrases, rng)
        shop = _ask(teacher, teacher.ids(spoken), "phrases", progress, keep)
        texts = [*rows_of(prose, vocabulary), *drawn, *rows_of(spoken, vocabulary)]
        task = progress.add_task("training", total=recipe.epochs * (len(texts) // recipe.batch))
        taught = np.concatenate([said, mixed, shop])
        return train(alone, texts, taught, recipe, seed=seed, done=lambda _: progress.advance(task)), vocabulary


def latin_tokens(tokens: Sequence[str]) -> list[int]:
    """Ids of the tokens a folded text can hold: Latin letters and digits, whole words and later pieces."""
    bare = [token.removeprefix("##") for token in tokens]
    return [i for i, token in enumerate(bare) if latin_words(fold(token)) == [token]]


def rows_of(texts: Sequence[str], vocabulary: Sequence[str]) -> list[list[int]]:
    """The rows a StaticEncoder would add up for each text."""
    rows = {piece: row for row, piece in enumerate(vocabulary)}
    return [[row for word in latin_words(fold(text)) for row in pieces(word, rows)] for text in texts]


def _installed() -> list[Path]:
    return [Path(sysconfig.get_path("stdlib")), Path(sysconfig.get_path("purelib"))]


def _ask(teacher: Teacher, texts: list[list[int]], what: str, progress: Progress, keep: Path | None) -> Floats:
    """The teacher's vectors of `texts`, or those kept from an earlier run over the same ones."""
    digest = hashlib.sha256(json.dumps(texts).encode()).hexdigest()[:16]
    kept = keep / f"{what}-{digest}.npy" if keep else None
    if kept and kept.exists():
        return np.asarray(np.load(kept), dtype=np.float32)
    task = progress.add_task(f"{NAME} reads {what}", total=len(texts))
    vectors = teacher.encode(texts, done=lambda more: progress.advance(task, more))
    if kept:
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.save(kept, vectors)
    return vectors


if __name__ == "__main__":
    typer.run(main)
