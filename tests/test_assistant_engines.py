"""What engines are loaded from: names, paths and settings."""

from __future__ import annotations

from argparse import Namespace
from pathlib import Path

import pytest

from assistant.engines import EngineConfig, config_from, load_recognizer
from assistant.errors import ConfigError
from assistant.weights import Store


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


def test_a_model_that_is_neither_a_name_nor_a_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="neither a path nor weights"):
        load_recognizer(EngineConfig(asr="whisper-gigantic"), Store(tmp_path))
