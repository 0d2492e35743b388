"""A picture of how a text was spoken: waveform, words, boundaries with their strength, pauses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from assistant.errors import ConfigError
from assistant.said import Said
from llm.boundaries import Strength, cuts
from tts.engine import Audio

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = NDArray[np.floating]

ROW_S = 6.0  # of sound in one row of the picture
ROW_INCHES, WIDTH_INCHES = 1.9, 14.0
COLUMNS_PER_S = 200  # of the waveform's envelope: finer than the picture
COLORS = {
    Strength.WORD: "#b0b0b0",
    Strength.PHRASE: "#4c9f70",
    Strength.CLAUSE: "#e0912f",
    Strength.SENTENCE: "#c0392b",
}
WAVE, PAUSE = "#5b7fa6", "#f3e3c3"
FONTS = ("DejaVu Sans", "Noto Sans CJK SC", "Noto Sans SC", "WenQuanYi Zen Hei", "SimHei")


@dataclass(frozen=True, slots=True)
class Picture:
    """What is drawn, on one line of time [s]."""

    audio: Audio  # [samples]
    sample_rate_hz: int
    words: list[tuple[float, float, str]]  # from, to
    pauses: list[tuple[float, float]]  # between chunks
    boundaries: list[tuple[float, Strength, bool]]  # at, how strong, whether a chunk ended there

    @property
    def length_s(self) -> float:
        """Of the sound."""
        return len(self.audio) / self.sample_rate_hz

    @classmethod
    def of(cls, said: Sequence[Said]) -> Picture:
        """Lay out what was said."""
        rate_hz, at_s = said[0].speech.sample_rate_hz, 0.0
        picture = cls(np.concatenate([each.audio for each in said]), rate_hz, [], [], [])
        for each in said:
            words = each.speech.words
            picture.words.extend((at_s + word.start_s, at_s + word.end_s, word.text) for word in words)
            for cut in cuts(each.chunk.text, {}):
                for word, following in pairwise(words):
                    if word.text_end <= cut.offset <= following.text_start:
                        picture.boundaries.append((at_s + word.end_s, cut.strength, False))
            at_s += len(each.speech.audio) / rate_hz
            if each.pause_s:
                picture.pauses.append((at_s, at_s + each.pause_s))
            if each.ends_chunk:
                picture.boundaries.append((at_s, each.chunk.strength, True))
            at_s += each.pause_s
        return picture


def check_library() -> None:
    """Raise ConfigError where the extra is not installed."""
    if find_spec("matplotlib") is None:
        raise ConfigError("drawing needs matplotlib: pip install 'liushui[plot]'")


def draw(said: Sequence[Said], path: Path) -> None:
    """Write the picture of what was said, a PNG (or what else the name ends in). Raises ConfigError."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    picture = Picture.of(said)
    rows = max(1, math.ceil(picture.length_s / ROW_S))
    with rc_context({"font.family": fonts(), "font.size": 9}):
        figure = Figure(figsize=(WIDTH_INCHES, ROW_INCHES * rows + 0.6), layout="constrained")
        for row, axes in enumerate(figure.subplots(rows, squeeze=False)[:, 0]):
            _draw_row(axes, picture, row * ROW_S)
        axes.set_xlabel("seconds")
        _add_legend(figure)
        try:
            figure.savefig(path, dpi=100)
        except ValueError as error:  # an ending that names no picture format
            raise ConfigError(f"{path} cannot be drawn ({error}): name a .png file") from error


def _draw_row(axes: Axes, picture: Picture, start_s: float) -> None:
    """Draw ROW_S of the picture: words above the waveform, boundaries below."""
    axes.set(xlim=(start_s, start_s + ROW_S), ylim=(-1.75, 1.75), yticks=[])
    axes.spines[["left", "top", "right"]].set_visible(False)
    times_s, lows, highs = _envelope(picture, start_s)
    axes.fill_between(times_s, lows, highs, color=WAVE, linewidth=0)
    for from_s, to_s in picture.pauses:
        axes.axvspan(from_s, to_s, color=PAUSE, zorder=0)
    for at_s, strength, ends_chunk in picture.boundaries:
        top = 1.7 if ends_chunk else -0.8
        axes.vlines(
            at_s,
            -1.1 - 0.2 * strength,
            top,
            COLORS[strength],
            linewidth=1.6,
            linestyles="-" if ends_chunk else ":",
        )
    for from_s, to_s, text in picture.words:
        if start_s <= (from_s + to_s) / 2 < start_s + ROW_S:
            axes.text((from_s + to_s) / 2, 1.2, text, ha="center", va="bottom", rotation=38)


def _envelope(picture: Picture, start_s: float) -> tuple[Floats, Floats, Floats]:
    """Times [s], lowest and highest sample of each column, the loudest of all at 1.  [columns] each."""
    size = picture.sample_rate_hz // COLUMNS_PER_S
    first = round(start_s * picture.sample_rate_hz)
    audio = picture.audio[first : first + round(ROW_S * picture.sample_rate_hz)]
    columns = audio[: len(audio) // size * size].reshape(-1, size)
    peak = max(float(np.abs(picture.audio).max(initial=0.0)), 1e-9)
    times_s = start_s + np.arange(len(columns), dtype=np.float32) / COLUMNS_PER_S
    return times_s, columns.min(axis=1, initial=0.0) / peak, columns.max(axis=1, initial=0.0) / peak


def _add_legend(figure: Figure) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    marks = [Line2D([], [], color=color, label=strength.name.lower()) for strength, color in COLORS.items()]
    kinds = [
        Line2D([], [], color="black", label="a chunk ended"),
        Line2D([], [], color="black", linestyle=":", label="it could have"),
        Patch(color=PAUSE, label="pause"),
    ]
    figure.legend(handles=[*marks, *kinds], loc="outside upper right", ncols=7, frameon=False)


def fonts() -> list[str]:
    """Those of FONTS that are here: without one for Chinese its characters are boxes."""
    from matplotlib.font_manager import get_font_names

    here = set(get_font_names())
    return [name for name in FONTS if name in here]
