"""The tokenizers and chat templates of `transformers`, as this package reads them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable

from transformers import PreTrainedTokenizerBase

from llm.errors import WeightsUnsupported
from llm.tokenizer import ALPHABET, TextTokenizer

SPACE = "▁"  # how SentencePiece writes a space (arXiv:1808.06226)
BYTE = re.compile("<0x([0-9A-F]{2})>")  # and a byte of a character that its vocabulary does not have
CHARACTERS = {byte: char for char, byte in ALPHABET.items()}
# A reader of thoughts is no listener: where a template can, it asks for an answer without them.
PRELUDE = "{% set enable_thinking = false %}"


class HubTokenizer(TextTokenizer):
    """Byte-level BPE as it is, or SentencePiece's pieces in the byte-level alphabet. Thread-safe.

    Raises WeightsUnsupported for other kinds.
    """

    def __init__(self, tokenizer_json: str, stop_ids: Iterable[int]) -> None:
        self._byte_level = _is_byte_level(tokenizer_json)
        self._control_ids = frozenset(stop_ids)
        super().__init__(tokenizer_json, self._control_ids)

    def piece(self, id: int) -> str:
        """Return the byte-level piece of a token; a control token's own text."""
        piece = super().piece(id)
        if self._byte_level or id in self._control_ids:
            return piece
        if byte := BYTE.fullmatch(piece):
            return CHARACTERS[int(byte[1], 16)]
        return "".join(CHARACTERS[byte] for byte in piece.replace(SPACE, " ").encode())


def _is_byte_level(tokenizer_json: str) -> bool:
    """Tell by its decoder how the pieces of a tokenizer are written."""
    decoder = json.loads(tokenizer_json)["decoder"] or {}
    parts = decoder.get("decoders", [decoder])
    kinds = {part.get("type") for part in parts}
    if "ByteLevel" in kinds:
        return True
    if kinds & {"Metaspace", "ByteFallback"} or {"String": SPACE} in [part.get("pattern") for part in parts]:
        return False
    raise WeightsUnsupported(
        f"the tokenizer joins its pieces by {kinds}; byte-level BPE and SentencePiece are known"
    )


def tokenizer_json(tokenizer: PreTrainedTokenizerBase) -> str:
    """Return what the `tokenizers` package reads. Raises WeightsUnsupported if it is in plain Python."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:
        raise WeightsUnsupported(f"{type(tokenizer).__name__} has no tokenizer.json")
    return str(backend.to_str())


def control_ids(tokenizer: PreTrainedTokenizerBase) -> set[int]:
    """Return the ids of the control tokens."""
    return {id for id, token in tokenizer.added_tokens_decoder.items() if token.special}


def template_source(tokenizer: PreTrainedTokenizerBase) -> str:
    """Return the chat template with the names it expects. Raises WeightsUnsupported if there is none."""
    try:
        source = tokenizer.get_chat_template()
    except ValueError as error:
        raise WeightsUnsupported(
            "the weights bring no chat template: take those of an instruct model"
        ) from error
    tokens = {name: text for name, text in tokenizer.special_tokens_map.items() if isinstance(text, str)}
    names = "".join(f"{{% set {name} = {json.dumps(text)} %}}" for name, text in tokens.items())
    return names + PRELUDE + str(source)
