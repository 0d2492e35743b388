"""A picture of a recorded session: who spoke when, and below, where the time before each answer went."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from assistant.errors import ConfigError
from assistant.say_plot import fonts
from assistant.stages import Stage, stages
from assistant.turn_report import TurnReport

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

WIDTH_INCHES, ROW_INCHES, STRIP_INCHES = 13.0, 0.82, 1.05
STRIP_S = 60.0  # of the conversation in one strip
LONGEST_GAP_S, GAP_S = 6.0, 2.0  # a longer silence between turns is drawn as short, with its length
MARGIN_MS = 220.0  # of the user's voice before, and of the answer after
SHORTEST_LABEL = 0.022  # of the picture's width, for the ms of a stage to fit in
QUOTE_CHARS = 78
YOU, ANSWER, BROKEN, INK, FAINT = "#3b6ea5", "#3f9d74", "#c0392b", "#2b2f36", "#8a919c"
COLORS = {
    "notice": "#c9d1dc",
    "transcribe": "#8fb1d6",
    "judge": "#d9b8dd",
    "think": "#f0b35a",
    "phrase": "#e88a52",
    "voice": "#d3675f",
    "wait": "#e9ecf1",
}
LEGEND = {
    "notice": "pause noticed",
    "transcribe": "words read",
    "judge": "end of turn judged",
    "think": "first token",
    "phrase": "first phrase",
    "voice": "its sound",
    "wait": "held back until the turn is over",
}
ENDED_EARLY = ("interrupted", "cancelled", "left", "failed")


@dataclass(frozen=True, slots=True)
class Bar:
    """Somebody's voice in the strip of the conversation [s]."""

    turn: TurnReport
    begin_s: float
    end_s: float
    is_answer: bool


@dataclass(frozen=True, slots=True)
class Strip:
    """The conversation on one line of time, long silences taken out."""

    bars: list[Bar]
    gaps: list[tuple[float, float]]  # at [s], silence left out there [s]
    length_s: float

    @classmethod
    def of(cls, turns: Sequence[TurnReport]) -> Strip:
        """Lay out who spoke when."""
        strip, now_s, left_out_s = cls([], [], 0.0), 0.0, turns[0].at_s - turns[0].voiced_s
        for turn in turns:
            begin_s = turn.at_s - turn.voiced_s - left_out_s
            if begin_s - now_s > LONGEST_GAP_S:
                left_out_s += begin_s - now_s - GAP_S
                strip.gaps.append((now_s + GAP_S / 2, begin_s - now_s))
            zero_s = turn.at_s - left_out_s
            if turn.voiced_s:
                strip.bars.append(Bar(turn, zero_s - turn.voiced_s, zero_s, is_answer=False))
            for stage in stages(turn):
                if stage.name == "answer":
                    begin_s, end_s = (zero_s + ms / 1000 for ms in (stage.begin_ms, stage.end_ms))
                    strip.bars.append(Bar(turn, begin_s, end_s, is_answer=True))
            now_s = max(now_s, zero_s + turn.settled_ms / 1000)
        return cls(strip.bars, strip.gaps, now_s)


