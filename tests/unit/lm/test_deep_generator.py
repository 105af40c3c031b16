from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="the deep extra is not installed")
pytest.importorskip("transformers", reason="the deep extra is not installed")

from lm import load
from lm.deep import LocalGenerator
from lm.generators import generate_named
from lm.protocols import Candidate, GenerationFailed, Prompt

KETTLE = Prompt("recommend", "en", "write in one line", {"title": "red kettle"})
TEMPLATES = {"recommend": {"en": ["Look at {title}."]}}


@pytest.fixture(scope="module", params=["seq2seq_writer", "causal_writer"])
def folder(request: pytest.FixtureRequest) -> Path:
    made: Path = request.getfixturevalue(request.param)
    return made


@pytest.fixture
async def writer(folder: Path) -> AsyncIterator[LocalGenerator]:
    made = LocalGenerator(str(folder), max_tokens=16)
    yield made
    await made.aclose()


def per_token(candidate: Candidate) -> float:
    assert candidate.log_prob is not None
    assert candidate.tokens
    return candidate.log_prob / candidate.tokens


async def test_a_model_writes_what_it_has_learned(writer: LocalGenerator) -> None:
    best = (await writer.generate(KETTLE, n=1, seed=0))[0]
    assert best.text == "the red kettle boils fast"


async def test_chinese_is_written_without_spaces(seq2seq_writer: Path) -> None:
    writer = LocalGenerator(str(seq2seq_writer), max_tokens=16)
    best = (await writer.generate(Prompt("recommend", "zh", "写一句", {"标题": "红色水壶"}), n=1, seed=0))[0]
    await writer.aclose()
    assert best.text == "水壶烧得很快"


async def test_the_likelihood_is_that_of_the_model(folder: Path, writer: LocalGenerator, tiny_tokenizer: Any) -> None:
    import torch  # noqa: PLC0415
    import transformers  # noqa: PLC0415

    asked = tiny_tokenizer("write in one line\ntitle: red kettle")["input_ids"]
    told = tiny_tokenizer("the red kettle boils fast")["input_ids"]
    with torch.inference_mode():
        if "bart" in folder.name:
            model = transformers.BartForConditionalGeneration.from_pretrained(folder).eval()
            loss = model(input_ids=torch.tensor([asked]), labels=torch.tensor([told])).loss  # [CLS] counts in it
            total = -float(loss) * len(told)
            logits = model(input_ids=torch.tensor([asked]), decoder_input_ids=torch.tensor([[3]])).logits[0, 0]
            total -= float(torch.log_softmax(logits, 0)[2])  # and does not in ours: every text begins with it
        else:
            model = transformers.GPT2LMHeadModel.from_pretrained(folder).eval()
            whole, begin = asked[:-1] + told[1:], len(asked) - 1
            labels = [*[-100] * begin, *whole[begin:]]
            total = -float(model(input_ids=torch.tensor([whole]), labels=torch.tensor([labels])).loss) * len(told[1:])
    best = (await writer.generate(KETTLE, n=1, seed=0))[0]
    assert best.tokens == len(told) - 1  # five words and the end
    assert best.log_prob == pytest.approx(total, abs=1e-3)
    assert best.log_prob > -1


async def test_several_texts_are_different_and_the_likeliest_comes_first(writer: LocalGenerator) -> None:
    found = await writer.generate(KETTLE, n=6, seed=0)
    assert 1 < len({candidate.text for candidate in found}) == len(found) <= 6
    assert [*map(per_token, found)] == sorted(map(per_token, found), reverse=True)


async def test_the_same_prompt_gives_the_same_texts_whatever_the_seed(writer: LocalGenerator) -> None:
    assert await writer.generate(KETTLE, n=3, seed=1) == await writer.generate(KETTLE, n=3, seed=2)


async def test_prompts_at_the_same_time_do_not_mix(writer: LocalGenerator) -> None:
    lamp = Prompt("recommend", "en", "write in one line", {"title": "lamp"})
    found = await asyncio.gather(*(writer.generate(prompt, n=1, seed=0) for prompt in [KETTLE, lamp] * 4))
    texts = [candidates[0].text for candidates in found]
    assert texts == ["the red kettle boils fast", "warm and soft light"] * 4


async def test_texts_that_are_too_long_are_left_out(writer: LocalGenerator) -> None:
    short = Prompt("recommend", "en", "write in one line", {"title": "red kettle"}, max_chars=3)
    with pytest.raises(GenerationFailed, match=r"of more than 3 characters|unfinished"):
        await writer.generate(short, n=1, seed=0)


async def test_a_text_that_the_limit_cuts_is_left_out(folder: Path) -> None:
    hasty = LocalGenerator(str(folder), max_tokens=2)
    with pytest.raises(GenerationFailed, match="1 unfinished"):
        await hasty.generate(KETTLE, n=1, seed=0)
    await hasty.aclose()


async def test_a_prompt_longer_than_the_model_reads_fails_and_is_not_cut(writer: LocalGenerator) -> None:
    long = Prompt("recommend", "en", "write in one line", {"title": "red kettle " * 100})
    with pytest.raises(GenerationFailed, match=r"the prompt has \d+ tokens, the model reads \d+ at most"):
        await writer.generate(long, n=1, seed=0)


async def test_no_time_is_said_so_and_the_next_prompt_is_answered(folder: Path) -> None:
    impatient = LocalGenerator(str(folder), timeout=timedelta(0))
    with pytest.raises(GenerationFailed, match="no text within 0 s"):
        await impatient.generate(KETTLE, n=1, seed=0)
    await impatient.aclose()


@pytest.mark.parametrize("n", [0, 17])
async def test_a_number_of_texts_out_of_range_is_refused(writer: LocalGenerator, n: int) -> None:
    with pytest.raises(ValueError, match="ask for 1 to 16 texts"):
        await writer.generate(KETTLE, n=n, seed=0)


async def test_a_chat_model_is_spoken_to_as_it_was_taught(causal_writer: Path, tmp_path: Path) -> None:
    chat = Path(shutil.copytree(causal_writer, tmp_path / "chat"))
    template = "[CLS]{% for message in messages %}{{ message.role }} : {{ message.content[:20] }}\n{% endfor %}"
    (chat / "chat_template.jinja").write_text(template, "utf-8")
    writer = LocalGenerator(str(chat), max_tokens=16)
    read = writer._reader.ids(KETTLE, room=16, engine="test")
    await writer.aclose()
    words = writer._tokenizer.decode(read)
    assert words.startswith("[CLS]")
    assert words.count("[CLS]") == 1
    assert "write in one line" in words


def test_a_model_that_only_reads_is_refused(reader: Callable[..., Path]) -> None:
    with pytest.raises(ValueError, match="BertModel, which reads but does not write"):
        LocalGenerator(str(reader()))


async def test_the_name_says_which_model_wrote(folder: Path) -> None:
    engine = load.generator(f"deep:{folder}", TEMPLATES)
    made = await generate_named(engine, KETTLE, n=1, seed=0)
    await engine.aclose()
    assert made.engine.startswith(f"deep:{folder.name}@")
    assert made.reason is None


async def test_templates_stand_behind_a_model_that_fails(folder: Path) -> None:
    engine = load.generator(f"deep:{folder}", TEMPLATES)
    long = Prompt("recommend", "en", "write in one line", {"title": "red kettle " * 100})
    made = await generate_named(engine, long, n=1, seed=0)
    await engine.aclose()
    assert made.engine == "template"
    assert made.reason is not None
    assert "tokens, the model reads" in made.reason
