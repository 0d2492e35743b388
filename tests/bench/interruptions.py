"""Sounds during an answer, over the real WebSocket at real-time speed: does it stop, and does it go on.

Each trial is a session that is asked for a long answer and, when that has been heard for a moment, makes one
sound: somebody breaks in, or a noise or a backchannel that should not matter. Its loudspeaker is followed to
the millisecond; it does what the service says, as soon as it says so.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from assistant.caller import listening
from assistant.microphone import SAMPLE_RATE_HZ, Audio, Microphone
from assistant.observer import decoded
from assistant.own_service import own_service
from assistant.speech_end import first_voiced_s
from tests.bench.figures import percentile
from tests.bench.loudspeaker import Loudspeaker
from tests.bench.recordings import Recording, Sound
from transport.client import RealtimeClient, Received

LONG_ANSWER = "Answer every request with a story of at least ten long sentences."
REQUEST = "Tell me about the history of medicine."
HEARD_S = (0.8, 2.5)  # of the answer, before the sound: drawn between these
LONGEST_S = 4.0  # of a sound
DECIDED_S = 2.0  # after the sound: what has not happened by then does not happen
FIRST_SOUND_S = 20.0  # after the request: later, the service is out of order
Say = Callable[[str], None]


class NoAnswer(RuntimeError):
    """The service did not answer, or not for long enough."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What came of one sound. Times in ms from its first voiced sample."""

    quiet_ms: float | None  # until the loudspeaker fell silent; None: it played on
    stop_ms: float | None  # until it fell silent for good; None: it was heard again
    decided_ms: float | None  # until the answer was given up; None: it was not
    resumed_ms: float | None  # from the end of the sound until it was heard again, if it had fallen silent


def interrupt(
    recordings: Sequence[Recording], sounds: Sequence[Sound], seed: int, say: Say
) -> dict[str, float]:
    """Run all trials against a service of our own; the figures."""
    return asyncio.run(_interrupt(recordings, sounds, np.random.default_rng(seed), say))


async def _interrupt(
    recordings: Sequence[Recording], sounds: Sequence[Sound], rng: np.random.Generator, say: Say
) -> dict[str, float]:
    async with own_service() as url:
        broken_in, passed = [], []
        await _try(url, np.zeros(SAMPLE_RATE_HZ, np.float32), 0.0, HEARD_S[0])  # warm-up
        for recording in recordings:
            audio = recording.question.audio[: round(LONGEST_S * SAMPLE_RATE_HZ)]
            begins_s = first_voiced_s(audio, SAMPLE_RATE_HZ)
            broken_in.append(await _try(url, audio, begins_s, rng.uniform(*HEARD_S)))
            say(f"{recording.file:28} breaks in    {_told(broken_in[-1])}")
        for sound in sounds:
            passed.append(await _try(url, _part(sound.audio, rng), 0.0, rng.uniform(*HEARD_S)))
            say(f"{sound.file:28} {'says ' + sound.text if sound.text else 'a noise':12} {_told(passed[-1])}")
    return interruption_figures(broken_in, passed)


def _part(audio: Audio, rng: np.random.Generator) -> Audio:
    """At most LONGEST_S of it, from a moment drawn at random."""
    samples = round(LONGEST_S * SAMPLE_RATE_HZ)
    start = int(rng.integers(max(1, len(audio) - samples)))
    return audio[start : start + samples]


async def _try(url: str, audio: Audio, begins_s: float, heard_s: float) -> Trial:
    """One session; `begins_s`: the first voiced sample of `audio`."""
    async with listening(url) as (client, microphone):
        await client.send(
            {"type": "session.update", "session": {"type": "realtime", "instructions": LONG_ANSWER}}
        )
        content = [{"type": "input_text", "text": REQUEST}]
        item = {"type": "message", "role": "user", "content": content}
        await client.send({"type": "conversation.item.create", "item": item})
        await client.send({"type": "response.create"})
        return await _follow(client, microphone, audio, begins_s, heard_s)


