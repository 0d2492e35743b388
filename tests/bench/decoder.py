"""The decoder against others on the same weights, and its own parts against doing without them.

    python -m tests.bench.decoder [--models NAME ...] [--json]

Every figure is of this machine and this run: engines take turns, medians of rounds count, prompts and
questions are those of `consultations.json`, decoding is greedy. Rates are tokens a second of one answer alone
unless they say otherwise. The last line printed is one JSON object; its keys hold a figure for each model.
"""

from __future__ import annotations

import argparse
import gc
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import median

import torch
from torch import Tensor

from assistant.engines import EngineConfig, load_language_model, load_sentence_encoder
from assistant.weights import Store
from llm import layout
from llm.gguf import read
from llm.layout import Weights
from llm.local import LocalModel
from llm.model import Transformer
from llm.network import Network
from tests.bench.common_replies import compute_saved, false_hits
from tests.bench.consultations import Consultation, consultations
from tests.bench.conversations import barge_in_reused, batch_figures, ttft_ms, window_speedup
from tests.bench.decoding import Round, llama_cpp, ours, read_bandwidth, transformers
from tests.bench.machine import this_machine

MODELS = ("qwen2.5-0.5b", "smollm2-135m")
THREADS = 2  # of every engine
ROUNDS = 5  # in which the engines take turns
POSITIONS = 1024  # of the networks that are only measured here
Figures = dict[str, float]
Say = Callable[[str], None]


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    args = _parser().parse_args(argv)
    say: Say = (lambda line: None) if args.json else print
    machine = this_machine()
    say(f"machine: {machine}; {THREADS} threads, {ROUNDS} rounds after one to warm up")
    report: dict[str, dict[str, float]] = {}
    for name in args.models:
        for key, value in _model_figures(name).items():
            report.setdefault(key, {})[name] = round(value, 4)
            say(f"{name:14} {key:30} {value:10.3f}")
        gc.collect()
    print(json.dumps({**report, "rounds": ROUNDS, "machine": asdict(machine)}))


def _model_figures(name: str) -> Figures:
    store, talks = Store(), consultations()
    model = load_language_model(EngineConfig(llm=name, threads=THREADS), store)
    assert isinstance(model, LocalModel)
    gguf = store.path(name) / "model.gguf"
    weights = layout.read(store.home / "converted" / name)
    prompt = _prompt(model, talks[0])
    figures = _rates(model, gguf, prompt)
    read_gb = figures["int8_tok_s"] * _bytes_a_token(weights) / 1e9  # a second
    figures["bandwidth_fraction"] = read_gb / figures["read_gb_s"]
    figures["int8_kl_vs_fp32"] = _divergence(model.network, gguf, _text(model, talks))
    torch.set_num_threads(1)  # from here on torch only chooses tokens
    figures["window_speedup"] = window_speedup(model, talks)
    figures |= batch_figures(model, talks)
    figures["ttft_ms_p50"] = ttft_ms(model, talks)
    figures["barge_in_reused_fraction"] = barge_in_reused(model, talks)
    encoder = load_sentence_encoder(store)
    figures["common_reply_compute_saved"] = compute_saved(model, talks, encoder)
    figures["common_reply_false_hits"] = false_hits(encoder)
    return figures


def _rates(model: LocalModel, gguf: Path, prompt: list[int]) -> Figures:
    """Let the engines take turns; returns their medians, and what ours are in multiples of the others."""
    floats = read(gguf, int8=False)
    exact = Transformer(floats, positions=POSITIONS, device="cpu", dtype=torch.float32)
    engines: dict[str, Round] = {
        "int8_tok_s": ours(
            model.network, prompt, 1 if not isinstance(model.network, Transformer) else THREADS
        ),
        "fp32_tok_s": ours(exact, prompt, THREADS),
        "transformers_tok_s": transformers(floats, prompt, THREADS),
        "llama_cpp_tok_s": llama_cpp(gguf, prompt, THREADS),
        "read_gb_s": lambda: read_bandwidth(THREADS) / 1e9,
    }
    rounds = [{name: decode() for name, decode in engines.items()} for _ in range(ROUNDS + 1)][1:]
    rates = {name: median(each[name] for each in rounds) for name in engines}
    times = {f"int8_over_{name[:-6]}": rates["int8_tok_s"] / rates[name] for name in list(engines)[1:4]}
    return rates | times


def _divergence(network: Network, gguf: Path, ids: list[int]) -> float:
    """Mean KL divergence [nats] of the next token's distribution from that of the weights in float32."""
    exact = Transformer(read(gguf, int8=False), positions=POSITIONS, device="cpu", dtype=torch.float32)
    expected, found = (_log_probabilities(each, ids) for each in (exact, network))
    return float((expected.exp() * (expected - found)).sum(-1).mean())


@torch.inference_mode()
def _log_probabilities(network: Network, ids: list[int]) -> Tensor:
    return network.logits(network.forward(ids, network.key_values())).log_softmax(-1)  # [len(ids), V]


def _bytes_a_token(weights: Weights) -> int:
    """What one step reads of the weights: every matrix once, the embeddings only as the head."""
    headed = "head.weight" in weights.tensors
    tensors = {
        name: tensor
        for name, tensor in weights.tensors.items()
        if name != "boundary" and not (headed and name.startswith("embed"))
    }
    return sum(tensor.nbytes for tensor in tensors.values())


def _prompt(model: LocalModel, talk: Consultation) -> list[int]:
    return model.chat(talk.system).prompt_ids(talk.questions[0])


def _text(model: LocalModel, talks: Sequence[Consultation]) -> list[int]:
    """All that is said in the consultations but the answers, up to what the networks hold."""
    text = " ".join(part for talk in talks for part in (talk.system, *talk.questions))
    return model.tokenizer.encode(text)[: POSITIONS - 1]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "tests.bench.decoder", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--models", nargs="+", choices=MODELS, default=MODELS, help="default: all")
    parser.add_argument("--json", action="store_true", help="print nothing but the JSON line")
    return parser


if __name__ == "__main__":
    main()
