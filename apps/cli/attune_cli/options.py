"""Options that several commands share."""

from __future__ import annotations

from typing import Annotated

import typer

Tenant = Annotated[
    str, typer.Option("--tenant", envvar="ATTUNE_TENANT", help="The shop; empty is the default one.", metavar="NAME")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
Language = Annotated[
    str, typer.Option("--language", help="Language of the texts, such as en or zh; empty is the person's.")
]
Count = Annotated[int, typer.Option("-k", "--count", min=1, max=200, help="How many.")]
User = Annotated[str, typer.Argument(metavar="USER", help="Id of the person, or anon:<session> before sign-in.")]
Category = Annotated[
    list[str] | None, typer.Option("--category", help="Only of this category or below it; may be repeated.")
]
