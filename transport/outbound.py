"""What is on its way to a client of frames: in what order, in what form, and when. It has no clock."""

from __future__ import annotations

import json
from dataclasses import dataclass

from transport.audio_formats import PCM_RATE_HZ, Samples, to_pcm16
from transport.degrade import Delivery, Ladder, Rung
from transport.frame_stream import FrameWriter
from transport.handshake import FrameAudio
from transport.key_words import KeyWords
from transport.opus import OpusEncoder
from transport.outgoing import Outgoing, OutgoingAudio, OutgoingEvent, OutgoingText
from transport.priority import AudioChunk, ControlEvent, OutgoingQueue, TextEvent, TextPiece

# These overtake what waits: silence that comes late is no silence.
URGENT = frozenset(
    {
        "liushui.playback.hold",
        "liushui.playback.resume",
        "liushui.playback.clear",
        "input_audio_buffer.speech_started",
    }
)
# The first event after an answer's last text and audio; it waits for both.
ENDS = frozenset({"response.output_audio.done", "response.output_text.done"})
# They are looked at beside what is heard, and leave when nothing else does.
IDLE = frozenset({"liushui.image.show"})
# A frame cannot be overtaken once it left: a picture that takes longer than this would make audio late, which
# leaves 0.3 s before it is heard. The client is told without the picture then.
PICTURE_S = 0.3
CLEARS = frozenset({"liushui.playback.clear"})
PACKET_S = 0.04  # PCM in a frame; as long as an Opus packet
# How long audio may be on its way: it leaves 0.3 s before it is heard, and a client stalls no longer than so.
LATEST_S = 0.8
PLAIN = KeyWords()
OBSERVE_S = 0.1  # between two looks at how delivery goes


@dataclass
class _Sound:
    """The answer whose audio is on its way."""

    item_id: str
    due_s: float  # when its next sample must have arrived
    begin: int  # media time of its first sample


