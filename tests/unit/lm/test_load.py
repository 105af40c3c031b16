from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from lm import load
from lm.generators import generate_named
from lm.protocols import Prompt

TEMPLATES = {"recommend": {"en": ["Look at {title}."]}}
PROMPT = Prompt("recommend", "en", "Recommend.", {"title": "a kettle"})


def in_a_new_process(program: str) -> str:
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return run.stdout.strip()


def test_the_static_encoder_is_found_by_its_name() -> None:
    assert load.encoder(" static ").space.startswith("static-en-zh-256@")


async def test_templates_write_without_any_engine() -> None:
    engine = load.generator("template", TEMPLATES)
    assert (await engine.generate(PROMPT, n=1, seed=0))[0].text == "Look at a kettle."
    await engine.aclose()


async def test_templates_stand_behind_a_server_that_is_away() -> None:
    engine = load.generator("openai:http://127.0.0.1:9#some-model", TEMPLATES, key="k")
    made = await generate_named(engine, PROMPT, n=1, seed=0)
    await engine.aclose()
    assert engine.name == "openai:some-model, else template"
    assert made.engine == "template"
    assert made.reason is not None
    assert made.reason.startswith("openai:some-model: 127.0.0.1:9")


@pytest.mark.parametrize("spec", ["", "word2vec", "static:x", "deep", "deep:", "openai:http://x#y"])
def test_an_unknown_encoder_is_refused_with_what_may_be_written(spec: str) -> None:
    with pytest.raises(ValueError, match=r"is unknown; write `static`, `deep:<folder or hub name>`"):
        load.encoder(spec)


@pytest.mark.parametrize("spec", ["", "gpt", "template:x", "deep:", "openai:", "openai:http://x", "openai:#m"])
def test_an_unknown_generator_is_refused_with_what_may_be_written(spec: str) -> None:
    with pytest.raises(ValueError, match=r"is unknown; write `template`, `openai:<base url>#<model>`"):
        load.generator(spec, TEMPLATES)


@pytest.mark.parametrize("make", ["encoder('deep:x')", "generator('deep:x', {})"])
def test_without_the_deep_extra_one_is_told_how_to_install_it(make: str) -> None:
    told = in_a_new_process(
        "import sys; sys.modules['torch'] = None\n"
        f"from lm.load import encoder, generator\ntry: {make}\nexcept ValueError as error: print(error)"
    )
    assert told.endswith("install them with: pip install 'attune-lm[deep]'")


def test_nothing_but_the_deep_extra_imports_torch() -> None:
    told = in_a_new_process(
        "import sys, lm, lm.language, lm.lexical, lm.lexicon, lm.static, lm.generators, lm.load\n"
        "lm.load.encoder('static').encode(['hello', '水壶']); lm.load.generator('template', {})\n"
        "print(sorted({'torch', 'transformers', 'huggingface_hub'} & sys.modules.keys()))"
    )
    assert told == "[]"


def test_an_encoder_alone_opens_no_client_of_servers() -> None:
    assert in_a_new_process("import sys, lm.load; lm.load.encoder('static'); print('httpx' in sys.modules)") == "False"


def test_a_folder_may_have_an_at_sign_in_its_name(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the deep extra is not installed")
    folder = tmp_path / "model@home"
    folder.mkdir()
    with pytest.raises(ValueError, match=r"model@home' holds no model"):
        load.encoder(f"deep:{folder}")


def test_the_snippet_of_the_readme_runs() -> None:
    readme = Path(load.__file__).parents[1] / "README.md"
    space, likeness = in_a_new_process(readme.read_text("utf-8").split("```python\n")[1].split("```")[0]).split()
    assert space == load.encoder("static").space
    assert float(likeness) > 0.4
