"""The OpenAI Realtime API (GA event names) without I/O.

There is no socket, no clock and no asyncio here. `receive` takes what the client sent and returns commands;
the other methods tell the protocol what happened in the session, and each queues the events the API has for
it, in the API's order, until `data_to_send` takes them. A peer's fault becomes an `error` event and never
raises; a fault of ours raises `LocalProtocolError`. Not thread-safe: one session's event loop drives it.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable
from dataclasses import replace

from transport import events
from transport.admission import (
    admitted,
    check_cancellation,
    check_commit,
    check_creation,
    check_deletion,
    check_truncation,
)
from transport.audio_formats import PCM_RATE_HZ, Samples
from transport.calls import FunctionCall
from transport.conversation import ConversationItem
from transport.errors import LocalProtocolError, RejectedEventError
from transport.input_events import InputEvents
from transport.items import Item
from transport.open_response import OpenResponse, Usage, status_details
from transport.outgoing import Outgoing, OutgoingAudio, OutgoingEvent, OutgoingText
from transport.response import EndStatus
from transport.settings import Modality, SessionSettings

# The WebSocket subprotocol by which a client says that it knows our own events beside OpenAI's.
LIUSHUI_V1 = "liushui.v1"


# Samples of silence by media time before an answer's first: a codec's edges meet no other answer's.
BETWEEN_ANSWERS = PCM_RATE_HZ


def random_id(prefix: str) -> str:
    """Return `prefix` and 80 random bits, within the 32 characters OpenAI gives an id."""
    return f"{prefix}_{secrets.token_hex(10)}"


class RealtimeProtocol(InputEvents):
    """One session's side of the wire. `settings` and the conversation follow what client and session do."""

    def __init__(
        self,
        session_id: str,
        model: str,
        settings: SessionSettings,
        *,
        extended: bool = True,
        framed: bool = False,
        user: str | None = None,
        new_id: Callable[[str], str] = random_id,
    ) -> None:
        self.session_id = session_id
        self.model = model
        super().__init__(settings, new_id)
        # Whether the client knows liushui.v1: others may stumble over events not OpenAI's.
        self.extended = extended
        # Whether audio and the text of answers leave as `OutgoingAudio` and `OutgoingText`, not as events.
        self.framed = framed
        self.user = user  # a stable name of who speaks, None: unknown
        self._conversation_id = new_id("conv")
        self._response: OpenResponse | None = None
        self._asides: dict[str, OpenResponse] = {}  # written beside the conversation, by id
        # Drained by every flush; what a reply may queue between two flushes bounds it.
        self._outgoing: list[Outgoing] = []
        self._events = 0  # queued so far
        self._media_time = 0  # samples of all answers' audio so far, at 24 kHz; for frames

    @property
    def response_id(self) -> str | None:
        """Id of the response in progress, None when there is none."""
        return self._response.id if self._response else None

    @property
    def response_item_id(self) -> str | None:
        """Id of the conversation item the response in progress writes, None when there is none."""
        return self._response.item_id if self._response else None

    def item(self, item_id: str) -> ConversationItem | None:
        """Return a conversation item, None once it was deleted or is too old to be kept."""
        return self._conversation.get(item_id)

    @property
    def last_item_id(self) -> str | None:
        """Id of the newest conversation item, None when there is none."""
        return self._conversation.last_id

    def items_before(self, item_id: str) -> tuple[str, ...]:
        """Return the ids of the items before this one, the nearest first."""
        return self._conversation.all_before(item_id)

    def outgoing(self) -> list[Outgoing]:
        """Return what the client is to be told, in order, and forget it."""
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def data_to_send(self) -> list[str]:
        """Return the text messages to send to a client that takes no frames, in order, and forget them."""
        return [each.text for each in self.outgoing() if isinstance(each, OutgoingEvent)]

    # From the client

    def receive(self, message: str | bytes) -> list[events.Command]:
        """Return what one message asks of the session; nothing when it is answered or refused here."""
        try:
            if isinstance(message, bytes):
                raise RejectedEventError(
                    "the message is binary: send JSON as a text message", code="invalid_json"
                )
            command = events.parse_event(message, self.settings, self._new_id)
            try:
                return self._admit(command)
            except RejectedEventError as error:
                error.event_id = command.event_id
                raise
        except RejectedEventError as error:
            self.error(str(error), error.code, error.event_id, param=error.param)
            return []

    def receive_audio(self, samples: Samples) -> list[events.Command]:
        """As `receive`, of the microphone's audio in a frame: mono at 24 kHz."""
        return self._admit(events.AudioAppended(samples, PCM_RATE_HZ))

    def _admit(self, command: events.Command) -> list[events.Command]:
        """Hold a command against the session's state; raises `RejectedEventError` when it cannot be done."""
        match command:
            case events.SessionUpdated(settings):
                self.settings = settings
                self._queue("session.updated", session=self._session_on_wire())
            case events.AudioAppended():
                self._buffered_ms += command.duration_ms
                return [*command.pieces()]
            case events.AudioCommitted():
                check_commit(self._buffered_ms)
            case events.ItemCreated():
                check_creation(command, self._conversation)
                self._conversation.expect(command.item)
            case events.ItemDeleted(item_id):
                check_deletion(item_id, self._conversation, self._response)
            case events.ItemRetrieved(item_id):
                item = self._conversation.asked_for(item_id)
                self._queue("conversation.item.retrieved", item=item.on_wire())
                return []
            case events.ItemTruncated():
                check_truncation(command, self._conversation, self._response)
            case events.ResponseRequested():
                return [admitted(command, self._conversation, self._response, len(self._asides))]
            case events.ResponseCancelled(response_id):
                check_cancellation(response_id, self._response, self._asides)
        return [command]

    # What happened in the session

    def open(self) -> None:
        """Greet the client with the session's settings."""
        self._queue("session.created", session=self._session_on_wire())

    def item_added(self, item: ConversationItem, previous_item_id: str | None = None) -> None:
        """A finished item joined the conversation, such as one the client wrote.

        It stands behind `previous_item_id`: None, or an item deleted meanwhile, is the end, "root" the start.
        """
        previous = self._conversation.add(item, previous_item_id)
        self._queue("conversation.item.added", previous_item_id=previous, item=item.on_wire())
        self._queue("conversation.item.done", previous_item_id=previous, item=item.on_wire())

    def item_truncated(self, item_id: str, content_index: int, audio_end_ms: int, heard: str = "") -> None:
        """The user heard an assistant item up to `audio_end_ms`, the text `heard`; the rest is forgotten."""
        item = self._conversation.get(item_id)
        if isinstance(item, Item):
            self._conversation.change(replace(item, text=heard, audio_ms=audio_end_ms))
        self._queue(
            "conversation.item.truncated",
            item_id=item_id,
            content_index=content_index,
            audio_end_ms=audio_end_ms,
        )

    def item_deleted(self, item_id: str) -> None:
        """The item is out of the conversation."""
        self._conversation.remove(item_id)
        self._queue("conversation.item.deleted", item_id=item_id)

    def output_audio_cleared(self, response_id: str) -> None:
        """What the client asked for was done: the answer is not played any further."""
        self._queue("output_audio_buffer.cleared", response_id=response_id)

    def response_started(self, modality: Modality, request: events.ResponseRequested | None = None) -> str:
        """An answer begins; returns its id. Raises `LocalProtocolError` while another one is open.

        `request`: what asked for it. Written out of band it is an aside, beside which others may be open; its
        id then goes with everything that is told of it.
        """
        request = request or events.ResponseRequested()
        aside = not request.in_conversation and modality == "text"
        if self._response and not aside:
            raise LocalProtocolError(f"{self._response.id} is still open: call response_finished first")
        response = OpenResponse(
            self._new_id("resp"),
            self._new_id("item"),
            modality,
            request.over(self.settings),
            self._conversation_id if request.in_conversation else None,
            request.metadata,
        )
        if aside:
            self._asides[response.id] = response
        else:
            self._response = response
        self._queue("response.created", response=response.on_wire("in_progress"))
        return response.id

    def response_text(
        self, delta: str, response_id: str | None = None, *, ends_ms: tuple[tuple[int, int], ...] = ()
    ) -> None:
        """More of the answer's text: the transcript of a spoken one.

        `ends_ms`: (end in the answer's audio [ms], end in `delta` [characters]) of each word that sounds.
        """
        response = self._open_response("response_text", response_id)
        self._begin_message(response)
        offset = len(response.text)
        response.add_text(delta)
        if self.framed:
            self._outgoing.append(OutgoingText(response.item_id, offset, delta, ends_ms))
            return
        kind = "output_audio_transcript" if response.modality == "audio" else "output_text"
        self._queue(f"response.{kind}.delta", **response.place(), delta=delta)

    def response_audio(self, samples: Samples) -> None:
        """More of the answer's audio: mono float32 at 24 kHz, sent in the output format."""
        response = self._open_response("response_audio")
        self._begin_message(response)
        if self.framed:
            self._frame_audio(response, samples)
        else:
            self._queue_audio(response, response.add_audio(samples))

    def response_called(self, name: str, arguments: str, response_id: str | None = None) -> str:
        """The answer asks the client for a function, its arguments as JSON; returns the id of the item."""
        response = self._open_response("response_called", response_id)
        call = FunctionCall(self._new_id("item"), self._new_id("call"), name, arguments)
        index = response.add_call(call)
        self._queue_begun(response, index, replace(call, status="in_progress", arguments=""))
        place = {
            "response_id": response.id,
            "item_id": call.id,
            "output_index": index,
            "call_id": call.call_id,
        }
        self._queue("response.function_call_arguments.delta", **place, delta=arguments)
        self._queue("response.function_call_arguments.done", **place, name=name, arguments=arguments)
        self._queue_finished(response, index, call)
        return call.id

    def response_finished(
        self,
        status: EndStatus,
        reason: str | None = None,
        usage: Usage | None = None,
        heard: str | None = None,
        response_id: str | None = None,
    ) -> None:
        """The answer ended, once and for all.

        `reason` is `turn_detected` or `client_cancelled` for a cancelled one, `max_output_tokens` or
        `content_filter` for an incomplete one, and a sentence for a failed one. `heard` is the part of the
        text the user heard, when that is less than all of it; it is what the conversation keeps.
        """
        response = self._open_response("response_finished", response_id)
        if response.is_silent:
            self._begin_message(response)
        self._queue_audio(response, response.end(status))
        if self._asides.pop(response.id, None) is None:
            self._response = None
        message = None
        if response.has_message:
            text = response.text if heard is None else heard
            message = response.item("completed" if status == "completed" else "incomplete", text)
            self._queue_text_done(response, text)
            self._queue("response.content_part.done", **response.place(), part=response.part(text))
            self._queue_finished(response, response.message_index, message)
        details = status_details(status, reason)
        ended = response.on_wire(status, details=details, message=message, usage=usage)
        self._queue("response.done", response=ended)

    def notice(self, kind: str, /, **fields: object) -> None:
        """Send an event of our own, to clients of liushui.v1 only; `kind` begins with `liushui.`."""
        if not kind.startswith("liushui."):
            raise LocalProtocolError(f"{kind!r} is not ours to send: a notice's type begins with liushui.")
        if self.extended:
            self._queue(kind, **fields)

    def mode_changed(self, modality: Modality, reason: str) -> None:
        """The session goes on in another modality for a reason of ours, such as a voice that failed.

        Every client is told: by the settings now in force, and by `liushui.mode` or else an `error` event.
        """
        self.settings = replace(self.settings, modality=modality)
        self._queue("session.updated", session=self._session_on_wire())
        if self.extended:
            self.notice("liushui.mode", mode=modality, reason=reason)
        else:
            self.error(
                f"answers come as {modality} from here on: {reason}", "mode_changed", server_fault=True
            )

    def error(
        self,
        message: str,
        code: str | None = None,
        event_id: str | None = None,
        *,
        param: str | None = None,
        server_fault: bool = False,
    ) -> None:
        """Tell the client what went wrong, and about which of its events; the session goes on."""
        kind = "server_error" if server_fault else "invalid_request_error"
        fault = {"type": kind, "code": code, "message": message, "param": param, "event_id": event_id}
        self._queue("error", error=fault)

    def _open_response(self, caller: str, response_id: str | None = None) -> OpenResponse:
        response = self._response if response_id is None else self._asides.get(response_id, self._response)
        if response is None or response_id not in (None, response.id):
            raise LocalProtocolError(f"{caller} without an open response: call response_started first")
        return response

    def _begin_message(self, response: OpenResponse) -> None:
        """Announce the response's message, if it is not yet."""
        if not response.has_message:
            response.begin_message()
            self._queue_begun(response, response.message_index, response.item("in_progress", ""))
            self._queue("response.content_part.added", **response.place(), part=response.part(""))

    def _queue_begun(self, response: OpenResponse, index: int, item: ConversationItem) -> None:
        place = {"response_id": response.id, "output_index": index}
        self._queue("response.output_item.added", **place, item=item.on_wire())
        if response.conversation_id:
            previous = self._conversation.add(item)
            self._queue("conversation.item.added", previous_item_id=previous, item=item.on_wire())

    def _queue_finished(self, response: OpenResponse, index: int, item: ConversationItem) -> None:
        place = {"response_id": response.id, "output_index": index}
        self._queue("response.output_item.done", **place, item=item.on_wire())
        if response.conversation_id:
            self._conversation.change(item)
            previous = self._conversation.before(item.id)
            self._queue("conversation.item.done", previous_item_id=previous, item=item.on_wire())

    def _frame_audio(self, response: OpenResponse, samples: Samples) -> None:
        if response.audio_ms == 0:
            self._media_time += BETWEEN_ANSWERS
            self.notice("liushui.audio.started", **response.place(), media_time=self._media_time)
        response.count_audio(samples)
        self._outgoing.append(OutgoingAudio(response.item_id, self._media_time, samples))
        self._media_time += len(samples)

    def _queue_audio(self, response: OpenResponse, delta: str) -> None:
        if delta:
            self._queue("response.output_audio.delta", **response.place(), delta=delta)

    def _queue_text_done(self, response: OpenResponse, text: str) -> None:
        if response.modality == "text":
            self._queue("response.output_text.done", **response.place(), text=text)
            return
        self._queue("response.output_audio.done", **response.place())
        self._queue("response.output_audio_transcript.done", **response.place(), transcript=text)

    def _session_on_wire(self) -> dict[str, object]:
        identity = {"object": "realtime.session", "id": self.session_id, "model": self.model}
        return identity | self.settings.on_wire()

    def _queue(self, kind: str, /, **fields: object) -> None:
        self._events += 1  # random ids are what compresses worst
        event_id = f"event_{self._events}" if self.framed else self._new_id("event")
        event = {"type": kind, "event_id": event_id, **fields}
        text = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
        item = fields.get("item")
        item_id = item.get("id") if isinstance(item, dict) else fields.get("item_id")
        self._outgoing.append(OutgoingEvent(kind, text, None if item_id is None else str(item_id)))