class Outbound:
    """`put` what the session says; send what `next` gives: after `put`, `acknowledged` and `due_s`."""

    def __init__(self, audio: FrameAudio, *, brotli: bool, key_words: KeyWords = PLAIN) -> None:
        """`key_words`: knows the terms of the domain."""
        self.writer = FrameWriter(brotli=brotli)
        self.carries_voice = True  # False: the link is too slow for any voice
        self._queue = OutgoingQueue()
        self._key_words = key_words
        self._opus = OpusEncoder(Rung.OPUS_32.bit_rate) if audio == "opus" else None
        self._ladder = Ladder()
        self._sound: _Sound | None = None
        self._timed = "", 0  # the item whose words came last, and when the last of them ends [ms]
        self._observed_s = float("-inf")
        self._sent_audio_s = 0.0  # since then
        self._late_s = 0.0  # of all late audio, what was counted
        # Bytes/s that the link has shown it takes: at its best, since speech alone offers it little.
        self._best_rate = 0.0

    @property
    def waiting_bytes(self) -> int:
        """What was put and has not left."""
        return self._queue.waiting_bytes

    def put(self, outgoing: Outgoing, now_s: float) -> None:
        """Let something leave when its turn comes; raises `PeerTooSlowError`."""
        match outgoing:
            case OutgoingEvent():
                self._put_event(outgoing, now_s)
            case OutgoingText():
                for piece in self._pieces(outgoing):
                    self._queue.put(piece, now_s)
            case OutgoingAudio():
                self._put_audio(outgoing, now_s)

    def next(self, now_s: float) -> bytes | None:
        """Return the next frame if one may leave now."""
        self._observe(now_s)
        link = self.writer.link
        room_bytes = self.writer.room_bytes(now_s)
        leaving = self._queue.next(now_s, room_bytes, link.transit_s)
        match leaving:
            case ControlEvent():
                events = [leaving.json]  # what waits together is compressed together
                while (also := self._queue.also(room_bytes - sum(map(len, events)))) is not None:
                    events.append(also.json)
                return self.writer.events(events, now_s, self._queue.waiting_bytes)
            case TextEvent():
                return self.writer.events([leaving.json], now_s, self._queue.waiting_bytes)
            case AudioChunk():
                self._sent_audio_s += leaving.duration_s
                return self.writer.audio(leaving.payload, leaving.media_time, now_s, opus=leaving.opus)
        return None

    def due_s(self) -> float | None:
        """Seconds until `next` may have something by itself; None while nothing waits."""
        return OBSERVE_S if self._queue.waiting_bytes else None

    def acknowledged(self, received: int, now_s: float) -> None:
        """The client has every frame up to that number; raises `FrameError` for one never sent."""
        link = self.writer.link
        link.acknowledged(received, now_s)
        rate = link.throughput or 0.0
        self._best_rate = rate if link.queueing_s > PICTURE_S else max(rate, self._best_rate)

    def replay(self, received: int, now_s: float) -> tuple[bytes, ...]:
        """Return what to send again on a new connection; raises `FrameError`, `ResumeImpossibleError`."""
        return self.writer.link.replay(received, now_s)

    def _put_event(self, event: OutgoingEvent, now_s: float) -> None:
        if event.kind in ENDS:
            self._finish_sound(now_s)
            self._queue.put(ControlEvent(event.text, after=event.item_id), now_s)
            return
        if event.kind in CLEARS and event.item_id is not None:
            self._drop_sound()
            self._queue.clear(event.item_id)
        if event.kind in IDLE:
            self._queue.put(ControlEvent(self._affordable(event.text), idle=True), now_s)
            return
        self._queue.put(ControlEvent(event.text, urgent=event.kind in URGENT), now_s)

    def _affordable(self, shown: str) -> str:
        """The event, without its picture where the link would take too long for it."""
        if len(shown) <= self._best_rate * PICTURE_S:
            return shown
        return json.dumps(json.loads(shown) | {"image_url": None}, ensure_ascii=False, separators=(",", ":"))

    def _pieces(self, said: OutgoingText) -> list[TextPiece]:
        pieces = list[TextPiece]()
        item_id, before_ms = self._timed  # the word before, of this item or another
        before_ms = before_ms if item_id == said.item_id else 0
        for word in self._key_words.tag(said.text):
            last = word.offset + len(word.text)
            end_ms = max((ms for ms, end in said.ends_ms if word.offset < end <= last), default=None)
            start_ms = None if end_ms is None else before_ms
            offset = said.offset + word.offset
            pieces.append(TextPiece(said.item_id, offset, word.text, word.word_class, start_ms, end_ms))
            before_ms = end_ms or before_ms
        self._timed = said.item_id, before_ms
        return pieces

    def _put_audio(self, audio: OutgoingAudio, now_s: float) -> None:
        if self._sound is None or self._sound.item_id != audio.item_id:
            self._finish_sound(now_s)
            self._sound = _Sound(audio.item_id, now_s, audio.media_time)
            self._choose_first_rung(now_s)
        self._sound.due_s = max(self._sound.due_s, now_s + LATEST_S)
        if self._opus is None:
            self._put_pcm(audio, self._sound, now_s)
        elif self._ladder.rung is not Rung.TEXT:
            self._put_packets(self._opus, audio.samples, self._sound, now_s)
        else:  # the text is all that the link carries; what is heard next begins a stretch of its own
            self._drop_sound()

    def _choose_first_rung(self, now_s: float) -> None:
        if self._opus is not None:
            self._ladder.begin(self.writer.link.may_carry(now_s))
            if self._ladder.rung is not Rung.TEXT:
                self._opus.bit_rate = self._ladder.rung.bit_rate

    def _put_pcm(self, audio: OutgoingAudio, sound: _Sound, now_s: float) -> None:
        size = round(PACKET_S * PCM_RATE_HZ)
        for begin in range(0, len(audio.samples), size):
            part = audio.samples[begin : begin + size]
            self._put_chunk(sound, to_pcm16(part), audio.media_time + begin, len(part) / PCM_RATE_HZ, now_s)

    def _put_packets(self, encoder: OpusEncoder, samples: Samples, sound: _Sound, now_s: float) -> None:
        for packet in encoder.encode(samples):
            self._put_chunk(sound, packet.data, sound.begin + packet.first_sample, PACKET_S, now_s, opus=True)

    def _put_chunk(
        self,
        sound: _Sound,
        payload: bytes,
        media_time: int,
        duration_s: float,
        now_s: float,
        *,
        opus: bool = False,
    ) -> None:
        chunk = AudioChunk(sound.item_id, payload, media_time, duration_s, sound.due_s, opus)
        self._queue.put(chunk, now_s)
        sound.due_s += duration_s

    def _finish_sound(self, now_s: float) -> None:
        """The answer's last samples leave the encoder."""
        if self._sound is None:
            return
        if self._opus is not None:
            packets = self._opus.finish()
            for packet in packets if self._ladder.rung is not Rung.TEXT else ():
                begin = self._sound.begin + packet.first_sample
                self._put_chunk(self._sound, packet.data, begin, PACKET_S, now_s, opus=True)
        self._sound = None

    def _drop_sound(self) -> None:
        """What the encoder still holds is not heard."""
        if self._opus is not None and self._sound is not None:
            self._opus.finish()
        self._sound = None

    def _observe(self, now_s: float) -> None:
        """Look at how delivery goes, and change the rung if that is wanted."""
        if self._opus is None or now_s - self._observed_s < OBSERVE_S:
            return
        self._observed_s = now_s
        late_s = self._queue.late_s - self._late_s
        link = self.writer.link
        delivery = Delivery(link.waiting_s(now_s), self._sent_audio_s, late_s, link.throughput)
        self._sent_audio_s, self._late_s = 0.0, self._queue.late_s
        change = self._ladder.observe(delivery, now_s)
        if change is None:
            return
        if change.after is not Rung.TEXT:
            self._opus.bit_rate = change.after.bit_rate
        notice = {"type": "liushui.link", "bit_rate": change.after.bit_rate, "reason": change.why}
        self.carries_voice = change.after is not Rung.TEXT
        self._queue.put(ControlEvent(json.dumps(notice), urgent=True), now_s)
