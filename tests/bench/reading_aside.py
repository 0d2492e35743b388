"""Whether speech waits while pictures are read: the same questions without, and with pictures in the OCR.

    python -m tests.bench.reading_aside [--runs N] [--json] [--url ws://host:port/v1/realtime]

Each question is asked three times, over the real WebSocket at real-time speed, each time in a session of
its own: `alone`; `elsewhere`, while another session sends one picture after the other; and `here`, where
the session itself sends one as the question begins and one when the answer's first sound is heard. The
pictures are a made-up paper, photographed, by turns as small as it was drawn and as large as a phone's
photo.

`first audio` is voice to voice, as in `tests.bench.v2v`; where a question waited for its session's own
picture, it counts from when that was read, and `waited` is the time before. There the model has then to
read what the picture says, and could not begin while the user spoke: the bar is for `elsewhere`. `gap`:
the longest silence that the client had to put into an answer because its sound came late; below 0, the
least that it had in hand.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from assistant.caller import Caller, listening
from assistant.observer import TurnObserver
from assistant.own_service import own_service
from assistant.persona import SAMPLES
from assistant.sent_pictures import message_of, send_pictures
from tests.bench.figures import percentile
from tests.bench.machine import this_machine
from tests.bench.recordings import Recording, read_folder
from tests.rendered import LAB, drawn, encoded, photographed
from transport.client import RealtimeClient, Received, dial
from transport.pictures import Picture, checked

SEED = 5
PHONE = (4032, 3024)  # pixels: 12 megapixels
WAYS = ("alone", "elsewhere", "here")
FILES = ("plain-fever.flac", "plain-sleep.flac", "plain-pulse.flac", "pause-dizzy.flac")
MOST_RATIO = 1.3  # of the time to the first audio


@dataclass(slots=True)
class Listener:
    """What the client hears of one answer."""

    gap_s: float = -np.inf
    waited_s: float = 0.0  # for the session's own picture, after the question
    first_heard: asyncio.Event = field(default_factory=asyncio.Event)
    _played_s: float | None = None
    _read_s: float | None = None

    async def noted(self, client: RealtimeClient) -> AsyncIterator[Received]:
        """What the client receives; when the last picture was read is noted."""
        async for received in client:
            if received.type == "liushui.image.read":
                self._read_s = received.t_s
            yield received

    def watch(self, observer: TurnObserver) -> None:
        """Look at the answer after an event."""
        answer, now_s = observer.answer, asyncio.get_running_loop().time()
        if answer is None or answer.audible_s is None or answer.played_s == self._played_s:
            return
        if self._played_s is not None:
            self.gap_s = max(self.gap_s, now_s - self._played_s)
        elif self._read_s is not None:
            self.waited_s = max(0.0, self._read_s - observer.speech_end_s)
        self._played_s = answer.played_s
        self.first_heard.set()


@dataclass(frozen=True, slots=True)
class Asked:
    """One question."""

    way: str
    file: str
    first_audio_ms: float | None  # None: no answer
    waited_ms: float
    gap_ms: float
    status: str

    def line(self) -> str:
        """For people."""
        first = "none" if self.first_audio_ms is None else f"{self.first_audio_ms:.0f}"
        times = f"first audio {first:>5} ms, waited {self.waited_ms:5.0f}, gap {self.gap_ms:7.1f}"
        return f"{self.file:18} {self.way:10} {times}, {self.status}"


@dataclass(slots=True)
class OtherSession:
    """Sends one picture after the other, each when the last one is read."""

    read_ms: list[float] = field(default_factory=list)
    unread: list[str] = field(default_factory=list)  # and why

    async def run(self, url: str, pictures: Sequence[Picture]) -> None:
        """Until cancelled. What is sent is made before: this process measures the other session."""
        events = [json.dumps(message_of(picture, "picture")) for picture in pictures]
        delete = json.dumps({"type": "conversation.item.delete", "item_id": "picture"})
        clock = asyncio.get_running_loop().time
        async with await dial(url, None) as socket:
            while True:
                for event in events:
                    began_s = clock()
                    await socket.send(event)
                    while not (told := json.loads(await socket.recv()))["type"].startswith("liushui.image."):
                        pass
                    if told["type"] == "liushui.image.failed":
                        self.unread.append(told["reason"])
                    self.read_ms.append((clock() - began_s) * 1000)
                    await socket.send(delete)


def phone_photo(image: Image.Image, rng: np.random.Generator) -> bytes:
    """The paper as a phone would take it: 12 megapixels."""
    return encoded(photographed(image, rng).resize(PHONE), "JPEG", quality=92)


async def ask(recording: Recording, url: str, way: str, pictures: Sequence[Picture]) -> Asked:
    """Ask once, and follow the whole answer."""
    async with listening(url) as (client, microphone), asyncio.TaskGroup() as tasks:
        listener = Listener()
        sending = tasks.create_task(_send(client, listener, pictures if way == "here" else ()))
        caller = Caller(listener.noted(client), microphone, asyncio.get_running_loop().time)
        turn = await caller.ask(recording.question, watch=listener.watch)
        sending.cancel()
    waited_ms, gap_ms = (round(each * 1000, 1) for each in (listener.waited_s, listener.gap_s))
    first_ms = None if turn.v2v_ms is None else round(turn.v2v_ms - waited_ms, 1)
    return Asked(way, recording.file, first_ms, waited_ms, gap_ms, turn.status)


async def _send(client: RealtimeClient, listener: Listener, pictures: Sequence[Picture]) -> None:
    for number, picture in enumerate(pictures):
        if number:
            await listener.first_heard.wait()
        await client.send(message_of(picture, f"picture_{number}"))


@contextlib.asynccontextmanager
async def reading(
    url: str, way: str, other: OtherSession, pictures: Sequence[Picture]
) -> AsyncIterator[None]:
    """Have another session's pictures read meanwhile, if that is the way."""
    if way != "elsewhere":
        yield
        return
    task = asyncio.create_task(other.run(url, pictures))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled():
            task.result()  # it ended by itself: by an error


