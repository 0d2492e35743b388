"""What a client does to items: those it writes join the dialogue where they stand in the conversation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import replace

import numpy as np

from asr.engine import SAMPLE_RATE_HZ, Recognizer
from asr.numbers import with_digits
from asr.resample import Resampler
from asr.streaming import Utterance
from assistant.errors import PictureUnread
from assistant.inbox import Deaf, Read, Seen
from assistant.loaded import Hearing
from assistant.mouth import Mouth
from assistant.picture_desk import PictureDesk
from assistant.picture_items import PictureItems
from assistant.pictures import ReadPicture
from transport.conversation import ConversationItem
from transport.events import ItemCreated, ItemTruncated
from transport.items import Item, Recording
from transport.protocol import RealtimeProtocol


class ClientItems:
    """Those of one conversation. While `unread` of them are being read, nothing is to be answered."""

    def __init__(
        self,
        wire: RealtimeProtocol,
        mouth: Mouth,
        hearing: Hearing | None,
        desk: PictureDesk,
        put: Callable[[Deaf | Read | Seen], Awaitable[None]],
    ) -> None:
        """`put`: into the session's inbox, what a recording or a picture reads as."""
        self.unread = 0
        self._pictures = PictureItems(wire, desk, mouth.illustrations, put)
        self._wire = wire
        self._mouth = mouth
        self._hearing = hearing
        self._put = put

    def create(self, command: ItemCreated) -> Coroutine[None, None, None] | None:
        """Add an item; returns what reads its recording or pictures, if there are any, and has to be run."""
        self._wire.item_added(command.item, command.previous_item_id)
        if command.pictures and isinstance(command.item, Item):
            self.unread += 1
            return self._pictures.read(command.item, command.pictures)
        if command.recording is None or not isinstance(command.item, Item):
            self._join(command.item)
            return None
        if self._hearing is None:
            self._wire.transcript_failed(command.item.id, "the service cannot hear: send the transcript")
            return None
        self.unread += 1
        return self._transcribe(self._hearing, command.item, command.recording)

    def read(self, item: Item, text: str) -> None:
        """A recording has been transcribed."""
        self.unread -= 1
        self._wire.transcript_completed(item.id, text)
        if self._wire.item(item.id) is not None:  # not deleted meanwhile
            self._join(replace(item, text=text))

    def seen(self, item: Item, read: Sequence[ReadPicture | PictureUnread]) -> None:
        """The pictures of a message have been read."""
        self.unread -= 1
        if self._wire.item(item.id) is None:  # deleted meanwhile
            return
        self._pictures.seen(item, read)
        if (kept := self._wire.item(item.id)) is not None:
            self._join(kept)
            self._mouth.dialogue.expect("")  # a page takes the model seconds: before the question comes

    def delete(self, item_id: str) -> None:
        """Take an item out, whoever made it."""
        self._wire.item_deleted(item_id)
        self._mouth.remove(item_id)

    def truncate(self, command: ItemTruncated) -> None:
        """Keep of an answer what was heard of it."""
        heard = self._mouth.truncate(command.item_id, command.audio_end_ms)
        if heard is None:
            message = f"{command.item_id} is no answer that was spoken lately: only those can be truncated"
            self._wire.error(message, code="item_not_found", event_id=command.event_id)
        else:
            self._wire.item_truncated(command.item_id, command.content_index, command.audio_end_ms, heard)

    def _join(self, item: ConversationItem) -> None:
        is_last = self._wire.last_item_id == item.id
        self._mouth.add(item, None if is_last else self._wire.items_before(item.id))

    async def _transcribe(self, hearing: Hearing, item: Item, recording: Recording) -> None:
        text = ""
        try:
            recognizer = hearing.recognizer_of(self._wire.settings.language)
            text = await _words(hearing, recognizer, recording)
        except Exception as error:  # whatever the recognizer died of, the conversation goes on in text
            await self._put(Deaf(error))
        await self._put(Read(item, text))


async def _words(hearing: Hearing, recognizer: Recognizer, recording: Recording) -> str:
    resampler = Resampler(recording.sample_rate_hz, SAMPLE_RATE_HZ)
    utterance = Utterance(recognizer)
    utterance.feed(np.concatenate((resampler(recording.samples), resampler.finish())))
    words = await hearing.words_worker.run(utterance.final)
    return with_digits(words, utterance.language).strip()
