"""`attune ask`: a question to the shop."""

# ruff: noqa: FBT002 - options of the terminal stand in the signature
from __future__ import annotations

import asyncio
import sys
from typing import Annotated

import typer

from attune.events.v1.answer_pb2 import AnswerOutcome
from attune.qa.v1 import qa_pb2 as qa
from attune.types.v1.types_pb2 import UserRef
from attune_cli import show
from attune_cli.failures import Refused
from attune_cli.options import Json, Language, Tenant
from attune_cli.output import print_json, remark, say, table
from attune_cli.services import connected
from chassis.rpc import deadline

_LONGEST = 120.0  # seconds; a generator on a small machine is slow


def ask(
    text: Annotated[str, typer.Argument(metavar="TEXT", help="The question, in English or Chinese.")],
    user: Annotated[str, typer.Option("--user", help="Who asks; with a person the conversation is kept.")] = "",
    dialogue: Annotated[str, typer.Option("--dialogue", help="Go on with this conversation of the person.")] = "",
    product: Annotated[str, typer.Option("--product", help="The product it is about, or whose page is open.")] = "",
    language: Language = "",
    tenant: Tenant = "",
    json: Json = False,
) -> None:
    """Ask the shop a question; the words appear as they are made, then the sources.

    Example: attune ask "如何申请退货?" --user maria

    A follow-up: attune ask "And how long does it take?" --user maria --dialogue ID
    """
    request = qa.AskRequest(tenant=tenant, text=text, dialogue_id=dialogue, language=language, product_id=product)
    if user:
        request.user.CopyFrom(UserRef(tenant=tenant, user_id=user))
    last = asyncio.run(_ask(request, aloud=not json))
    if last is None:
        raise Refused("qa ended the reply before the answer: ask again, or look at `attune status`")
    if json:
        print_json(last)
        return
    _sources(last.answer)
    show.served(last.served)


async def _ask(request: qa.AskRequest, *, aloud: bool) -> qa.AskResponse | None:
    """The piece that holds the whole answer; words are printed as they come."""
    deadline.start(_LONGEST)
    said = ""
    async with connected() as services:
        with services.qa() as stub:
            async for piece in stub.Ask(request):
                if piece.WhichOneof("part") == "answer":
                    if aloud:
                        say("" if said else piece.answer.text)
                    return piece
                said += piece.delta
                if aloud:
                    sys.stdout.write(piece.delta)
                    sys.stdout.flush()
    return None


def outcome(answer: qa.Answer) -> str:
    """How a question was dealt with, in words."""
    return AnswerOutcome.Name(answer.outcome).removeprefix("ANSWER_OUTCOME_").lower().replace("_", " ")


def _sources(answer: qa.Answer) -> None:
    remark(f"{outcome(answer)}, probability {answer.probability:.2f}, language {answer.language}")
    rows = [[each.entry_id, each.question, each.source, each.score.value, show.score(each.score)]
            for each in answer.citations]  # fmt: skip
    if rows:
        table(["entry", "question", "source", "g", "terms"], rows)
    if answer.product_ids:
        say("products: " + ", ".join(answer.product_ids))
    if answer.dialogue_id:
        remark(f"dialogue {answer.dialogue_id}, turn {answer.turn}; understood as: {answer.understood}")
