"""What engines are loaded from: names, paths and settings."""

from __future__ import annotations

import sys
from argparse import Namespace
from pathlib import Path

import pytest

import llm
from assistant.engines import EngineConfig, config_from, load_language_model, load_recognizer
from assistant.errors import ConfigError
from assistant.weights import Store
from llm import hub, remote


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ({"threads": 0}, "threads is 0"),
        ({"device": "tpu"}, "device is 'tpu'; use cpu, cuda or cuda:N"),
        ({"language": "English"}, "language is 'English'"),
        ({"voice": "nobody"}, "voice is 'nobody'; there is heart"),
    ],
)
def test_a_setting_out_of_range_says_what_would_do(setting: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        EngineConfig(**setting)  # type: ignore[arg-type]


def test_a_command_sets_what_it_has_an_option_for() -> None:
    assert config_from(Namespace(threads=4, out="x.wav")) == EngineConfig(threads=4)


@pytest.mark.parametrize(
    ("address", "base_url", "name"),
    [
        ("http://localhost:8080/v1#org/model:7b", "http://localhost:8080/v1", "org/model:7b"),
        ("https://models.example/v1", "https://models.example/v1", ""),
    ],
)
def test_an_address_is_a_server_and_its_key_comes_from_the_environment(
    address: str, base_url: str, name: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(remote, "RemoteModel", lambda *args, **options: asked.append((args, options)))
    monkeypatch.setenv("LIUSHUI_LLM_KEY", "secret")
    load_language_model(EngineConfig(llm=address), Store(tmp_path))
    assert asked == [((base_url, name), {"api_key": "secret"})]


def test_a_hub_model_is_loaded_from_its_folder_with_the_threads_and_device_asked_for(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[object] = []
    monkeypatch.setattr(hub, "load", lambda *args, **options: asked.append((args, options)))
    load_language_model(EngineConfig(llm=f"hub:{tmp_path}", threads=3, device="cuda"), Store(tmp_path))
    assert asked == [((str(tmp_path),), {"threads": 3, "device": "cuda"})]


def test_a_hub_model_without_its_library_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.delattr(llm, "hub")  # as before its first import
    for module in ("llm.hub", "llm.hub_network", "llm.hub_tokenizer"):
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(ConfigError, match=r"hub:tiny needs transformers: pip install 'liushui\[hub\]'"):
        load_language_model(EngineConfig(llm="hub:tiny"), Store(tmp_path))


def test_a_model_that_is_neither_a_name_nor_a_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="neither a path nor weights"):
        load_recognizer(EngineConfig(asr="whisper-gigantic"), Store(tmp_path))
