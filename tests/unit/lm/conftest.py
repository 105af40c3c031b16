"""Small real checkpoints, made on the spot: a few thousand weights, a vocabulary of a few words, no network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

LESSONS = [
    ("write in one line\ntitle: red kettle", "the red kettle boils fast"),
    ("write in one line\ntitle: lamp", "warm and soft light"),
    ("写一句\n标题: 红色水壶", "水壶烧得很快"),
]
HEARD = [
    *(text for lesson in LESSONS for text in lesson),
    "where is my parcel , a hot blue cup",
    "return tea",
    "蓝杯子",
]


@pytest.fixture(scope="session")
def tiny_tokenizer() -> Any:
    """BERT's format: [CLS] text [SEP], one token per word or Chinese character, the rest is [UNK]."""
    tokenizers = pytest.importorskip("tokenizers", reason="the deep extra is not installed")
    from tokenizers import models, normalizers, pre_tokenizers, processors, trainers  # noqa: PLC0415
    from transformers import PreTrainedTokenizerFast  # noqa: PLC0415

    made = tokenizers.Tokenizer(models.WordLevel(unk_token="[UNK]"))  # noqa: S106 - no password
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    made.train_from_iterator(
        HEARD, trainers.WordLevelTrainer(special_tokens=["[PAD]", "[UNK]", "[CLS]", "[SEP]"], show_progress=False)
    )
    made.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=made,
        pad_token="[PAD]",  # noqa: S106
        unk_token="[UNK]",  # noqa: S106
        cls_token="[CLS]",  # noqa: S106
        sep_token="[SEP]",  # noqa: S106
        bos_token="[CLS]",  # noqa: S106
        eos_token="[SEP]",  # noqa: S106
        model_max_length=64,
    )


@pytest.fixture(scope="session")
def reader(tiny_tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """A folder with a BERT-class encoder of random weights; `kind` names another class, such as Ernie."""

    def make(kind: str = "Bert", seed: int = 0, **config: object) -> Path:
        import torch  # noqa: PLC0415
        import transformers  # noqa: PLC0415

        torch.manual_seed(seed)
        sizes: dict[str, Any] = {
            "vocab_size": len(tiny_tokenizer),
            "hidden_size": 16,
            "num_hidden_layers": 2,
            "num_attention_heads": 2,
            "intermediate_size": 32,
            "max_position_embeddings": 64,
            "pad_token_id": 0,
        }
        model = getattr(transformers, f"{kind}Model")(getattr(transformers, f"{kind}Config")(**(sizes | config)))
        folder = tmp_path_factory.mktemp("checkpoints") / f"tiny-{kind.lower()}"
        model.save_pretrained(folder)
        tiny_tokenizer.save_pretrained(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def seq2seq_writer(tiny_tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A BART that has learned LESSONS by heart."""
    import transformers  # noqa: PLC0415

    size = len(tiny_tokenizer)
    config = transformers.BartConfig(
        vocab_size=size,
        d_model=32,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=2,
        decoder_attention_heads=2,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        max_position_embeddings=64,
        dropout=0.0,
        pad_token_id=0,
        bos_token_id=2,
        eos_token_id=3,
        decoder_start_token_id=3,
        forced_eos_token_id=None,
    )
    pairs = [(tiny_tokenizer(asked)["input_ids"], tiny_tokenizer(told)["input_ids"]) for asked, told in LESSONS]
    folder = tmp_path_factory.mktemp("checkpoints") / "tiny-bart"
    return _taught(transformers.BartForConditionalGeneration, config, pairs, tiny_tokenizer, folder)


@pytest.fixture(scope="session")
def causal_writer(tiny_tokenizer: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A GPT-2 that has learned LESSONS by heart."""
    import transformers  # noqa: PLC0415

    config = transformers.GPT2Config(
        vocab_size=len(tiny_tokenizer),
        n_positions=64,
        n_embd=32,
        n_layer=1,
        n_head=2,
        resid_pdrop=0.0,
        embd_pdrop=0.0,
        attn_pdrop=0.0,
        bos_token_id=2,
        eos_token_id=3,
        pad_token_id=0,
    )
    pairs = []
    for asked, told in LESSONS:
        begin = tiny_tokenizer(asked)["input_ids"][:-1]
        whole = begin + tiny_tokenizer(told)["input_ids"][1:]
        pairs.append((whole, [*[-100] * len(begin), *whole[len(begin) :]]))
    folder = tmp_path_factory.mktemp("checkpoints") / "tiny-gpt2"
    return _taught(transformers.GPT2LMHeadModel, config, pairs, tiny_tokenizer, folder)


def _taught(kind: Any, config: Any, pairs: Sequence[tuple[list[int], list[int]]], tokenizer: Any, folder: Path) -> Path:
    import torch  # noqa: PLC0415

    torch.manual_seed(0)
    torch.set_num_threads(1)  # so small a model only waits for other threads
    model = kind(config).train()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    for _ in range(60):
        for asked, told in pairs:
            optimizer.zero_grad()
            model(input_ids=torch.tensor([asked]), labels=torch.tensor([told])).loss.backward()
            optimizer.step()
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder
