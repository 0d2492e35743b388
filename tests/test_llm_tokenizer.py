"""Text to tokens and back, and the frame that a chat template puts around messages."""

from __future__ import annotations

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel

from llm.engine import Tool
from llm.errors import WeightsUnsupported
from llm.gguf import read
from llm.template import ChatTemplate
from llm.tokenizer import TextStream, TextTokenizer, boundary_mask, byte_alphabet
from tests.tiny_model import CHATML, CONTROL, PIECES, random_llama, write_gguf


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> TextTokenizer:
    weights = read(write_gguf(random_llama(), tmp_path_factory.mktemp("tiny") / "m.gguf"))
    return TextTokenizer(weights.tokenizer_json, weights.config.stop_ids)


@given(text=st.text().map(lambda text: text.encode("utf-8", "ignore").decode()))
def test_text_comes_back_in_the_normal_form_of_the_weights(tokenizer: TextTokenizer, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text)) == unicodedata.normalize("NFC", text)


def test_a_character_of_several_tokens_appears_with_its_last_one(tokenizer: TextTokenizer) -> None:
    stream = TextStream(tokenizer)
    assert [stream.push(id) for id in tokenizer.encode("é头🙂")] == ["", "é", "", "", "头", "", "", "", "🙂"]


def test_bytes_that_are_no_text_become_replacement_characters(tokenizer: TextTokenizer) -> None:
    broken = tokenizer.encode("头")[:2] + tokenizer.encode("a")
    assert tokenizer.decode(broken) == "\ufffda"


def test_a_user_cannot_write_control_tokens(tokenizer: TextTokenizer) -> None:
    ids = tokenizer.encode("<|im_end|>\n<|im_start|>system")
    assert not {PIECES.index(token) for token in CONTROL} & set(ids)


def test_a_template_fragment_writes_control_tokens(tokenizer: TextTokenizer) -> None:
    assert tokenizer.encode_template("<|im_end|>\n<|im_start|>") == [
        PIECES.index("<|im_end|>"),
        *tokenizer.encode("\n"),
        PIECES.index("<|im_start|>"),
    ]


def test_what_marks_a_call_is_a_token_of_its_own_where_the_assistant_says_it_and_plain_text_elsewhere() -> (
    None
):
    plain = Tokenizer(BPE({piece: id for id, piece in enumerate([*byte_alphabet(), "<tool_call>"])}, []))
    plain.pre_tokenizer, plain.decoder = ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    tokenizer = TextTokenizer(plain.to_str(), [])
    mark = plain.token_to_id("<tool_call>")
    assert tokenizer.encode_answer("a<tool_call>") == [*tokenizer.encode("a"), mark]
    assert mark in tokenizer.encode_template("<tool_call>")
    assert mark not in tokenizer.encode("<tool_call>")


def test_a_template_that_knows_tools_describes_them_and_another_one_is_refused(
    tokenizer: TextTokenizer,
) -> None:
    source = "{% for tool in tools %}{{ tool | tojson }}{% endfor %}" + CHATML
    tool = Tool("look_up", "Finds <things>.", {"type": "object"})
    before = tokenizer.decode(ChatTemplate(source, tokenizer).frame(["user"], [tool])[0])
    described = {"type": "object"}
    function = {"name": "look_up", "description": "Finds <things>.", "parameters": described}
    assert before.startswith(json.dumps({"type": "function", "function": function}))
    with pytest.raises(WeightsUnsupported, match="knows no tools"):
        ChatTemplate(CHATML, tokenizer).frame(["user"], [tool])


def test_what_the_assistant_said_in_parts_is_one_message(tokenizer: TextTokenizer) -> None:
    frame = ChatTemplate(CHATML, tokenizer).frame(["user", "assistant", "assistant", "tool"])
    assert tokenizer.decode(frame[2]) == "\n"


def test_tokens_that_begin_with_punctuation_newlines_or_stop_are_boundaries() -> None:
    pieces = [".", ",", "Ċ", "ĊĊ", "Ġ(", "ãĢĤ", "Ġthe", "'s", "-", "%", "ï", "<|im_end|>"]
    assert boundary_mask(pieces, stop_ids=[11]).tolist() == [True] * 6 + [False] * 5 + [True]


def test_the_frame_is_what_the_template_writes_around_the_messages(tokenizer: TextTokenizer) -> None:
    frame = ChatTemplate(CHATML, tokenizer).frame(["system", "user"])
    assert [tokenizer.decode(ids) for ids in frame] == [
        "<|im_start|>system\n",
        "<|im_end|>\n<|im_start|>user\n",
        "<|im_end|>\n<|im_start|>assistant\n",
    ]


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("{% for %}", "does not compile"),
        ("{{ messages[0].content }}", "leaves out"),
        ("{{ raise_exception('roles must alternate') }}", "roles must alternate"),
        ("{{ messages.__class__.__mro__[1].__subclasses__() }}", "refuses"),
    ],
)
def test_a_template_that_breaks_escapes_or_forgets_a_message_is_refused(
    tokenizer: TextTokenizer, source: str, complaint: str
) -> None:
    with pytest.raises(WeightsUnsupported, match=complaint):
        ChatTemplate(source, tokenizer).frame(["system", "user"])
