"""From turns to figures: percentiles, rates, and the lines that show them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from assistant.caller import UNANSWERED_S
from assistant.observer import Turn
from tests.bench.recordings import KINDS, Recording
from tests.bench.words import plain_words, word_errors

UNANSWERED_MS = UNANSWERED_S * 1000


@dataclass(frozen=True, slots=True)
class Result:
    """One question asked."""

    recording: Recording
    turn: Turn

    @property
    def v2v_ms(self) -> float:
        """Voice to voice; a question without an answer counts as the whole wait for it."""
        return UNANSWERED_MS if self.turn.v2v_ms is None else self.turn.v2v_ms

    @property
    def words(self) -> int:
        """Words that were said."""
        return len(plain_words(self.recording.text))

    @property
    def errors(self) -> int:
        """Of them, those misheard, plus those made up."""
        return word_errors(plain_words(self.recording.text), plain_words(self.turn.transcript))


def figures(results: Sequence[Result]) -> dict[str, float]:
    """The figures of some questions, of which there is at least one. Percentiles interpolate linearly."""
    v2v_ms = [result.v2v_ms for result in results]
    return {
        "v2v_ms_p50": percentile(v2v_ms, 50),
        "v2v_ms_p95": percentile(v2v_ms, 95),
        "false_cutoff_rate": round(sum(result.turn.cut_off for result in results) / len(results), 4),
        "n": len(results),
        "unanswered": sum(result.turn.v2v_ms is None for result in results),
        "wer": round(sum(r.errors for r in results) / max(1, sum(r.words for r in results)), 4),
    }


def by_kind(results: Sequence[Result]) -> dict[str, dict[str, float]]:
    """The same for each kind of question that occurs."""
    kinds = {kind: [r for r in results if r.recording.kind == kind] for kind in (*KINDS, "other")}
    return {kind: figures(group) for kind, group in kinds.items() if group}


def breakdown(results: Iterable[Result]) -> dict[str, float]:
    """The median of each of the service's own marks, in order of time; empty when it tells none."""
    marks: dict[str, list[float]] = {}
    for result in results:
        for name, ms in result.turn.marks.items():
            marks.setdefault(name, []).append(ms)
    medians = {name: percentile(values, 50) for name, values in marks.items()}
    return dict(sorted(medians.items(), key=lambda item: item[1]))


def percentile(values: Sequence[float], percent: float) -> float:
    """Linearly interpolated, to 0.1."""
    return round(float(np.percentile(values, percent)), 1)


HEADING = f"{'file':<28} {'kind':<10} {'v2v ms':>8}  {'cut off':<7} {'errors':>6}  transcript"


def row(result: Result) -> str:
    """One line of the table."""
    recording, turn = result.recording, result.turn
    v2v = "none" if turn.v2v_ms is None else f"{turn.v2v_ms:.0f}"
    cut_off = "CUT OFF" if turn.cut_off else ""
    errors = f"{result.errors}/{result.words}"
    heard = turn.transcript + "".join(f" [{problem}]" for problem in turn.problems)
    return f"{recording.file:<28} {recording.kind:<10} {v2v:>8}  {cut_off:<7} {errors:>6}  {heard}"


def summary_lines(overall: dict[str, float], kinds: dict[str, dict[str, float]]) -> list[str]:
    """The figures, overall and by kind, as a table."""
    lines = [f"{'':<12}{'n':>4}{'p50 ms':>9}{'p95 ms':>9}{'cut off':>9}{'none':>6}{'WER':>7}"]
    for name, values in (("all", overall), *kinds.items()):
        lines.append(
            f"{name:<12}{values['n']:>4.0f}{values['v2v_ms_p50']:>9.0f}{values['v2v_ms_p95']:>9.0f}"
            f"{values['false_cutoff_rate']:>9.1%}{values['unanswered']:>6.0f}{values['wer']:>7.1%}"
        )
    return lines
