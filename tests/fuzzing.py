"""What a client might send, and what must hold whatever it sends. For minutes of it:

    python -m tests.fuzzing --minutes 10 [--only NAME]

`make test` tries a few hundred of each (test_transport_fuzzing.py). A failure is shrunk, printed, and ends
the run; its batch number repeats it.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st

from tests.fuzzed_frames import check_frames, frame_messages
from tests.fuzzed_pictures import check_picture, pictures
from tests.server_events import SERVER_EVENT
from transport import events
from transport.conversation import MAX_CONVERSATION_CHARS, MAX_ITEMS
from transport.protocol import RealtimeProtocol
from transport.settings import SessionSettings

BATCH = 200  # examples between two looks at the clock
TURN_S = 10.0  # for one target after the other

# What clients send, with every field that has a meaning. A mutation puts anything anywhere in them.
TURNS = {"type": "server_vad", "threshold": 0.5, "prefix_padding_ms": 300, "silence_duration_ms": 500}
SESSION = {
    "type": "realtime",
    "instructions": "Be brief.",
    "output_modalities": ["audio"],
    "max_output_tokens": 64,
    "tools": [],
    "audio": {
        "input": {
            "format": {"type": "audio/pcm", "rate": 24000},
            "turn_detection": TURNS,
            "transcription": {"model": "whisper", "language": "en"},
        },
        "output": {"format": {"type": "audio/pcmu"}, "voice": {"id": "heart"}, "speed": 1.1},
    },
}
SAID = {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "What is a fever?"}]}
PIXEL = "data:image/png;base64," + (  # one white one
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR42mP4DwABAQEAHLCMmQAAAABJRU5ErkJggg=="
)
SHOWN = {"type": "message", "role": "user", "content": [{"type": "input_image", "image_url": PIXEL}]}
VALID: tuple[dict[str, Any], ...] = (
    {"type": "session.update", "session": SESSION},
    {"type": "session.update", "session": {"type": "realtime", "audio": {"input": {"turn_detection": None}}}},
    {"type": "input_audio_buffer.append", "audio": "AAAA" * 1600},
    {"type": "input_audio_buffer.commit"},
    {"type": "input_audio_buffer.clear"},
    {"type": "conversation.item.create", "item": SAID},
    {"type": "conversation.item.create", "item": {**SAID, "id": "item_1"}, "previous_item_id": "root"},
    {"type": "conversation.item.create", "item": {**SHOWN, "id": "item_2"}},
    {"type": "conversation.item.delete", "item_id": "item_1"},
    {"type": "conversation.item.retrieve", "item_id": "item_1"},
    {"type": "conversation.item.truncate", "item_id": "item_1", "content_index": 0, "audio_end_ms": 100},
    {"type": "response.create", "response": {"instructions": "Shout.", "output_modalities": ["text"]}},
    {"type": "response.create"},
    {"type": "response.cancel"},
    {"type": "output_audio_buffer.clear"},
)
NASTY_TEXT = (
    "",
    "\0",
    "\ud800",
    "\udfff\ud800",
    "流水",
    "\U0010ffff",
    "a" * 600,
    "item_1",
    "__class__",
    "{}",
    "%s{0}",
)
NASTY_NUMBERS = (0, -1, 2**31, 2**63, -(2**63), 10**18, 10**400, 0.5, -0.0, 1e308, 5e-324, True)

scalars = (
    st.none()
    | st.sampled_from(NASTY_TEXT)
    | st.sampled_from(NASTY_NUMBERS)
    | st.text(max_size=8)
    | st.floats()
)
junk = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every place in a JSON value: the object or array, and the key or index in it."""
    keys: Sequence[Any] = list(value) if isinstance(value, dict) else range(len(value))
    inner = [place for key in keys if isinstance(value[key], dict | list) for place in places(value[key])]
    return [(value, key) for key in keys] + inner


@st.composite
def mutated(draw: st.DrawFn) -> dict[str, Any]:
    """A valid event with up to three of its fields, at any depth, replaced, left out or joined by others."""
    event: dict[str, Any] = json.loads(json.dumps(draw(st.sampled_from(VALID))))
    for _ in range(draw(st.integers(1, 3))):
        if not (known := places(event)):
            break
        within, key = draw(st.sampled_from(known))
        match draw(st.sampled_from(("replace", "replace", "drop", "add"))):
            case "replace":
                within[key] = draw(scalars | junk)
            case "drop":
                del within[key]
            case _ if isinstance(within, dict):
                within[draw(st.text(max_size=6) | st.sampled_from(("event_id", "type", "rate")))] = draw(junk)
            case _:
                within.append(draw(junk))
    if draw(st.booleans()):
        event["event_id"] = draw(st.sampled_from(NASTY_TEXT) | st.text(max_size=8))
    return event


@st.composite
def cut(draw: st.DrawFn) -> str:
    """The text of an event with a piece taken out, doubled, or exchanged."""
    text = json.dumps(draw(mutated()), ensure_ascii=draw(st.booleans()))
    start = draw(st.integers(0, len(text)))
    end = draw(st.integers(start, min(len(text), start + 20)))
    return text[:start] + draw(st.sampled_from(("", text[start:end] * 2)) | st.text(max_size=6)) + text[end:]


valid = st.sampled_from(VALID).map(json.dumps)
broken = cut() | st.text(max_size=40) | st.binary(max_size=40) | junk.map(json.dumps)
messages: st.SearchStrategy[str | bytes] = valid | valid | mutated().map(json.dumps) | broken


