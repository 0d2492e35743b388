"""Segments of speech as subtitles: SubRip, and WebVTT (W3C)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol


class Timed(Protocol):
    """What is shown, and from when to when, in seconds."""

    @property
    def start_s(self) -> float:
        """When it appears."""
        ...

    @property
    def end_s(self) -> float:
        """When it goes."""
        ...

    @property
    def text(self) -> str:
        """What is shown."""
        ...


def srt(segments: Iterable[Timed]) -> str:
    """The text of a SubRip file."""
    return "".join(
        f"{number}\n{_time(each.start_s, ',')} --> {_time(each.end_s, ',')}\n{_line(each.text)}\n\n"
        for number, each in enumerate(segments, start=1)
    )


def vtt(segments: Iterable[Timed]) -> str:
    """The text of a WebVTT file."""
    cues = (
        f"{_time(each.start_s, '.')} --> {_time(each.end_s, '.')}\n{_escaped(_line(each.text))}\n\n"
        for each in segments
    )
    return "WEBVTT\n\n" + "".join(cues)


def _time(seconds: float, point: str) -> str:
    milliseconds = round(seconds * 1000)
    minutes, rest = divmod(milliseconds, 60_000)
    return f"{minutes // 60:02}:{minutes % 60:02}:{rest // 1000:02}{point}{rest % 1000:03}"


def _line(text: str) -> str:
    return " ".join(text.split())  # an empty line would end the cue


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
