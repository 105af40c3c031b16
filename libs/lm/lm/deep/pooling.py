"""From one vector per token to one per text, as the checkpoint's own files say it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import torch

if TYPE_CHECKING:
    from pathlib import Path

Pooling = Literal["mean", "cls", "max", "last"]
FLAGS: dict[str, Pooling] = {  # sentence-transformers' names, in the order in which it joins several
    "cls_token": "cls",
    "max_tokens": "max",
    "mean_tokens": "mean",
    "lasttoken": "last",
}
WORDS: dict[str, Pooling] = {"cls": "cls", "max": "max", "mean": "mean", "lasttoken": "last"}


@dataclass(frozen=True, slots=True)
class Recipe:
    """What follows the transformer."""

    pooling: tuple[Pooling, ...] = ("mean",)  # joined end to end; mean is what a checkpoint without a recipe gets
    dense: tuple[Path, ...] = ()  # folders of linear layers
    max_tokens: int | None = None
    prefix: str = ""


def recipe(folder: Path) -> Recipe:
    """Reads `modules.json` and what it names. Raises ValueError for a module that we cannot compute."""
    modules = _read(folder / "modules.json", [])
    pooling: tuple[Pooling, ...] = ("mean",)
    dense = []
    for module in modules:
        kind, place = module["type"].rpartition(".")[2], folder / module["path"]
        if kind == "Pooling":
            pooling = _pooling(_read(place / "config.json", {}), place)
        elif kind == "Dense":
            dense.append(place)
        elif kind not in {"Transformer", "Normalize"}:
            raise ValueError(f"{folder}: the module {module['type']!r} is not supported; Pooling, Dense, Normalize are")
    prompts = _read(folder / "config_sentence_transformers.json", {})
    return Recipe(
        pooling,
        tuple(dense),
        _read(folder / "sentence_bert_config.json", {}).get("max_seq_length"),
        (prompts.get("prompts") or {}).get(prompts.get("default_prompt_name"), ""),
    )


def pool(tokens: torch.Tensor, mask: torch.Tensor, kinds: tuple[Pooling, ...]) -> torch.Tensor:
    """(n, length, dim) and (n, length) of 0 and 1, padded on the right → (n, dim · len(kinds))."""
    return torch.cat([POOL[kind](tokens, mask) for kind in kinds], dim=1)


def dense_layer(place: Path, device: str) -> torch.nn.Module:
    """A linear layer and its activation, in float32."""
    config = _read(place / "config.json", {})
    linear = torch.nn.Linear(config["in_features"], config["out_features"], bias=config.get("bias", True))
    weights = _weights(place)
    linear.load_state_dict({name.removeprefix("linear."): value.float() for name, value in weights.items()})
    activation = str(config.get("activation_function", "Tanh")).rpartition(".")[2]
    if activation not in {"Tanh", "Identity", "GELU", "ReLU", "Sigmoid"}:
        raise ValueError(f"{place}: the activation {activation!r} is not supported")
    return torch.nn.Sequential(linear, getattr(torch.nn, activation)()).to(device).eval()


def _pooling(config: dict[str, Any], place: Path) -> tuple[Pooling, ...]:
    named = config.get("pooling_mode")
    words = [named] if isinstance(named, str) else list(named or ())
    flags = [key.removeprefix("pooling_mode_") for key, on in config.items() if key.startswith("pooling_mode_") and on]
    unknown = [word for word in words if word not in WORDS] + [flag for flag in flags if flag not in FLAGS]
    found = tuple(WORDS[word] for word in words if word in WORDS) or tuple(
        FLAGS[flag] for flag in FLAGS if flag in flags
    )
    if unknown or not found:
        raise ValueError(f"{place}: the pooling {unknown or config} is not supported; {sorted(WORDS)} are")
    return found


def _weights(place: Path) -> dict[str, torch.Tensor]:
    if (place / "model.safetensors").is_file():
        from safetensors.torch import load_file  # noqa: PLC0415 - few checkpoints have such a layer

        return dict(load_file(place / "model.safetensors"))
    return dict(torch.load(place / "pytorch_model.bin", map_location="cpu", weights_only=True))


def _read(path: Path, otherwise: Any) -> Any:
    return json.loads(path.read_text("utf-8")) if path.is_file() else otherwise


def _mean(tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    weight = mask.unsqueeze(-1).to(tokens.dtype)
    return (tokens * weight).sum(1) / weight.sum(1).clamp(min=1.0)


def _max(tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return tokens.masked_fill(~mask.unsqueeze(-1).bool(), -torch.inf).amax(1)


def _last(tokens: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    return tokens[torch.arange(len(tokens)), mask.sum(1) - 1]


POOL: dict[Pooling, Callable[[torch.Tensor, torch.Tensor], torch.Tensor]] = {
    "cls": lambda tokens, _: tokens[:, 0],
    "mean": _mean,
    "max": _max,
    "last": _last,
}
