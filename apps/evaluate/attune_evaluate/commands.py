"""`attune evaluate`: how good offers and searches are, on data with known answers."""

# ruff: noqa: FBT002 - options of the terminal stand in the signature
from __future__ import annotations

import asyncio
from json import dumps
from pathlib import Path
from typing import Annotated

import typer

from attune_cli.options import Json
from attune_cli.output import Bar, print_json, progress, remark, say
from attune_evaluate import metrics, recommending, searching, telling
from attune_evaluate.live import live
from attune_evaluate.plot import bars_svg
from attune_evaluate.protocols import P1_LIVE, Protocol, split
from attune_evaluate.readers.find import read
from attune_evaluate.recommending import Options, Progress

app = typer.Typer(
    name="evaluate",
    help="Measure offers and searches on data with known answers, in process or through the running platform.",
    no_args_is_help=True,
)

Folder = Annotated[
    Path,
    typer.Argument(metavar="DATASET", exists=True, file_okay=False, help="A folder: catalog.jsonl and events.jsonl, or "
                   "a public data set as it comes (docs/how-to/evaluate.md)."),
]  # fmt: skip
How = Annotated[Protocol, typer.Option("--protocol", help="How the past is cut.")]
Users = Annotated[int, typer.Option("--users", min=0, help="Ask for so many people; 0 is all.")]
Plot = Annotated[Path | None, typer.Option("--plot", metavar="FILE", help="Draw NDCG@10 of every row as SVG.")]
Links = Annotated[bool, typer.Option("--links", help="Load the data set's own links between products too.")]
Cold = Annotated[
    float,
    typer.Option("--cold", min=0, max=0.5, metavar="SHARE", help="Withhold all that happened to this share of products "
                 "and ask only for people who chose one of them."),
]  # fmt: skip
Offline = Annotated[bool, typer.Option("--offline", help="In process, without engines, with every rung.")]
Encoder = Annotated[str, typer.Option("--encoder", envvar="ATTUNE_ENCODER", help="The encoder of products and needs.")]


def _onto(bar: Bar) -> Progress:
    return lambda what, done, of: bar.at(done, f"{what} of {of:,}")


@app.command()
def recommend(
    dataset: Folder,
    protocol: How = Protocol.P1,
    users: Users = 0,
    cold: Cold = 0.0,
    links: Links = False,
    encoder: Encoder = "static",
    plot: Plot = None,
    lists: Annotated[
        Path | None, typer.Option("--lists", metavar="FILE", help="Write what everybody was offered, a JSON line each.")
    ] = None,
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Hide what people chose next, rank the whole catalogue for them, and tell how often it was found.

    Example: attune evaluate recommend shared/data/amazon_beauty_kg --protocol p1 --users 2000 --offline

    Without --offline the histories are sent as events into a shop of their own on the running platform, and offers are
    asked for by gRPC: use a platform that is there for this alone, `attune up --data /tmp/evaluation`.

    p1: statistics from all but the last two products of each person, asked with all but the last one. p2: statistics
    and question from all but the last one. time: everything before a moment, looked for on the first day after it.
    A platform learns for all what it hears of one: without --offline p1 is measured, and named, as p2.
    """
    data = read(dataset, links=links)
    cut = split(data, protocol, users=users, cold=cold, live=not offline)
    if cut.protocol is not protocol:
        remark(f"measured is {cut.protocol.value}: {P1_LIVE}")
    with progress("evaluate", None) as bar:
        told = _onto(bar)
        if offline:
            board = asyncio.run(recommending.offline(data, cut, Options(encoder=encoder), told))
        else:
            board, tenant = asyncio.run(live(data, cut, Options(encoder=encoder), told))
            remark(f"the platform keeps what was sent as the shop {tenant}")
    if lists is not None:
        with lists.open("w", encoding="utf-8") as file:
            file.writelines(dumps(each, ensure_ascii=False) + "\n" for each in board.offers())
    if plot is not None:
        title, drawn = f"{data.name}, {cut.protocol.value}", {row.name: row.ndcg[10] for row in board.rows}
        plot.write_text(bars_svg(title, drawn), encoding="utf-8")
    if json:
        print_json({"dataset": data.name, **data.about, "protocol": cut.protocol.value, **board.form()})
    else:
        say(f"{data.name}: {len(data.products):,} products, {len(data.acts):,} events")
        for line in telling.told(board):
            say(line)


@app.command()
def search(
    dataset: Folder,
    queries: Annotated[
        Path | None,
        typer.Option(
            "--queries",
            metavar="FILE",
            exists=True,
            dir_okay=False,
            help="Questions in place of the data "
            "set's own: a line `query<TAB>relevant`, then words and product ids or categories by |.",
        ),
    ] = None,
    encoder: Encoder = "static",
    plot: Plot = None,
    offline: Offline = False,
    json: Json = False,
) -> None:
    """Search with words whose answers are known, beside BM25 and each half of the hybrid alone.

    Example: attune evaluate search shared/data/zh_product_search --offline

    Without --offline the products are sent into a shop of their own on the running platform, which keeps it.
    """
    data = searching.asked(read(dataset, questions=queries))
    with progress("evaluate", None) as bar:
        if offline:
            found = asyncio.run(searching.offline(data, _onto(bar), encoder))
        else:
            found, tenant = asyncio.run(searching.live(data, _onto(bar)))
            remark(f"the platform keeps what was sent as the shop {tenant}")
    if plot is not None:
        drawn = {each.name: each.values(metrics.ndcg) for each in found}
        plot.write_text(bars_svg(f"{data.name}, searches", drawn), encoding="utf-8")
    if json:
        print_json(searching.form(data, found))
    else:
        for line in searching.told(data, found):
            say(line)