def draw(turns: Sequence[TurnReport], title: str, path: Path) -> None:
    """Write the picture of a session's turns, a PNG (or what else the name ends in). Raises ConfigError."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    strip = Strip.of(turns)
    lines = int(strip.length_s // STRIP_S) + 1
    heights = [STRIP_INCHES] * lines + [ROW_INCHES] * len(turns)
    with rc_context({"font.family": fonts(), "font.size": 9, "text.color": INK, "axes.edgecolor": FAINT}):
        figure = Figure(figsize=(WIDTH_INCHES, sum(heights) + 1.5), layout="constrained", facecolor="white")
        figure.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold")
        rows = figure.subplots(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
        width_s = min(STRIP_S, strip.length_s)
        for line in range(lines):
            _draw_strip(rows[line], strip, line * STRIP_S, width_s)
        rows[lines - 1].set_xlabel("seconds of the conversation", color=FAINT, fontsize=8)
        longest_ms = max((turn.marks or {}).get("sent_ms", 0.0) for turn in turns) + MARGIN_MS
        for axes, turn in zip(rows[lines:], turns, strict=True):
            _draw_turn(axes, turn, longest_ms)
        rows[-1].tick_params(labelbottom=True)
        rows[-1].set_xlabel("ms after the user's last sound", color=FAINT, fontsize=8)
        _add_legend(figure)
        try:
            figure.savefig(path, dpi=110)
        except ValueError as error:  # an ending that names no picture format
            raise ConfigError(f"{path} cannot be drawn ({error}): name a .png file") from error


def _draw_strip(axes: Axes, strip: Strip, start_s: float, width_s: float) -> None:
    """Draw a stretch of the conversation: the user above, the assistant below."""
    axes.set(xlim=(start_s - 0.3, start_s + width_s + 0.3), ylim=(-0.15, 2.15), yticks=[0.5, 1.5])
    axes.set_yticklabels(["assistant", "you"], fontsize=9)
    axes.tick_params(length=0, colors=INK)
    axes.tick_params(axis="x", colors=FAINT, labelsize=8)
    axes.spines[["left", "top", "right"]].set_visible(False)
    for bar in strip.bars:
        lane, color = (0.12, ANSWER) if bar.is_answer else (1.12, YOU)
        axes.broken_barh(
            [(bar.begin_s, max(0.05, bar.end_s - bar.begin_s))], (lane, 0.76), color=color, linewidth=0
        )
        if bar.end_s - bar.begin_s > 0.02 * width_s and -1e-3 <= bar.begin_s - start_s < width_s:
            axes.text(
                bar.begin_s + 0.006 * width_s,
                lane + 0.38,
                str(bar.turn.number),
                color="white",
                va="center",
                fontsize=8,
            )
        if bar.is_answer and bar.turn.status in ENDED_EARLY:
            axes.plot([bar.end_s] * 2, [0.0, 1.0], color=BROKEN, linewidth=2.4, solid_capstyle="butt")
    for at_s, silence_s in strip.gaps:
        if start_s <= at_s < start_s + width_s:
            axes.text(at_s, 1.0, f"⋯\n{silence_s:.0f} s", ha="center", va="center", color=FAINT, fontsize=8)


def _draw_turn(axes: Axes, turn: TurnReport, longest_ms: float) -> None:
    """Draw one turn: its stages one behind the other, what ran beside them below."""
    axes.set(xlim=(-MARGIN_MS, longest_ms), ylim=(0.0, 2.0), yticks=[])
    axes.tick_params(labelbottom=False, length=2, colors=FAINT, labelsize=8)
    axes.spines[["left", "top", "right"]].set_visible(False)
    axes.grid(axis="x", color="#eef0f4", linewidth=0.8)
    axes.set_axisbelow(True)
    if turn.voiced_s:
        axes.broken_barh(
            [(-turn.voiced_s * 1000, turn.voiced_s * 1000)], (0.42, 0.62), color=YOU, linewidth=0
        )
    for stage in stages(turn):
        if stage.name == "answer":
            axes.broken_barh([(stage.begin_ms, stage.length_ms)], (0.42, 0.62), color=ANSWER, linewidth=0)
        elif stage.name == "judge":
            axes.broken_barh(
                [(stage.begin_ms, stage.length_ms)], (0.14, 0.18), color=COLORS["judge"], linewidth=0
            )
        else:
            _draw_stage(axes, stage, longest_ms + MARGIN_MS)
    _write(axes, turn, longest_ms)


def _draw_stage(axes: Axes, stage: Stage, width_ms: float) -> None:
    axes.broken_barh(
        [(stage.begin_ms, max(1.0, stage.length_ms))],
        (0.42, 0.62),
        color=COLORS[stage.name],
        edgecolor="white",
        linewidth=0.6,
    )
    if stage.length_ms > SHORTEST_LABEL * width_ms:
        axes.text(
            (stage.begin_ms + stage.end_ms) / 2,
            0.73,
            f"{stage.length_ms:.0f}",
            ha="center",
            va="center",
            fontsize=8,
        )


def _write(axes: Axes, turn: TurnReport, longest_ms: float) -> None:
    """What was said, and how it ended."""
    axes.text(-MARGIN_MS, 1.42, f"{turn.number}", fontweight="bold", va="center", fontsize=10)
    quote = " ".join(turn.user_text.split()) or "(no words)"
    if len(quote) > QUOTE_CHARS:
        quote = quote[: QUOTE_CHARS - 1] + "…"
    axes.text(-MARGIN_MS + 0.02 * (longest_ms + MARGIN_MS), 1.42, f"“{quote}”", va="center", parse_math=False)
    ended = turn.status if turn.status == "completed" else f"{turn.status} after {turn.heard_s:.1f} s"
    color = BROKEN if turn.status in ENDED_EARLY else FAINT
    v2v = "" if turn.v2v_ms is None else f"{turn.v2v_ms:.0f} ms"
    axes.text(longest_ms, 1.42, v2v, ha="right", va="center", fontweight="bold", fontsize=10)
    axes.text(
        longest_ms - 0.065 * (longest_ms + MARGIN_MS), 1.42, ended, ha="right", va="center", color=color
    )


def _add_legend(figure: Figure) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    voices = [Patch(color=YOU, label="you"), Patch(color=ANSWER, label="the answer")]
    steps = [Patch(color=COLORS[name], label=label) for name, label in LEGEND.items()]
    broken = Line2D([], [], color=BROKEN, linewidth=2.4, label="broken off")
    figure.legend(
        handles=[*voices, *steps, broken], loc="outside lower left", ncols=5, frameon=False, fontsize=8
    )