async def measure(
    recordings: Sequence[Recording], pictures: Sequence[Picture], url: str, runs: int
) -> tuple[list[Asked], OtherSession]:
    """Ask everything in every way, by turns."""
    asked, other = list[Asked](), OtherSession()
    async with listening(url) as (client, _):
        await send_pictures(client, [(Path("warm-up"), pictures[0])])
    await ask(recordings[0], url, "alone", pictures)
    for recording in [each for _ in range(runs) for each in recordings]:
        for way in WAYS:
            async with reading(url, way, other, pictures):
                asked.append(await ask(recording, url, way, pictures))
    return asked, other


def summary(asked: Sequence[Asked]) -> dict[str, dict[str, float]]:
    """Per way: the time to the first audio, its ratio to `alone`, question by question, and the worst gap."""
    firsts = {way: [each.first_audio_ms or np.inf for each in asked if each.way == way] for way in WAYS}
    return {
        way: {
            "first_audio_ms_p50": percentile(firsts[way], 50),
            "first_audio_ms_worst": max(firsts[way]),
            "ratio_of_medians": round(percentile(firsts[way], 50) / percentile(firsts["alone"], 50), 2),
            "waited_ms_p50": percentile([each.waited_ms for each in asked if each.way == way], 50),
            "gap_ms_worst": max(each.gap_ms for each in asked if each.way == way),
            "underruns": sum(each.gap_ms > 0 for each in asked if each.way == way),
            "questions": len(firsts[way]),
        }
        for way in WAYS
    }


async def _measured(
    url: str | None, recordings: Sequence[Recording], pictures: Sequence[Picture], runs: int
) -> tuple[list[Asked], OtherSession]:
    if url is not None:
        return await measure(recordings, pictures, url, runs)
    async with own_service(["--domain", "medical"]) as own_url:
        return await measure(recordings, pictures, own_url, runs)


def main(argv: Sequence[str] | None = None) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=2, help="ask everything so often (default: %(default)s)")
    parser.add_argument("--json", action="store_true", help="print nothing but the JSON line")
    parser.add_argument("--url", help="a running service (default: one is started)")
    args = parser.parse_args(argv)
    say = (lambda line: None) if args.json else print
    machine, rng = this_machine(), np.random.default_rng(SEED)
    say(f"machine: {machine}; seed {SEED}; warm-up: a picture and a question")
    recordings = [each for each in read_folder(SAMPLES / "wav", rng) if each.file in FILES]
    files = (encoded(photographed(drawn(LAB), rng), "JPEG", quality=85), phone_photo(drawn(LAB), rng))
    say(f"pictures of {', '.join(f'{len(data) / 1e6:.1f} MB' for data in files)}")
    pictures = [Picture(data, checked(data)) for data in files]
    asked, other = asyncio.run(_measured(args.url, recordings, pictures, args.runs))
    for each in asked:
        say(each.line())
    figures = summary(asked)
    for way, values in figures.items():
        say(f"{way:10} {values}")
    read_ms = percentile(other.read_ms, 50)
    say(f"elsewhere {len(other.read_ms)} pictures were read, each in about {read_ms:.0f} ms")
    for reason in other.unread:
        say(f"one was not: {reason}")
    report = {
        "ways": figures,
        "pictures": len(other.read_ms),
        "pictures_unread": len(other.unread),
        "read_ms_p50": read_ms,
    }
    ratio = figures["elsewhere"]["ratio_of_medians"]
    underruns = sum(each["underruns"] for each in figures.values())
    kept = ratio <= MOST_RATIO and not underruns
    say(f"elsewhere at most {MOST_RATIO} times the wait, and no underrun anywhere: {'yes' if kept else 'NO'}")
    print(json.dumps({**report, "kept": kept, "seed": SEED, "runs": args.runs, "machine": asdict(machine)}))


if __name__ == "__main__":
    main()