async def _follow(
    client: RealtimeClient, microphone: Microphone, audio: Audio, begins_s: float, heard_s: float
) -> Trial:
    listener, now_s = _Listener(), asyncio.get_running_loop().time()
    await listener.until(client, now_s + FIRST_SOUND_S, lambda: listener.speaker.played_s >= heard_s)
    if not listener.speaker.playing:
        raise NoAnswer(f"no answer was heard for {heard_s:.1f} s within {FIRST_SOUND_S:g} s of the request")
    start_s = microphone.play(audio)
    end_s = start_s + len(audio) / SAMPLE_RATE_HZ
    await listener.until(client, end_s + DECIDED_S, lambda: listener.given_up_s is not None)
    return listener.trial(start_s + begins_s, end_s)


class _Listener:
    """Follows the first answer's events to its loudspeaker."""

    def __init__(self) -> None:
        self.speaker = Loudspeaker()
        self.given_up_s: float | None = None
        self._response: str | None = None
        self._resumed_s: list[float] = []

    async def until(self, client: RealtimeClient, limit_s: float, done: Callable[[], bool]) -> None:
        """Take events until `done` or the time is `limit_s`."""
        clock = asyncio.get_running_loop().time
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout_at(limit_s):
                async for received in client:
                    self._take(received)
                    if done():
                        return
        self.speaker.wait(clock())

    def _take(self, received: Received) -> None:
        event, now_s = received.event, received.t_s
        self.speaker.wait(now_s)
        match received.type:
            case "response.created" if self._response is None:
                self._response = event["response"]["id"]
            case "response.output_audio.delta" if event["response_id"] == self._response:
                self.speaker.audio(len(decoded(event["delta"])) / SAMPLE_RATE_HZ, now_s)
            case "liushui.playback.hold" if event["response_id"] == self._response:
                self.speaker.hold(now_s)
            case "liushui.playback.resume" if event["response_id"] == self._response:
                self.speaker.resume(now_s)
                self._resumed_s.append(now_s)
            case "liushui.playback.clear" if event["response_id"] == self._response:
                self.speaker.clear(now_s)
                self.given_up_s = now_s

    def trial(self, voiced_s: float, end_s: float) -> Trial:
        """What came of a sound whose voice began at `voiced_s` and that ended at `end_s`."""
        stops_s = [stop_s for stop_s in self.speaker.stops_s if stop_s >= voiced_s]
        given_up = self.given_up_s is not None
        resumed_s = [at_s for at_s in self._resumed_s if at_s >= voiced_s]
        return Trial(
            quiet_ms=(stops_s[0] - voiced_s) * 1000 if stops_s else None,
            stop_ms=(stops_s[-1] - voiced_s) * 1000 if stops_s and given_up else None,
            decided_ms=None if self.given_up_s is None else (self.given_up_s - voiced_s) * 1000,
            resumed_ms=(resumed_s[-1] - end_s) * 1000 if resumed_s else None,
        )


def interruption_figures(broken_in: Sequence[Trial], passed: Sequence[Trial]) -> dict[str, float]:
    """The figures of interruptions, and of noises and backchannels."""
    stopped = [trial for trial in broken_in if trial.decided_ms is not None]
    went_on = [trial for trial in passed if trial.decided_ms is None]
    return {
        **dict(_spread("barge_in_quiet_ms", [trial.quiet_ms for trial in broken_in])),
        **dict(_spread("barge_in_stop_ms", [trial.stop_ms for trial in stopped])),
        **dict(_spread("barge_in_decided_ms", [trial.decided_ms for trial in stopped])),
        "missed_interruptions": round(1 - len(stopped) / max(1, len(broken_in)), 4),
        "false_interruption_resume_rate": round(len(went_on) / max(1, len(passed)), 4),
        "interruptions": len(broken_in),
        "false_interruptions": len(passed),
        "false_interruptions_held": sum(trial.quiet_ms is not None for trial in passed),
    }


def _spread(name: str, values: Sequence[float | None]) -> Iterator[tuple[str, float]]:
    known = [value for value in values if value is not None]
    for percent in (50, 95):
        if known:
            yield f"{name}_p{percent}", percentile(known, percent)


def _told(trial: Trial) -> str:
    values = (trial.quiet_ms, trial.stop_ms, trial.decided_ms, trial.resumed_ms)
    quiet, stop, decided, resumed = ("   -" if value is None else f"{value:4.0f}" for value in values)
    return f"quiet {quiet}  stopped {stop}  decided {decided}  resumed {resumed}"