@dataclass
class Stub:
    """A session that does at once what a real one does in time, and holds the protocol to its promises."""

    extended: bool
    ids: Counter[str] = field(default_factory=Counter)
    open_response: str | None = None

    def __post_init__(self) -> None:
        self.wire = RealtimeProtocol(
            "sess_1",
            "m",
            SessionSettings(),
            extended=self.extended,
            new_id=self._new_id,
        )
        self.wire.open()

    def _new_id(self, prefix: str) -> str:
        self.ids[prefix] += 1
        return f"{prefix}_{self.ids[prefix]}"

    def obey(self, command: events.Command) -> None:
        """Do what a command asks."""
        wire = self.wire
        match command:
            case events.AudioCommitted():
                wire.transcript_completed(wire.audio_committed(), "What is a fever?")
            case events.AudioCleared():
                wire.audio_cleared()
            case events.ItemCreated(item=item, pictures=pictures):
                wire.item_added(item)
                if pictures:
                    wire.pictures_seen(item.id, "[My picture says:\nFever 38.5\n]")
            case events.ItemDeleted(item_id=item_id):
                wire.item_deleted(item_id)
            case events.ItemTruncated(item_id=item_id, content_index=index, audio_end_ms=end_ms):
                wire.item_truncated(item_id, index, end_ms, "A fever")
            case events.ResponseRequested(modality=modality):
                wire.response_started(modality or wire.settings.modality)
            case events.ResponseCancelled():
                wire.response_finished("cancelled", "client_cancelled", heard="A")

    def happen(self, what: str) -> None:
        """Let something happen that no client asked for, where it can."""
        wire = self.wire
        if what == "speech":
            wire.speech_started(100)
            wire.speech_stopped(600)
        elif wire.response_id is None:
            if what == "answer":
                wire.response_started(wire.settings.modality)
        elif what == "end":
            wire.response_finished("completed")
        elif what == "more":
            wire.response_text("A fever. ")
            if self.spoken:
                wire.response_audio(np.zeros(480, np.float32))

    @property
    def spoken(self) -> bool:
        """Whether the response in progress has a voice."""
        response = self.wire._response
        return response is not None and response.modality == "audio"

    def check(self) -> None:
        """Hold what is sent, and what is kept, to what clients and the process rely on."""
        for text in self.wire.data_to_send():
            text.encode()
            self._check_event(json.loads(text))
        assert isinstance(self.wire.settings, SessionSettings)
        items = self.wire._conversation._items.values()
        assert len(items) <= MAX_ITEMS
        assert len(items) == 1 or sum(len(item.text or "") for item in items) <= MAX_CONVERSATION_CHARS

    def _check_event(self, event: dict[str, Any]) -> None:
        kind = event["type"]
        if not kind.startswith("liushui."):
            SERVER_EVENT.validate_python(event)
        elif not self.extended:
            raise AssertionError(f"{kind} was sent to who does not know it")
        if kind == "response.created":
            assert self.open_response is None
            self.open_response = event["response"]["id"]
        elif kind == "response.done":
            assert event["response"]["id"] == self.open_response
            self.open_response = None
        elif kind.startswith("response."):
            assert event["response_id"] == self.open_response


HAPPENINGS = ("speech", "answer", "more", "end")
happenings = st.sampled_from(HAPPENINGS).map(lambda what: ("happen", what))
steps = st.lists(st.one_of(messages, messages, happenings), min_size=5, max_size=30)
conversations = st.tuples(st.booleans(), steps)


def check_protocol(conversation: tuple[bool, list[str | bytes | tuple[str, str]]]) -> None:
    """Whatever a client sends, and whenever: events come out, and nothing is raised."""
    extended, script = conversation
    stub = Stub(extended)
    for step in script:
        if isinstance(step, tuple):
            stub.happen(step[1])
        else:
            for command in stub.wire.receive(step):
                assert isinstance(command, events.Command)
                stub.obey(command)
        stub.check()


@dataclass(frozen=True)
class Target:
    """What to throw, and what must hold; `check` raises when it does not."""

    examples: st.SearchStrategy[Any]
    check: Callable[[Any], None]


# Whatever else reads a peer's bytes joins with a line here.
TARGETS: dict[str, Target] = {
    "protocol": Target(conversations, check_protocol),
    "frames": Target(frame_messages, check_frames),
    "pictures": Target(pictures, check_picture),
}


def try_batch(target: Target, number: int, examples: int = BATCH) -> None:
    """Try so many examples, always the same for a number; raises what the first failure raises, shrunk."""
    run = given(target.examples)(target.check)
    run = settings(
        max_examples=examples,
        deadline=None,
        database=None,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )(run)
    seed(number)(run)()


def try_for(seconds: float, name: str, target: Target, first: int) -> int:
    """Try batches from the number `first` on until the time is over; returns the number of the next."""
    end_s, number = time.monotonic() + seconds, first
    while time.monotonic() < end_s:
        print(f"batch {number} of {name}", end="\r", flush=True)
        try_batch(target, number)
        number += 1
    return number


def main(argv: Sequence[str] | None = None) -> None:
    """Fuzz each target in turn until the time is over."""
    parser = argparse.ArgumentParser("tests.fuzzing", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="in all (default: %(default)s)")
    parser.add_argument("--only", choices=[*TARGETS, "service"], help="one target alone")
    args = parser.parse_args(argv)
    from tests.fuzzed_service import service_target

    with service_target() as service:
        targets = {**TARGETS, "service": service}
        chosen = {args.only: targets[args.only]} if args.only else targets
        end_s = time.monotonic() + 60 * args.minutes
        batches = dict.fromkeys(chosen, 0)
        while time.monotonic() < end_s:
            for name, target in chosen.items():
                batches[name] = try_for(TURN_S, name, target, batches[name])
    for name, count in batches.items():
        print(f"{name}: {count * BATCH} examples, no failure")


if __name__ == "__main__":
    main()
