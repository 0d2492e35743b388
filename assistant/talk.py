"""`liushui talk`: recorded questions go in over the real WebSocket, pictures before them.

Answers are shown, timed and saved.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from argparse import Namespace
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import soundfile
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from assistant.caller import Caller, Question, listening, read_question
from assistant.errors import NotAnswered
from assistant.observer import SAMPLE_RATE_HZ, Turn, TurnObserver
from assistant.own_service import own_service
from assistant.persona import SAMPLES
from assistant.picture_files import picture_in
from assistant.sent_pictures import Sent, send_pictures
from assistant.waterfall import waterfall
from transport.pictures import Picture

QUESTIONS = (SAMPLES / "wav" / "headache.wav", SAMPLES / "wav" / "headache-followup.wav")
SERVICE_OPTIONS = ("domain", "llm", "asr", "language", "voice", "device", "threads")


@dataclass(frozen=True, slots=True)
class Told:
    """One turn, and where its answer was saved; None when it was text."""

    turn: Turn
    reply_wav: Path | None

    def as_dict(self) -> dict[str, object]:
        """For the JSON line."""
        turn = self.turn
        return {
            "transcript": turn.transcript,
            "reply": turn.reply,
            "v2v_ms": None if turn.v2v_ms is None else round(turn.v2v_ms, 1),
            "reply_wav": self.reply_wav and str(self.reply_wav),
            "cut_off": turn.cut_off,
            "marks": dict(turn.marks),
            "problems": list(turn.problems),
        }


def run(args: Namespace) -> None:
    """Ask the questions in `args.files` in one session, or the sample ones.

    Raises NotAudio, SilentRecording or PictureUnread before anything is started, and NotAnswered.
    """
    questions = [read_question(path) for path in args.files or QUESTIONS]
    pictures = [(path, picture_in(path)) for path in args.image]
    console = Console(quiet=args.json, highlight=False)
    sent, told = asyncio.run(_converse(args, pictures, questions, console))
    if args.json:
        turns = [each.as_dict() for each in told]
        line = {**told[-1].as_dict(), "turns": turns, "pictures": [each.as_dict() for each in sent]}
        print(json.dumps(line, ensure_ascii=False))


async def _converse(
    args: Namespace,
    pictures: Sequence[tuple[Path, Picture]],
    questions: Sequence[Question],
    console: Console,
) -> tuple[list[Sent], list[Told]]:
    async with _service(args) as url, listening(url) as (client, microphone):
        sent = await send_pictures(client, pictures)
        for picture in sent:
            console.print(Text("\n".join(["", *picture.account(), ""])))
        caller, told = Caller(client, microphone, asyncio.get_running_loop().time), []
        for number, question in enumerate(questions, start=1):
            turn = await _ask(caller, question, console)
            path = reply_path(args.out, question.path, number if len(questions) > 1 else None)
            told.append(Told(turn, _save(turn, path)))
            console.print(Text("\n".join(_account(told[-1]))))
        return sent, told


@contextlib.asynccontextmanager
async def _service(args: Namespace) -> AsyncIterator[str]:
    if args.url:
        yield args.url
        return
    options = [text for name in SERVICE_OPTIONS for text in (f"--{name}", str(getattr(args, name)))]
    async with own_service(options) as url:
        yield url


async def _ask(caller: Caller, question: Question, console: Console) -> Turn:
    with Live(console=console, refresh_per_second=10) as live:

        def watch(observer: TurnObserver) -> None:
            live.update(
                _dialogue(question, observer.transcript, observer.answer.text if observer.answer else "")
            )

        turn = await caller.ask(question, watch=watch)
        live.update(_dialogue(question, turn.transcript, turn.reply))
    if not turn.reply and not len(turn.audio):
        raise NotAnswered(
            f"{question.path}: no answer ({'; '.join(turn.problems) or 'the service gave no reason'})"
        )
    return turn


def _dialogue(question: Question, transcript: str, reply: str) -> Group:
    return Group(
        Text(f"▶ {question.path.name}", style="dim"),
        Text.assemble(("you        ", "bold cyan"), transcript),
        Text.assemble(("assistant  ", "bold green"), reply.strip()),
    )


def _account(told: Told) -> list[str]:
    lines = ["", *waterfall(told.turn.marks, told.turn.v2v_ms), ""]
    lines += [f"note: {problem}" for problem in told.turn.problems]
    if told.turn.cut_off:
        lines.append("note: the service began to answer before the question was over")
    lines.append(f"the answer is in {told.reply_wav}" if told.reply_wav else "the answer has no sound")
    return [*lines, ""]


def reply_path(out: Path | None, question: Path, number: int | None) -> Path:
    """Where the answer goes: `out`, numbered when there are several, or QUESTION-reply.wav, here."""
    if out is None:
        return Path(f"{question.stem}-reply.wav")
    return out if number is None else out.with_stem(f"{out.stem}-{number}")


def _save(turn: Turn, path: Path) -> Path | None:
    if not len(turn.audio):
        return None
    soundfile.write(path, turn.audio, SAMPLE_RATE_HZ, subtype="PCM_16", format="WAV")
    return path
