"""From a setting to a model: what ATTUNE_ENCODER and ATTUNE_GENERATOR may say."""

from __future__ import annotations

from datetime import timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from lm.protocols import Encoder, Generator

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import ModuleType

ENCODERS = "`static`, `deep:<folder or hub name>` or `deep:<hub name>@<revision>`"
GENERATORS = "`template`, `openai:<base url>#<model>`, `deep:<folder or hub name>` or `deep:<hub name>@<revision>`"


class Engine(Generator, Protocol):
    """A generator that may hold connections, threads or weights."""

    async def aclose(self) -> None: ...


def encoder(spec: str) -> Encoder:
    """Loads the weights now: a service calls this once, before it says that it is ready.

    Raises ValueError for a spec it cannot read, for a model that is not there, and for a `deep` one when that extra is
    not installed. Packages are imported only when asked for: `static` needs no torch.
    """
    kind, _, rest = spec.strip().partition(":")
    if kind == "static" and not rest:
        from lm.static import StaticEncoder  # noqa: PLC0415 - who wants another encoder need not import this one

        return StaticEncoder.load()
    if kind == "deep" and rest:
        path, revision = _revision(rest)
        return cast("Encoder", _deep().TransformerEncoder(path, revision=revision))
    raise ValueError(f"encoder {spec!r} is unknown; write {ENCODERS}")


def generator(
    spec: str,
    templates: Mapping[str, Mapping[str, Sequence[str]]],
    *,
    key: str | None = None,
    timeout: timedelta = timedelta(seconds=10),
) -> Engine:
    """The engine of `spec`; behind any engine but `template` stand the templates, for when it is away.

    `templates`: task → language → texts with `{gaps}` (TemplateGenerator). `key`: what a server asks for. `timeout`
    bounds one generation. Raises as `encoder` does; a server is not asked yet. Which of the two engines wrote a text
    is told by `lm.generators.generate_named`.
    """
    from lm.generators import Fallback, OpenAiGenerator, TemplateGenerator  # noqa: PLC0415 - httpx takes 0.2 s

    grounded = TemplateGenerator(templates)
    kind, _, rest = spec.strip().partition(":")
    if kind == "template" and not rest:
        return grounded
    if kind == "openai" and all(rest.partition("#")):
        base_url, _, model = rest.partition("#")
        return Fallback(OpenAiGenerator(base_url, model, key, timeout=timeout), grounded)
    if kind == "deep" and rest:
        path, revision = _revision(rest)
        return Fallback(_deep().LocalGenerator(path, revision=revision, timeout=timeout), grounded)
    raise ValueError(f"generator {spec!r} is unknown; write {GENERATORS}")


def _deep() -> ModuleType:
    """The package that needs torch, which takes seconds to import and may be absent."""
    try:
        return import_module("lm.deep")
    except ModuleNotFoundError as error:
        raise ValueError(str(error)) from error


def _revision(rest: str) -> tuple[str, str | None]:
    """`name@revision` → both; a folder may have an @ in its name."""
    name, at, revision = rest.rpartition("@")
    if at and not Path(rest).expanduser().exists():
        return name, revision or None
    return rest, None
