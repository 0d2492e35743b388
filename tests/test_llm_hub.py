"""Models of `transformers`, tiny and random, held against the decoder of this package."""

from __future__ import annotations

import json
from itertools import islice
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer, decoders
from tokenizers.models import BPE, WordPiece
from transformers import (
    CohereConfig,
    CohereForCausalLM,
    Gemma2Config,
    Gemma2ForCausalLM,
    GraniteConfig,
    GraniteForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MambaConfig,
    MambaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
)

from llm.engine import Message, Sampling
from llm.errors import WeightsUnreadable, WeightsUnsupported
from llm.gguf import read
from llm.hub import load
from llm.local import LocalChat, LocalModel
from llm.tokenizer import TextStream, TextTokenizer
from tests.tiny_model import (
    CHATML,
    CONTROL,
    PIECES,
    SHAPE,
    RandomModel,
    random_llama,
    random_qwen2,
    tiny_model,
    write_gguf,
)

SYSTEM = "Be kind."
SHORT = Sampling(max_tokens=12)
END = PIECES.index(CONTROL[1])
SHORT_WINDOW = {"sliding_window": 8, "layer_types": ["sliding_attention", "full_attention"], "head_dim": 8}


def saved(model: PreTrainedModel, folder: Path, template: str = CHATML) -> str:
    """Write the model as `transformers` expects it, with the tokenizer of the tiny GGUF files."""
    assert model.generation_config is not None
    model.generation_config.eos_token_id = END
    model.save_pretrained(folder)
    tokenizer = read(write_gguf(random_qwen2(), folder / "tiny.gguf"), int8=False).tokenizer_json
    (folder / "tokenizer.json").write_text(tokenizer, encoding="utf-8")
    about = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": CONTROL[1], "bos_token": CONTROL[0]}
    (folder / "tokenizer_config.json").write_text(json.dumps(about), encoding="utf-8")
    if template:
        (folder / "chat_template.jinja").write_text(template, encoding="utf-8")
    return str(folder)


def random(family: type[PreTrainedModel], config: type, **shape: Any) -> PreTrainedModel:
    torch.manual_seed(3)
    return family(config(**SHAPE | shape))


@pytest.fixture(params=[random_llama, random_qwen2], ids=["llama", "qwen2"])
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[LocalModel, LocalModel]:
    model: RandomModel = request.param()
    return tiny_model(tmp_path, model=model), load(saved(model, tmp_path), threads=1)


def say(chat: LocalChat, user_text: str | None, tokens: int = 12) -> str:
    return "".join(token.text for token in islice(chat.reply(user_text, SHORT), tokens))


def test_its_answers_are_those_of_our_own_decoder_token_for_token(
    pair: tuple[LocalModel, LocalModel],
) -> None:
    own, hub = (model.chat(SYSTEM) for model in pair)
    for question in ("Hello?", "Tell me of the sea", "And then?"):
        expected, found = list(own.reply(question, SHORT)), list(hub.reply(question, SHORT))
        assert [(token.id, token.text) for token in found] == [(token.id, token.text) for token in expected]
        assert [token.boundary for token in found] == pytest.approx(
            [each.boundary for each in expected], abs=1e-4
        )
        assert hub.turn_over == pytest.approx(own.turn_over, abs=1e-4)
        own.commit()
        hub.commit()
    assert hub.history == own.history


