"""A turn's time as a small waterfall: one line per step, from the one before it to its own moment."""

from __future__ import annotations

from collections.abc import Mapping

WIDTH = 48  # characters of the widest bar; label and figure leave room for it in 80 columns

LABELS = {
    "noticed_ms": "pause noticed",
    "scored_ms": "end of turn judged",
    "transcript_ms": "words known",
    "confirmed_ms": "turn over",
    "prefilled_ms": "prompt read",
    "first_token_ms": "first token",
    "first_phrase_ms": "first phrase",
    "first_audio_ms": "first audio made",
    "sent_ms": "first audio sent",
}


def waterfall(marks: Mapping[str, float], v2v_ms: float | None) -> list[str]:
    """Lines of text, in order of time. `marks` [ms after the last voiced sample] may lack any step.

    The last line is the client's own measure; its clock starts at the last voiced sample that *it* found.
    """
    steps = [(LABELS.get(name, name.removesuffix("_ms")), ms) for name, ms in marks.items()]
    steps.sort(key=lambda step: step[1])
    if v2v_ms is not None:
        steps.append(("VOICE TO VOICE", v2v_ms))
    longest_ms = max((ms for _, ms in steps), default=0.0)
    scale = WIDTH / longest_ms if longest_ms > 0 else 0.0
    begins_ms = [0.0, *(ms for _, ms in steps)]
    if v2v_ms is not None:
        begins_ms[len(steps) - 1] = 0.0  # the whole way
    return [
        _line(label, begin_ms, ms, scale) for (label, ms), begin_ms in zip(steps, begins_ms, strict=False)
    ]


def _line(label: str, begin_ms: float, end_ms: float, scale: float) -> str:
    begin, end = (max(0, round(ms * scale)) for ms in (begin_ms, end_ms))
    bar = " " * begin + "█" * max(1, end - begin)  # what took no time is still seen
    return f"{label:<19}{end_ms:>6.0f} ms  {bar}"
