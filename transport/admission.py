"""Whether a command can be carried out as things stand; each check raises `RejectedEventError` if not."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from transport.calls import FunctionCallOutput
from transport.conversation import ROOT, Conversation
from transport.errors import RejectedEventError
from transport.events import ItemCreated, ItemReference, ItemTruncated, ResponseRequested
from transport.items import Item
from transport.open_response import OpenResponse

# OpenAI refuses to commit less: "buffer too small. Expected at least 100ms of audio".
MIN_COMMIT_MS = 100
# Written responses out of band at a time; they share the model with the answer that is being spoken.
MAX_ASIDES = 8


def check_commit(buffered_ms: float) -> None:
    """A commit needs audio."""
    if buffered_ms < MIN_COMMIT_MS:
        message = (
            f"the input audio buffer holds {buffered_ms:.0f} ms: append at least {MIN_COMMIT_MS} ms first"
        )
        raise RejectedEventError(message, code="input_audio_buffer_commit_empty")


def check_creation(command: ItemCreated, conversation: Conversation) -> None:
    """A new item needs an id of its own and a place; a result, the call that it answers."""
    item_id, previous = command.item.id, command.previous_item_id
    if item_id in conversation:
        message = f"item.id {item_id!r} is taken: choose another, or leave it out"
        raise RejectedEventError(message, code="item_exists", param="item.id")
    if previous not in (None, ROOT) and previous not in conversation:
        message = f"previous_item_id {previous!r} is not in the conversation: name an item of it, or root"
        raise RejectedEventError(message, code="item_not_found", param="previous_item_id")
    if isinstance(command.item, FunctionCallOutput) and not conversation.called(command.item.call_id):
        message = f"item.call_id {command.item.call_id!r} is of no call: take it from a function_call item"
        raise RejectedEventError(message, code="call_not_found", param="item.call_id")


def check_deletion(item_id: str, conversation: Conversation, response: OpenResponse | None) -> None:
    """An item can be deleted once it is finished."""
    conversation.asked_for(item_id)
    if response and response.item_id == item_id:
        message = f"item_id {item_id!r} is still being said: send response.cancel first"
        raise RejectedEventError(message, code="item_in_progress", param="item_id")


def check_truncation(
    command: ItemTruncated, conversation: Conversation, response: OpenResponse | None
) -> None:
    """Only what was sent of a spoken answer can be cut."""
    item = conversation.asked_for(command.item_id)
    if not isinstance(item, Item) or item.content != "output_audio":
        message = f"item_id {item.id!r} is no spoken answer: only the assistant's audio can be truncated"
        raise RejectedEventError(message, param="item_id")
    audio_ms = response.audio_ms if response and response.item_id == item.id else item.audio_ms
    if command.audio_end_ms > audio_ms:
        message = (
            f"audio_end_ms is {command.audio_end_ms}, but the audio has {audio_ms} ms: send at most that"
        )
        raise RejectedEventError(message, param="audio_end_ms")


def admitted(
    command: ResponseRequested,
    conversation: Conversation,
    response: OpenResponse | None,
    asides: int,
) -> ResponseRequested:
    """Return the request with the items that it refers to; one response at a time, but for written asides."""
    if command.is_aside and asides >= MAX_ASIDES:
        message = f"{asides} responses out of band are in progress: wait for one's response.done"
        raise RejectedEventError(message, code="too_many_responses")
    if response and not command.is_aside:
        message = f"response {response.id} is still in progress: wait for response.done, or cancel it"
        raise RejectedEventError(message, code="conversation_already_has_active_response")
    if command.input is None:
        return command
    items = tuple(
        conversation.asked_for(item.id) if isinstance(item, ItemReference) else item for item in command.input
    )
    return replace(command, input=items)


def check_cancellation(
    response_id: str | None, response: OpenResponse | None, asides: Collection[str]
) -> None:
    """There must be something to cancel."""
    if response_id in asides:
        return
    if response is None or response_id not in (None, response.id):
        named = "no response is" if response_id is None else f"response_id {response_id!r} is not"
        message = f"{named} in progress: there is nothing to cancel"
        raise RejectedEventError(message, code="response_cancel_not_active", param="response_id")
