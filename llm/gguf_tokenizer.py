"""A byte-level BPE tokenizer from GGUF metadata to the `tokenizers` package."""

from __future__ import annotations

from dataclasses import dataclass

from gguf import TokenType
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers
from tokenizers.normalizers import Normalizer
from tokenizers.pre_tokenizers import PreTokenizer

from llm.errors import WeightsUnsupported
from llm.gguf_metadata import Metadata

# How Qwen2 splits text before BPE, from its tokenizer.json.
QWEN2_SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@dataclass(frozen=True, slots=True)
class GgufTokenizer:
    """What the layout keeps of a tokenizer."""

    json: str
    pieces: list[str]  # byte-level, by id
    stop_ids: tuple[int, ...]  # the control tokens


def read_tokenizer(metadata: Metadata) -> GgufTokenizer:
    """Build the tokenizer. Raises WeightsUnsupported for other kinds than byte-level BPE of a known split."""
    if (kind := metadata.text("tokenizer.ggml.model")) != "gpt2":
        raise WeightsUnsupported(f"the tokenizer is of kind {kind!r}; byte-level BPE ('gpt2') is known")
    normalizer, split = _split(metadata.text("tokenizer.ggml.pre"))
    pieces, types = metadata.texts("tokenizer.ggml.tokens"), metadata.integers("tokenizer.ggml.token_type")
    merges = [tuple(merge.split(" ")) for merge in metadata.texts("tokenizer.ggml.merges")]
    tokenizer = Tokenizer(models.BPE({piece: id for id, piece in enumerate(pieces)}, merges))  # type: ignore[arg-type]
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    tokenizer.pre_tokenizer = split
    tokenizer.decoder = decoders.ByteLevel()
    control = [id for id, type in enumerate(types) if type == TokenType.CONTROL]
    tokenizer.add_special_tokens([AddedToken(pieces[id], normalized=False) for id in control])
    return GgufTokenizer(tokenizer.to_str(), pieces, tuple(control))


def _split(name: str) -> tuple[Normalizer | None, PreTokenizer]:
    """Return the normaliser and the split before BPE that GGUF calls `name`."""
    byte_level = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=name != "qwen2")
    match name:
        case "qwen2":
            split = pre_tokenizers.Split(Regex(QWEN2_SPLIT), "isolated")
            return normalizers.NFC(), pre_tokenizers.Sequence([split, byte_level])
        case "smollm":
            return None, pre_tokenizers.Sequence([pre_tokenizers.Digits(individual_digits=True), byte_level])
        case _:
            raise WeightsUnsupported(f"the tokenizer splits text as {name!r}; known are qwen2 and smollm")
