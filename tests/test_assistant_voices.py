"""Which voices there are, and which speaks when the one asked for cannot."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

import pytest

import tts
from assistant import engines, voices
from assistant.engines import EngineConfig
from assistant.errors import ConfigError
from assistant.voices import VOICES
from assistant.voices_command import run
from assistant.weights import Store
from tts.engine import Synthesizer
from tts.errors import VoiceUnavailable
from tts.hibari import HibariSynthesizer


def test_without_a_download_heart_is_here_and_the_others_say_what_they_need(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("LIUSHUI_HOME", str(tmp_path))
    run(Namespace())
    rows = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()}
    assert rows["heart"].rstrip().endswith("here")
    assert "63 MB to fetch" in rows["joe"]
    assert {entry.name for entry in VOICES} <= rows.keys()
    assert list(voices.others("joe", Store())) == ["heart"]


def test_another_voice_speaks_when_the_one_asked_for_fails(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    load = voices.load

    def failing(voice: str, store: Store, *, threads: int, device: str) -> Synthesizer:
        if voice == "joe":
            raise VoiceUnavailable("no such file")
        return load(voice, store, threads=threads, device=device)

    monkeypatch.setattr(voices, "load", failing)
    synthesizer, told = engines.load_voice_or_another(EngineConfig(voice="joe"), Store(tmp_path))
    assert isinstance(synthesizer, HibariSynthesizer)
    assert told == "heart speaks instead of joe: no such file"


def test_an_engine_that_is_not_installed_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delattr(tts, "piper", raising=False)  # as before its first import
    monkeypatch.delitem(sys.modules, "tts.piper", raising=False)
    monkeypatch.setitem(sys.modules, "piper", None)
    model = tmp_path / "voice.onnx"
    model.touch()
    with pytest.raises(ConfigError, match=r"pip install 'liushui\[piper\]'"):
        voices.load(str(model), Store(tmp_path), threads=1)


def test_a_piper_voice_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no Piper voice at"):
        voices.load(str(tmp_path / "nobody.onnx"), Store(tmp_path), threads=1)
