"""One conversation: audio comes in, speech goes out.

Everything that happens is one item in one queue: a command of the client, a result of an engine, or the time
at which more audio is due. The loop takes one, asks `turns` what it means, does that, lets due audio out.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Coroutine

from asr.engine import SAMPLE_RATE_HZ
from assistant import readings
from assistant.answer import Answer
from assistant.asides import Asides
from assistant.asked import SILENT
from assistant.caption import Caption
from assistant.client_items import ClientItems
from assistant.ear import FRAME_S, Ear
from assistant.inbox import Deaf, Gone, Item, Overheard, Progress, Read, Scored, Seen, Transcribed
from assistant.loaded import Engines, Hearing
from assistant.mouth import Mouth
from assistant.partials import Partials
from assistant.reports import NOBODY, Reports
from assistant.session_reports import SessionReports
from assistant.silence import Silence
from assistant.turn_policy import TurnPolicy, policy_for
from assistant.turns import Action, Event, State, Turns
from transport import events as wire
from transport.connection import Connection
from transport.framed import LineLost, LineRestored, VoiceCarried
from transport.items import Item as Message
from transport.settings import SessionSettings

log = logging.getLogger(__name__)

INBOX_ITEMS = 64  # 1.3 s of 20 ms audio messages; past that, the client's own socket waits
USUAL = TurnPolicy()


class Session:
    """One client's conversation, from the first event to the last."""

    def __init__(
        self, connection: Connection, engines: Engines, policy: TurnPolicy = USUAL, reports: Reports = NOBODY
    ) -> None:
        self._connection = connection
        self._wire = connection.protocol
        self._engines = engines
        self._policy = policy  # for clients that leave the waiting to us
        self._turns = Turns(policy)
        self._hearing: Hearing | None = engines.hearing  # None: the conversation is typed
        self._ear: Ear | None = engines.hearing.ear() if engines.hearing else None
        self._inbox: asyncio.Queue[Item] = asyncio.Queue(INBOX_ITEMS)
        self._clock = asyncio.get_running_loop().time
        self._reports = SessionReports(reports, self._wire, self._clock)
        self._mouth = Mouth(self._wire, engines, self._progress, self._reports)
        self._tasks: set[asyncio.Task[None]] = set()
        self._hands_free = True  # turns are detected, not committed by the client
        self._create_response = True  # a detected turn is answered unasked
        self._interruptible = True  # the user may break into an answer
        self._asides = Asides(self._wire, self._mouth.dialogue, connection.flush, self._reports)
        self._requested: wire.ResponseRequested | None = None  # while its meaning is worked out
        self._postponed: wire.ResponseRequested | None = None  # until the last answer was heard
        self._items = ClientItems(self._wire, self._mouth, engines.hearing, engines.pictures, self._inbox.put)
        self._silence = Silence()
        self._told_deaf = False
        self._partials = Partials(engines.hearing, self._inbox.put)
        self._now_ms = 0  # session time
        self._caption = Caption(self._wire)
        self._perform: dict[Action, Callable[[], Awaitable[None]]] = {
            Action.OPEN: self._open,
            Action.PREPARE: self._prepare,
            Action.WITHDRAW: self._mouth.withdraw,
            Action.CONFIRM: self._confirm,
            Action.DROP: self._drop,
            Action.ANSWER: self._answer,
            Action.DUCK: self._duck,
            Action.RESUME: self._resume,
            Action.STOP: lambda: self._mouth.stop("turn_detected"),
            Action.ABORT: lambda: self._mouth.stop("client_cancelled"),
        }

    async def run(self) -> None:
        """Converse until the client leaves."""
        self._wire.open()
        self._reports.begin()
        self._engines.admit(self._wire)
        self._configure(self._wire.settings)
        self._spawn(self._read())
        try:
            while True:
                await self._connection.flush()
                if isinstance(item := await self._next(), Gone):
                    break
                if item is not None:
                    await self._take(item)
                if self._mouth.speak():
                    await self._do(self._turns.tell(Event.ENDED))
                    self._mouth.settle()
                    self._silence.begin(self._clock())
                await self._catch_up()
        finally:
            for task in tuple(self._tasks):
                task.cancel()
            self._partials.close()
            await self._asides.close()
            await self._mouth.close()
            self._reports.end()

    async def _next(self) -> Item | None:
        """The next item; None when audio is due before one comes, or the silence has lasted too long."""
        due_s = self._silence.left_s(self._clock()) if self._is_idle() else self._mouth.due_s()
        try:
            async with asyncio.timeout(due_s):
                return await self._inbox.get()
        except TimeoutError:
            return None

    async def _read(self) -> None:
        async for command in self._connection:
            await self._inbox.put(command)
        await self._inbox.put(Gone())

    async def _take(self, item: Item) -> None:
        match item:
            case wire.AudioAppended():
                await self._listen(item)
            case Overheard():
                await self._overhear(item)
            case Scored() if item.answer is self._mouth.answer:
                item.answer.stopwatch.mark("scored", self._clock())
                await self._do(self._turns.scored(item.completeness))
            case Transcribed():
                await self._understand(item.answer, item.text)
            case Progress() if item.answer is self._mouth.answer:
                await self._do(self._turns.answer_ready(self._mouth.turn_over()))
            case LineLost():
                self._mouth.cut_off()
            case LineRestored():
                self._mouth.reconnect()
            case VoiceCarried():
                self._mouth.voice_carried(item.carried)
            case Read():
                self._items.read(item.item, item.text)
                self._begin_if_read()
            case Seen():
                self._items.seen(item.item, item.pictures)
                self._begin_if_read()
            case Deaf():
                await self._go_deaf(item.error)
            case Scored() | Progress():
                pass  # of an answer that is no more
            case _:
                await self._obey(item)

    async def _progress(self, answer: Answer) -> None:
        await self._inbox.put(Progress(answer))

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _do(self, actions: tuple[Action, ...]) -> None:
        for action in actions:
            await self._perform[action]()

    # Listening: samples -> frames -> turns; partial transcripts on the side.

    async def _listen(self, command: wire.AudioAppended) -> None:
        if (ear := self._ear) is None:
            if not self._told_deaf:  # once, not with every chunk
                message = "the service cannot hear in this conversation: send text items"
                self._wire.error(message, "audio_unavailable", command.event_id)
                self._told_deaf = True
            return
        if not self._hands_free:
            ear.open()
        for audio in ear.resample(command.samples, command.sample_rate_hz):
            frames = ear.hear(audio)
            self._now_ms = ear.milliseconds()
            for frame in frames:
                if self._follows_voice():
                    silence_s = frame.silence_samples / SAMPLE_RATE_HZ
                    voiced_s = frame.voiced_samples / SAMPLE_RATE_HZ
                    await self._do(self._turns.voice(frame.speaking, silence_s, FRAME_S, voiced_s))
            if self._turns.state is State.CLOSING:
                await self._do(self._turns.waited(ear.silence_s()))
            self._partials.read_when_due(ear, self._turns.state)
            await asyncio.sleep(0)  # a long message must not hold up the other sessions

    def _follows_voice(self) -> bool:
        """Whether voice may change the turn: not when the client commits by hand or forbids barge-in."""
        return self._hands_free and (self._interruptible or self._turns.state is not State.REPLYING)

    async def _overhear(self, item: Overheard) -> None:
        if self._ear is None or self._ear.utterance is not item.utterance:
            return  # that utterance is over
        if self._turns.state is State.DUCKED:
            reading = self._ear.reading(item.partial)
            await self._do(self._turns.overheard(reading, self._mouth.saying()))
        elif self._turns.state is State.SPEAKING:
            self._mouth.expect(self._caption.show(item.partial, item.utterance.language))

    async def _go_deaf(self, error: Exception) -> None:
        if self._ear is None:
            return
        log.error("listening failed", exc_info=error)
        self._ear = None
        reason = f"listening failed ({error}): send text from here on"
        self._wire.mode_changed("text", reason)
        for event in (Event.CLEAR, Event.NOISE):  # an open utterance is lost; an answer goes on
            await self._do(self._turns.tell(event))

    # The closing utterance: its words, and whether it sounds complete.

    async def _understand(self, answer: Answer, text: str) -> None:
        answer.user_text = text = text.strip()
        answer.stopwatch.mark("transcript", self._clock())
        if answer is self._mouth.answer:
            await self._do(self._turns.transcribed(text, self._mouth.saying()))
        if answer.confirmed:
            self._caption.complete(answer, deaf=self._ear is None)
        if answer is not self._mouth.answer:
            if answer.confirmed and text:  # stopped before its words were known: they were said all the same
                self._mouth.add(Message(answer.user_item or "", "user", "input_audio", text))
        elif answer.request is not None:
            self._begin_if_read()
        else:
            await self._do(self._turns.answer_ready())
            await self._settle_unwanted(answer)

    def _begin_if_read(self) -> None:
        """Begin the answer to the spoken turn, once all that it may be about has been read."""
        answer = self._mouth.answer
        ready = answer is not None and answer.user_text is not None and answer.request is not None
        if answer is not None and ready and not answer.started and not self._items.unread:
            self._mouth.begin(answer)

    async def _settle_unwanted(self, answer: Answer) -> None:
        if (
            answer.confirmed
            and answer.request is None
            and answer.user_text is not None
            and self._mouth.answer is answer
        ):
            self._mouth.settle()
            await self._do(self._turns.tell(Event.ENDED))

    # What `turns` decides.

    async def _open(self) -> None:
        assert self._ear is not None
        self._ear.open()
        self._caption.open(self._ear.milliseconds(self._ear.started) if self._hands_free else None)

    async def _prepare(self) -> None:
        assert self._ear is not None and self._hearing is not None
        utterance = self._ear.open()
        usual = wire.ResponseRequested() if self._create_response else None
        request, self._postponed = self._requested or self._postponed or usual, None
        answer = self._mouth.prepare(self._clock() - self._turns.silence_s, request)
        answer.voiced_s = self._ear.voiced_s()
        answer.stopwatch.mark("noticed", self._clock())
        voiced_until = self._ear.voiced_until() if self._hands_free else None
        utterance.outdate(utterance.fed if voiced_until is None else voiced_until)
        answer.spawn(readings.transcribe(self._hearing, answer, utterance, voiced_until, self._inbox.put))
        doubtful = self._turns.policy.doubtful
        answer.spawn(readings.score(self._hearing, answer, utterance, doubtful, self._inbox.put))

    async def _confirm(self) -> None:
        answer = self._mouth.answer
        assert answer is not None and self._ear is not None
        answer.confirmed = True
        answer.stopwatch.mark("confirmed", self._clock())
        if self._hands_free:
            self._wire.speech_stopped(self._now_ms)
        answer.user_item, self._caption.item = self._wire.audio_committed(), None
        self._ear.close()
        if answer.user_text is not None:
            self._caption.complete(answer, deaf=self._ear is None)
        await self._settle_unwanted(answer)

    async def _drop(self) -> None:
        if self._caption.item:
            self._wire.speech_stopped(self._now_ms)
        if self._ear is not None:
            self._ear.close()
        elif self._caption.item:
            self._wire.transcript_failed(self._wire.audio_committed(), "listening failed: please type it")
        self._caption.item = None

    async def _answer(self) -> None:
        answer = self._mouth.prepare(self._clock(), self._requested or wire.ResponseRequested())
        answer.confirmed = True
        self._mouth.begin(answer)

    async def _duck(self) -> None:
        assert self._ear is not None
        self._ear.open()
        if not self._turns.echoes:
            self._mouth.hold()

    async def _resume(self) -> None:
        if self._ear is not None and self._turns.echoes:
            self._ear.close()  # what begins next does not begin with our own words
        elif self._ear is not None:
            self._ear.ignore()
        self._mouth.resume()

    # What the client asks for.

    async def _obey(self, command: Item) -> None:
        match command:
            case wire.SessionUpdated():
                self._configure(command.settings)
            case wire.AudioCommitted():
                await self._commit(command.event_id)
            case wire.AudioCleared():
                if self._ear is not None:
                    self._ear.close()
                await self._do(self._turns.tell(Event.CLEAR))
                self._wire.audio_cleared()
            case wire.ItemCreated():
                if (reading := self._items.create(command)) is not None:
                    self._spawn(reading)
            case wire.ItemDeleted(item_id):
                self._items.delete(item_id)
            case wire.ItemTruncated(item_id):
                if self._mouth.answer is not None and self._mouth.answer.item == item_id:
                    await self._do(self._turns.tell(Event.CANCEL))
                self._items.truncate(command)
            case wire.PlaybackReported(item_id, audio_end_ms):
                self._mouth.played(item_id, audio_end_ms / 1000)
            case wire.FeedbackGiven():
                self._reports.rate(command, self._mouth.answer)
            case wire.ResponseRequested():
                await self._request(command)
            case wire.ResponseCancelled(response_id):
                if not self._asides.cancel(response_id):
                    await self._do(self._turns.tell(Event.CANCEL))
            case wire.OutputAudioCleared():
                answer = self._mouth.answer
                await self._do(self._turns.tell(Event.CANCEL))
                if answer is not None and answer.response is not None:
                    self._wire.output_audio_cleared(answer.response)

    def _configure(self, settings: SessionSettings) -> None:
        """Take over what the client set; the wire has checked it."""
        detection = settings.turn_detection
        self._hands_free = detection is not None
        self._create_response = detection is not None and detection.create_response
        self._interruptible = detection is not None and detection.interrupt_response
        if self._hearing is not None and self._ear is not None:
            self._ear.recognizer = self._hearing.recognizer_of(settings.language)
        self._silence.configure(detection)
        self._turns.policy = policy_for(detection, self._policy)
        self._mouth.configure(settings)

    async def _commit(self, event_id: str | None) -> None:
        if self._ear is None or self._ear.utterance is None:
            message = "there is no audio to commit; append some first"
            self._wire.error(message, "input_audio_buffer_commit_empty", event_id)
            return
        await self._do(self._turns.tell(Event.COMMIT))

    async def _request(self, command: wire.ResponseRequested) -> None:
        answer = self._mouth.answer
        if command.is_aside:
            self._asides.begin(command)
            return
        if self._items.unread or (answer is not None and answer.told):
            self._postponed = command  # the recordings belong to what is answered; and nobody is interrupted
            return
        if answer is not None and answer.request is None:  # the turn is being transcribed: answer it then
            self._mouth.want(answer, command)
        elif answer is not None and answer.confirmed:
            message = "an answer is under way: cancel it, or wait until it was heard"
            self._wire.error(message, "conversation_already_has_active_response", command.event_id)
            return
        self._requested = command
        await self._do(self._turns.tell(Event.REQUEST))
        self._requested = None

    def _is_idle(self) -> bool:
        return self._turns.state is State.LISTENING and self._mouth.answer is None

    async def _catch_up(self) -> None:
        """Do what had to wait until nobody speaks: a request that came early; speak up in a long silence."""
        if not self._is_idle() or self._items.unread:
            return
        if self._postponed is not None:
            request, self._postponed = self._postponed, None
            await self._request(request)
        elif self._silence.is_over(self._clock()):
            self._wire.silence_timed_out(max(0, self._now_ms - self._silence.timeout_ms), self._now_ms)
            await self._request(wire.ResponseRequested(instructions=SILENT))
