"""Any causal language model that `transformers` can load, in the conversations of `llm.local`.

Slower than the decoder of this package where that knows the model; the way for those that it does not.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors import SafetensorError
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

from llm.errors import WeightsUnreadable, WeightsUnsupported
from llm.hub_network import HubNetwork
from llm.hub_tokenizer import control_ids, template_source, tokenizer_json
from llm.local import CONTEXT, LocalModel
from llm.prefixes import PrefixStore
from llm.scheduler import Scheduler
from llm.template import ChatTemplate
from llm.tokenizer import TextTokenizer, boundary_mask
from llm.vocabulary import Vocabulary

ONE_BY_ONE = (1.0,)  # see `Window`: verified together, its tokens would not be the same to the last bit


def load(
    source: str,
    *,
    threads: int = 2,
    device: str = "cpu",
    dtype: torch.dtype | None = None,
    context: int = CONTEXT,
) -> LocalModel:
    """Load a model from its folder, or by its name on the hub, where it is fetched when missing.

    `dtype` defaults to float32 on a CPU, to bfloat16 on other devices. Raises WeightsUnreadable or
    WeightsUnsupported.
    """
    kind = dtype or (torch.float32 if device == "cpu" else torch.bfloat16)
    scheduler = Scheduler()
    with _telling(source):
        network = scheduler.run(lambda: _network(source, context, threads, device, kind))
        theirs = AutoTokenizer.from_pretrained(source)
        stop_ids = {id for id in control_ids(theirs) | network.end_ids if id < network.vocab_size}
        tokenizer = TextTokenizer(tokenizer_json(theirs), stop_ids)
        template = ChatTemplate(template_source(theirs), tokenizer)
    boundary = boundary_mask([tokenizer.piece(id) for id in range(network.vocab_size)], stop_ids)
    vocabulary = Vocabulary(tokenizer, boundary, tuple(stop_ids))
    return LocalModel(
        Path(source).name, network, scheduler, vocabulary, template, costs=ONE_BY_ONE, prefixes=PrefixStore()
    )


def _network(source: str, context: int, threads: int, device: str, dtype: torch.dtype) -> HubNetwork:
    """Load the weights in the thread that is going to compute with them."""
    torch.set_num_threads(threads)
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(source, dtype=dtype)
    torch.nn.Module.to(model, device)  # transformers' own `to` has no usable type
    return HubNetwork(model, context)


@contextmanager
def _telling(source: str) -> Iterator[None]:
    """Turn what `transformers` raises into this package's words."""
    try:
        yield
    except (OSError, SafetensorError) as error:
        raise WeightsUnreadable(f"{source!r} cannot be read: {error}") from error
    except (ValueError, KeyError, ImportError) as error:
        raise WeightsUnsupported(f"transformers cannot run {source!r}: {error}") from error
