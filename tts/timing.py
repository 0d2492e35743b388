"""Word timings from phoneme durations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from tts.engine import SpokenWord

CURRENCY_SIGNS = ("$", "£", "€")


@dataclass(frozen=True, slots=True)
class WordSpan:
    """A spoken word: where it is shown, and which samples it takes."""

    text_start: int
    text_end: int
    start_sample: int
    end_sample: int


def spoken_words(
    text: str, spans: Sequence[WordSpan], sample_rate_hz: int, n_samples: int
) -> tuple[SpokenWord, ...]:
    """Return the words of `text` in order, in an audio of `n_samples`; neither times nor offsets overlap."""
    return tuple(
        SpokenWord(
            text[span.text_start : span.text_end],
            _inside(span.start_sample, n_samples) / sample_rate_hz,
            _inside(span.end_sample, n_samples) / sample_rate_hz,
            span.text_start,
            span.text_end,
        )
        for span in _merged([_tidy(text, span) for span in spans])
    )


def shifted(spans: Iterable[WordSpan], samples: int) -> list[WordSpan]:
    """Return the spans moved by `samples` (negative: to the front)."""
    return [
        replace(span, start_sample=span.start_sample + samples, end_sample=span.end_sample + samples)
        for span in spans
    ]


def _tidy(text: str, span: WordSpan) -> WordSpan:
    """Leave out the space around a word; take in the currency sign before it, which is said after it."""
    start, end = span.text_start, span.text_end
    start += len(text[start:end]) - len(text[start:end].lstrip())
    end -= len(text[start:end]) - len(text[start:end].rstrip())
    if text[start - 1 : start] in CURRENCY_SIGNS:
        start -= 1
    return replace(span, text_start=start, text_end=end)


def _merged(spans: Sequence[WordSpan]) -> list[WordSpan]:
    """Join spoken words that are shown as one: "seven thirty" is `7:30`."""
    merged: list[WordSpan] = []
    for span in spans:
        shown = span.text_start < span.text_end  # an "and" put between two shown words is not
        if merged and (not shown or span.text_start < merged[-1].text_end):
            text_end = max(merged[-1].text_end, span.text_end)
            merged[-1] = replace(merged[-1], text_end=text_end, end_sample=span.end_sample)
        elif shown:
            merged.append(span)
    return merged


def _inside(sample: int, n_samples: int) -> int:
    return min(max(sample, 0), n_samples)
