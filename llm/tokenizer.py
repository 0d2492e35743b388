"""Text to token ids and back."""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterable, Sequence

import torch
from tokenizers import Tokenizer
from torch import Tensor

from llm.errors import WeightsUnsupported

# A token that begins with one of these, after a space or not, ends the phrase before it.
BOUNDARY_MARKS = ".,;:!?…—–(\n。，、；：！？（"
# Tokens of their own where a model was trained to call tools (Qwen, Hermes), plain text elsewhere.
TOOL_MARKS = ("<tool_call>", "</tool_call>", "<tool_response>", "</tool_response>")


def byte_alphabet() -> dict[str, int]:
    """Map the characters of byte-level pieces to the bytes they stand for (GPT-2's `bytes_to_unicode`)."""
    plain = [*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1)]
    other = [byte for byte in range(256) if byte not in plain]
    return {chr(byte): byte for byte in plain} | {chr(256 + i): byte for i, byte in enumerate(other)}


ALPHABET = byte_alphabet()
CHARACTERS = {byte: char for char, byte in ALPHABET.items()}
SPACE = "▁"  # how SentencePiece writes a space (arXiv:1808.06226)
BYTE = re.compile("<0x([0-9A-F]{2})>")  # and a byte of a character that its vocabulary does not have


def piece_bytes(piece: str) -> bytes:
    """Return the bytes of one byte-level piece (of an added token: those of its text)."""
    return b"".join(bytes([ALPHABET[char]]) if char in ALPHABET else char.encode() for char in piece)


def boundary_mask(pieces: Sequence[str], stop_ids: Iterable[int]) -> Tensor:
    """Mark the tokens that end the phrase before them, among all `pieces` of the vocabulary: bool [V]."""
    marks = tuple(mark.encode() for mark in BOUNDARY_MARKS)
    mask = torch.tensor([piece_bytes(piece).lstrip(b" ").startswith(marks) for piece in pieces])
    mask[list(stop_ids)] = True
    return mask


class TextTokenizer:
    """A tokenizer whose control tokens cannot be written by a user. Thread-safe.

    Byte-level BPE, or SentencePiece, whose pieces it tells in the byte-level alphabet.
    """

    def __init__(self, tokenizer_json: str, stop_ids: Iterable[int]) -> None:
        """Raises WeightsUnsupported for other kinds."""
        self._byte_level = _is_byte_level(tokenizer_json)
        self._control_ids = frozenset(stop_ids)
        self._tokenizer = Tokenizer.from_str(tokenizer_json)
        self._tokenizer.encode_special_tokens = True  # control tokens in a text are plain characters
        self._control = {self.piece(id): id for id in self._control_ids}
        known = ((mark, self._tokenizer.token_to_id(mark)) for mark in TOOL_MARKS)
        self._marks = {mark: id for mark, id in known if id is not None}

    def encode(self, text: str) -> list[int]:
        """Return the ids of what somebody said."""
        return self._tokenizer.encode(text, add_special_tokens=False).ids

    def encode_answer(self, text: str) -> list[int]:
        """Return the ids of what the assistant said, calls of tools among it."""
        return self._encode_around(self._marks, text)

    def encode_template(self, fragment: str) -> list[int]:
        """Return the ids of a piece of chat template, where control tokens mean themselves."""
        return self._encode_around(self._control | self._marks, fragment)

    def _encode_around(self, whole: dict[str, int], text: str) -> list[int]:
        """Encode text in which the tokens `whole`, by their pieces, stand for themselves."""
        pattern = "(" + "|".join(map(re.escape, whole)) + ")"
        ids: list[int] = []
        for part in filter(None, re.split(pattern, text) if whole else [text]):
            ids += [whole[part]] if part in whole else self.encode(part)
        return ids

    def piece(self, id: int) -> str:
        """Return the byte-level piece of a token, a control token's own text; "" for ids that only pad."""
        piece = self._tokenizer.id_to_token(id) or ""
        if self._byte_level or id in self._control_ids:
            return piece
        if byte := BYTE.fullmatch(piece):
            return CHARACTERS[int(byte[1], 16)]
        return "".join(CHARACTERS[byte] for byte in piece.replace(SPACE, " ").encode())

    def decode(self, ids: Iterable[int]) -> str:
        """Return the text of the tokens, without a last character that is not complete."""
        stream = TextStream(self)
        return "".join(map(stream.push, ids))


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


class TextStream:
    """Turns tokens into text as they come: a character of several tokens appears with its last one."""

    def __init__(self, tokenizer: TextTokenizer) -> None:
        self._tokenizer = tokenizer
        self._utf8 = codecs.getincrementaldecoder("utf-8")(errors="replace")

    def push(self, id: int) -> str:
        """Take one token; returns the text that is now complete."""
        return self._utf8.decode(piece_bytes(self._tokenizer.piece(id)))
