"""The user's words on the wire while they are spoken."""

from __future__ import annotations

from asr.numbers import settled_digits, with_digits
from asr.streaming import Partial
from assistant.answer import Answer
from transport.protocol import RealtimeProtocol


class Caption:
    """Of one session: the open utterance's item, and the words of it that the client has."""

    def __init__(self, wire: RealtimeProtocol) -> None:
        self.item: str | None = None  # the open utterance's id on the wire
        self._wire = wire
        self._shown = ""

    def open(self, started_ms: int | None) -> None:
        """An utterance begins; None: unknown when, and nobody is told before it is committed."""
        self._shown = ""
        if started_ms is not None:
            self.item = self._wire.speech_started(started_ms)

    def show(self, partial: Partial, language: str) -> str:
        """Tell what is new of the words that stay, and how all of them read so far; returns the latter."""
        text = with_digits(partial.committed + partial.tentative, language).strip()
        if self.item:
            stands = settled_digits(partial.committed, language)
            if len(stands) > len(self._shown):
                self._wire.transcript_delta(self.item, stands[len(self._shown) :])
                self._shown = stands
            self._wire.notice("liushui.transcript.partial", item_id=self.item, text=text)
        return text

    def complete(self, answer: Answer, *, deaf: bool) -> None:
        """Tell all the words of a committed turn; `deaf`: listening has failed, and there may be none."""
        assert answer.user_item is not None and answer.user_text is not None
        if deaf and not answer.user_text:
            self._wire.transcript_failed(answer.user_item, "listening failed: please type it")
        else:
            self._wire.transcript_completed(answer.user_item, answer.user_text)
