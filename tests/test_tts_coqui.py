"""Coqui's real classes at their smallest, with random weights: nothing they say can be understood.

`make test-coqui` makes the environment they need.
"""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("TTS", reason="Coqui is not installed: make test-coqui", exc_type=ImportError)

import soundfile as sf
import torch
from tokenizers import Tokenizer, models
from TTS.tts.configs.vits_config import VitsConfig
from TTS.tts.configs.xtts_config import XttsConfig
from TTS.tts.models.vits import Vits
from TTS.tts.models.xtts import Xtts

from tts import coqui
from tts.errors import UnsupportedRate, VoiceUnavailable
from tts.phrases import PhrasedVoice

TEXT = "Take **it** with food. Rest today."
SPECIAL = ["[STOP]", "[UNK]", "[SPACE]", "[START]", "[en]", "[zh-cn]"]


@pytest.fixture(scope="module")
def vits(tmp_path_factory: pytest.TempPathFactory) -> PhrasedVoice:
    folder = tmp_path_factory.mktemp("vits")
    config = VitsConfig()
    sizes = {"hidden_channels": 32, "hidden_channels_ffn_text_encoder": 32, "num_layers_text_encoder": 1}
    for name, size in {**sizes, "num_layers_flow": 1, "num_layers_posterior_encoder": 1}.items():
        setattr(config.model_args, name, size)
    torch.manual_seed(0)
    torch.save({"model": Vits(config).state_dict()}, folder / "model.pth")
    config.save_json(str(folder / "config.json"))
    return coqui.load(str(folder))


@pytest.fixture(scope="module")
def xtts_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("xtts")
    vocabulary = [*SPECIAL, *"abcdefghijklmnopqrstuvwxyz,.?!'"]
    tokenizer = Tokenizer(
        models.BPE(vocab={token: i for i, token in enumerate(vocabulary)}, merges=[], unk_token="[UNK]")
    )
    tokenizer.add_special_tokens(SPECIAL)
    tokenizer.save(str(folder / "vocab.json"))
    config = XttsConfig()
    sizes = {
        "gpt_layers": 2, "gpt_n_model_channels": 64, "gpt_n_heads": 2, "decoder_input_dim": 64,
        "gpt_max_audio_tokens": 60, "gpt_num_audio_tokens": 1026, "gpt_start_audio_token": 1024,
        "gpt_stop_audio_token": 1025, "gpt_use_perceiver_resampler": True,
        "gpt_number_text_tokens": len(vocabulary), "gpt_start_text_token": 3, "gpt_stop_text_token": 0,
    }  # fmt: skip
    for name, size in sizes.items():
        setattr(config.model_args, name, size)
    torch.manual_seed(0)
    torch.save({"model": Xtts(config).state_dict()}, folder / "model.pth")
    config.save_json(str(folder / "config.json"))
    sf.write(folder / "speaker.wav", np.random.default_rng(0).normal(0, 0.1, 32_000), 16_000)
    return folder


@pytest.fixture(scope="module")
def xtts(xtts_folder: Path) -> PhrasedVoice:
    return coqui.load(str(xtts_folder))


@pytest.mark.parametrize(("name", "rate_hz"), [("vits", 22_050), ("xtts", 24_000)])
def test_a_text_becomes_sound_and_its_words_have_times(
    name: str, rate_hz: int, request: pytest.FixtureRequest
) -> None:
    speech = request.getfixturevalue(name).synthesize(TEXT)
    assert speech.sample_rate_hz == rate_hz
    assert speech.audio.dtype == np.float32
    assert speech.audio.ndim == 1
    assert len(speech.audio) > 0
    assert [word.text for word in speech.words] == ["Take", "it", "with", "food", "Rest", "today"]
    times = [time_s for word in speech.words for time_s in (word.start_s, word.end_s)]
    assert times == sorted(times)
    assert times[-1] <= len(speech.audio) / rate_hz


def test_xtts_gives_parts_of_a_sentence_and_can_be_left_amid(xtts: PhrasedVoice) -> None:
    parts = list(xtts.stream("Take it with food."))
    assert len(parts) > 1
    assert [word.text for part in parts for word in part.words] == ["Take", "it", "with", "food"]
    left = xtts.stream("Take it with food.")
    assert len(next(left).audio) > 0
    left.close()  # type: ignore[attr-defined]
    assert len(list(islice(xtts.stream("Rest."), 1))) == 1


def test_text_with_nothing_to_say_is_no_sound(vits: PhrasedVoice, xtts: PhrasedVoice) -> None:
    assert len(vits.synthesize("...").audio) == len(xtts.synthesize("🙂").audio) == 0


def test_what_cannot_be_done_is_refused(vits: PhrasedVoice, xtts_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UnsupportedRate):
        vits.synthesize("Hello.", rate=9)
    with pytest.raises(VoiceUnavailable, match="cannot load Coqui's"):
        coqui.load(str(tmp_path))
    with pytest.raises(VoiceUnavailable, match="cannot load Coqui's"):
        coqui.load(f"{xtts_folder}#{tmp_path / 'nobody.wav'}")