def test_no_position_is_computed_twice_within_a_turn_across_turns_or_after_an_interruption(
    pair: tuple[LocalModel, LocalModel],
) -> None:
    own, hub = (model.chat(SYSTEM) for model in pair)
    for chat in (own, hub):
        assert chat.prefill("Tell me of") > 0
        assert chat.prefill("Tell me of") == 0
        said = say(chat, "Tell me of the sea", 8)
        chat.commit(said[: len(said) // 2])
    assert hub.history == own.history
    frame = len(pair[1].template.frame(["user"])[-1])
    assert hub.prefill("Go on") == own.prefill("Go on") < frame * 2 + len("Go on") + 3
    assert say(hub, "Go on") == say(own, "Go on")


def test_conversations_share_what_their_system_text_computed_and_may_answer_by_turns(tmp_path: Path) -> None:
    model = load(saved(random_llama(), tmp_path), threads=1)
    alone = [say(model.chat(SYSTEM), question) for question in ("One?", "Two?")]
    first, second = model.chat(SYSTEM), model.chat(SYSTEM)
    assert first.prefill("One?") == second.prefill("Two?")
    together = zip(first.reply("One?", SHORT), second.reply("Two?", SHORT), strict=True)
    assert ["".join(token.text for token in answer) for answer in zip(*together, strict=True)] == alone


def recomputed(model: PreTrainedModel, ids: list[int], tokens: int) -> list[int]:
    """Answer without a cache, by the whole model's own forward pass."""
    answer: list[int] = []
    while len(answer) < tokens:
        with torch.inference_mode():
            answer.append(int(model(input_ids=torch.tensor([ids + answer])).logits[0, -1].argmax()))
    return answer


@pytest.mark.parametrize(
    ("family", "config", "shape"),
    [
        (LlamaForCausalLM, LlamaConfig, {}),
        (MistralForCausalLM, MistralConfig, {"sliding_window": 8}),
        (Gemma2ForCausalLM, Gemma2Config, SHORT_WINDOW | {"final_logit_softcapping": 0.5}),
        (CohereForCausalLM, CohereConfig, {"logit_scale": 0.25}),
        (GraniteForCausalLM, GraniteConfig, {"logits_scaling": 4.0}),
    ],
)
def test_what_follows_an_interruption_is_what_the_whole_model_says_to_the_words_heard(
    family: type[PreTrainedModel], config: type, shape: dict[str, Any], tmp_path: Path
) -> None:
    model = random(family, config, **shape)
    hub = load(saved(model, tmp_path), device="cpu", dtype=torch.float32, threads=1)
    hub.chat(SYSTEM).close()
    chat = hub.chat(SYSTEM)  # begins with a copy of what the first one computed
    for question, tokens in (("Tell me of the sea", 9), ("Go on", 6)):
        prompt = chat._dialogue.prompt(chat._dialogue.turn("user", question), 400).ids
        found = list(islice(chat.reply(question, SHORT), tokens))
        assert [token.id for token in found] == recomputed(model, prompt, len(found))
        chat.commit("".join(token.text for token in found[:3]))


def test_a_model_with_a_state_that_cannot_go_back_is_refused(tmp_path: Path) -> None:
    folder = saved(random(MambaForCausalLM, MambaConfig, state_size=4), tmp_path)
    with pytest.raises(WeightsUnsupported, match="MambaForCausalLM keeps more than keys and values"):
        load(folder, threads=1)


def test_the_weights_own_end_of_an_answer_ends_it(tmp_path: Path) -> None:
    model = random_llama()
    first = next(load(saved(model, tmp_path), threads=1).chat(SYSTEM).reply("Hello?", SHORT)).id
    about = json.loads((tmp_path / "generation_config.json").read_text(encoding="utf-8"))
    about["eos_token_id"] = [END, first]
    (tmp_path / "generation_config.json").write_text(json.dumps(about), encoding="utf-8")
    assert say(load(str(tmp_path), threads=1).chat(SYSTEM), "Hello?") == ""


def test_the_template_knows_the_names_it_expects_and_asks_for_no_thoughts(tmp_path: Path) -> None:
    template = (
        "{{ bos_token }}{% if enable_thinking is defined and not enable_thinking %}he{% endif %}" + CHATML
    )
    model = load(saved(random_llama(), tmp_path, template), threads=1)
    assert model.template.frame(["user"])[0][:2] == (PIECES.index(CONTROL[0]), PIECES.index("he"))


def test_weights_without_a_chat_template_are_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsUnsupported, match="no chat template"):
        load(saved(random_llama(), tmp_path, template=""), threads=1)


def test_a_folder_that_holds_no_model_or_half_of_one_is_told(tmp_path: Path) -> None:
    with pytest.raises(WeightsUnsupported, match=f"transformers cannot run '{tmp_path}'"):
        load(str(tmp_path), threads=1)
    saved(random_llama(), tmp_path)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(WeightsUnreadable, match=f"'{tmp_path}' cannot be read"):
        load(str(tmp_path), threads=1)


def test_the_pieces_of_sentencepiece_become_bytes() -> None:
    vocabulary = {"<s>": 0, "▁the": 1, "<0xE5>": 2, "<0xA4>": 3, "<0xB4>": 4, "é": 5}
    tokenizer = Tokenizer(BPE(vocabulary, [], byte_fallback=True))
    replaced = decoders.Replace("▁", " ")
    tokenizer.decoder = decoders.Sequence([replaced, decoders.ByteFallback(), decoders.Fuse()])
    tokenizer.add_special_tokens(["<s>"])
    stream = TextStream(TextTokenizer(tokenizer.to_str(), [0]))
    assert [stream.push(id) for id in range(6)] == ["<s>", " the", "", "", "头", "é"]


def test_a_tokenizer_of_another_kind_is_refused() -> None:
    tokenizer = Tokenizer(WordPiece({"[UNK]": 0}, unk_token="[UNK]"))
    tokenizer.decoder = decoders.WordPiece()
    with pytest.raises(WeightsUnsupported, match="byte-level BPE and SentencePiece are known"):
        TextTokenizer(tokenizer.to_str(), [])


def test_a_typed_message_is_part_of_the_dialogue(tmp_path: Path) -> None:
    chat = load(saved(random_llama(), tmp_path), threads=1).chat("")
    chat.add(Message("user", "Hello?"))
    assert len(list(chat.reply(None, SHORT))) == SHORT.max_tokens
