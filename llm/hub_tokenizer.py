"""The tokenizers and chat templates of `transformers`, as this package reads them."""

from __future__ import annotations

from transformers import PreTrainedTokenizerBase

from llm.errors import WeightsUnsupported
from llm.template import with_names


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
    return with_names(str(source), tokens)
