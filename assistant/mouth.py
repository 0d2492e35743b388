"""The speaking side of one session: makes answers, lets them out in time, keeps what was heard of them."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace

from assistant.answer import Answer
from assistant.asked import TELL, asked, message_of, tools_of, usage
from assistant.dialogue import Dialogue
from assistant.illustrations import Illustrations
from assistant.loaded import Engines
from assistant.metrics import Stopwatch
from assistant.playback import ECHO_BEFORE_S, Playback
from assistant.reply import Reply, ReplyNotes, Voice
from assistant.session_reports import SessionReports
from assistant.session_voice import SessionVoice
from assistant.speaking_pace import SpeakingPace
from llm.engine import Message
from llm.tool_calls import ToolCallStream
from transport.conversation import ConversationItem
from transport.events import ResponseRequested
from transport.open_response import Usage
from transport.protocol import RealtimeProtocol
from transport.settings import SessionSettings

log = logging.getLogger(__name__)

# New text for which the model runs ahead while the user speaks: two or three words. A pass over one of them
# costs as much, and takes both cores from the recognizer.
EXPECT_CHARACTERS = 12
# The least probability that a turn is over which answers our question: language models, trained on answers
# alone, expect a question of the user at all times.
ANSWERING_OVER = 0.1
KEPT_ANSWERS = 32  # of which it is known when each word was said: a client truncates the last one, or two


class Mouth:
    """Answers of one conversation, one at a time."""

    def __init__(
        self,
        wire: RealtimeProtocol,
        engines: Engines,
        progress: Callable[[Answer], Awaitable[None]],
        reports: SessionReports,
    ) -> None:
        self.answer: Answer | None = None  # the open one
        self.last: Answer | None = None  # the one before
        self._spoken: OrderedDict[str, tuple[Playback, str]] = OrderedDict()  # by item; and what was heard
        self._told_result = False  # a tool's result was the last to join the dialogue
        self._away = False  # the client cannot be reached
        self._carried = True  # the link is fast enough for a voice
        self._settled_s = 0.0  # when that one ended
        self._voices = SessionVoice(wire, engines)
        self._asked = False  # the last answer ended with a question
        self._expected = 0  # characters of the user's turn that were computed ahead
        self._wire = wire
        self._reports = reports
        self._progress = progress  # told whenever an answer has more to say, ended or failed
        settings = wire.settings
        self.dialogue = Dialogue(
            engines.model, engines.new_dialogue_worker(), settings.instructions, tools_of(settings)
        )
        self._pace = SpeakingPace(wire, engines.paces)
        self.illustrations = Illustrations(wire, engines.pictures.cutter, progress)
        self._clock = asyncio.get_running_loop().time

    def voice_carried(self, carried: bool) -> None:
        """Whether answers reach the client as sound; else they are made as text, as fast as that goes."""
        self._carried = carried
        if not carried and self.answer is not None and self.answer.reply is not None:
            self.answer.reply.mute()

    def expect(self, user_text: str) -> None:
        """Compute ahead for a turn that begins with `user_text`, if that is worth a pass."""
        if self.answer is None and len(user_text) >= self._expected + EXPECT_CHARACTERS:
            self._expected = len(user_text)
            self.dialogue.expect(user_text)

    def configure(self, settings: SessionSettings) -> None:
        """Take over the client's settings."""
        self.dialogue.instruct(settings.instructions, tools_of(settings))
        self._pace.configure(settings)
        self._voices.configure(settings)

    def prepare(self, voice_ended_s: float, request: ResponseRequested | None) -> Answer:
        """Open an answer, held back until confirmed. `voice_ended_s`: when the user's last sound was."""
        own = self._voices.own
        rate_hz = own.synthesizer.sample_rate_hz if own else 1  # without one nothing sounds
        self._expected = 0
        self.answer = Answer(Playback(rate_hz), Stopwatch(voice_ended_s), request)
        if self._away:
            self.answer.playback.cut_off(self._clock())
        return self.answer

    def want(self, answer: Answer, request: ResponseRequested) -> None:
        """The open turn is to be answered after all."""
        answer.request = request
        if answer.user_text is not None:
            self.begin(answer)

    def begin(self, answer: Answer) -> None:
        """Generate the answer to its `user_text` (None: to the dialogue as it stands)."""
        assert answer.request is not None
        answer.started = True
        self.illustrations.charts = ()
        settings = answer.request.over(self._wire.settings)
        voice = self._voices.of(settings.voice) if settings.modality == "audio" else None
        answer.modality = "audio" if voice else "text"
        answer.voice = settings.voice if self._voices.is_further(settings.voice) else None
        notes = ReplyNotes(
            mark=lambda name: answer.stopwatch.mark(name, self._clock()),
            delivered=lambda: self._progress(answer),
            voice_lost=lambda error: self._voices.lose(settings.voice, error),
        )
        wanted = asked(answer.request, self._wire.settings)
        note = wanted.note or (TELL if self._told_result and answer.user_text is None else None)
        self._told_result = False
        tokens = self.dialogue.reply(answer.user_text, wanted.sampling, note=note, aside=wanted.aside)
        answer.calls = ToolCallStream(wanted.names)
        answer.reply = Reply(
            tokens,
            self._paced(voice, answer) if voice and self._carried else None,
            answer.playback,
            notes,
            calls=answer.calls,
            max_tokens=wanted.sampling.max_tokens,
        )
        answer.spawn(self._generate(answer, answer.reply))

    def _paced(self, voice: Voice, answer: Answer) -> Voice:
        pace = self._pace.after(answer.user_text, answer.voiced_s, answering=self._asked)
        answer.pace = pace.rate
        return replace(voice, rate=pace.rate, pause_scale=pace.pause_scale)

    def _mind_pace(self, answer: Answer) -> None:
        """What the user said has happened: let the pace follow it, once."""
        if answer.user_text and not answer.minded:
            answer.minded = True
            self._reports.said(answer.user_text)
            self._pace.heard(answer.user_text, answer.voiced_s, answering=self._asked)

    async def _generate(self, answer: Answer, reply: Reply) -> None:
        try:
            await reply.run()
            answer.cut_short = reply.cut_short
        except Exception as error:  # whatever an engine died of, the client is told, and the session lives
            log.exception("the answer failed")
            answer.error = error
            answer.playback.complete()
            await self._progress(answer)

    def turn_over(self) -> float | None:
        """The probability, by its words, that what the open answer answers is a whole turn; None: unknown."""
        if self.answer is None or not self.answer.started or (over := self.dialogue.turn_over) is None:
            return None
        return max(over, ANSWERING_OVER) if self._asked else over

    def speak(self) -> bool:
        """Let out what is due. True when the open answer has been heard to its end."""
        answer = self.answer
        if answer is None or not answer.confirmed:
            return False
        release = answer.playback.release(self._clock())
        text, ends_s = release.text, tuple[tuple[float, int], ...]()
        if self._wire.framed and not self._away:  # such a client knows when each word sounds
            text, ends_s = answer.playback.written()
        if text or len(release.audio):
            self._open_response(answer)
            if text:
                self._wire.response_text(text, ends_ms=tuple((round(s * 1000), end) for s, end in ends_s))
            if len(release.audio):
                self._wire.response_audio(release.audio)
            self._tell_timings(answer)
        self._tell_advice(answer)
        if answer.response is not None:
            self.illustrations.follow(answer)
        self._tell_calls(answer)
        if answer.playback.sent() and not answer.told:
            self._tell_end(answer)
        return answer.playback.finished(self._clock())

    def due_s(self) -> float | None:
        """Seconds until `speak` has news; None: not by itself."""
        if self.answer is None or not self.answer.confirmed:
            return None
        return self.answer.playback.due_s(self._clock())

    async def withdraw(self) -> None:
        """The user went on: the open answer never was."""
        answer, self.answer = self.answer, None
        if answer is not None:
            await answer.cancel()
            if answer.started:
                self.dialogue.forget()
            self._reports.withdrawn(answer)

    def saying(self) -> str:
        """The words that a microphone without echo cancellation may hear about now."""
        now_s = self._clock()
        if self.answer is not None and self.answer.confirmed:
            return self.answer.playback.around(now_s)
        if self.last is not None and now_s < self._settled_s + ECHO_BEFORE_S:
            return self.last.playback.around(now_s)
        return ""

    def hold(self) -> None:
        """Let nothing more out until `resume`; a client that knows how keeps what it has to itself too."""
        if self.answer is not None:
            self.answer.held += 1
            self.answer.playback.hold(self._clock(), paused=self._wire.extended)
            self._tell_client("hold", self.answer)

    def resume(self) -> None:
        """Go on from the same sample."""
        if self.answer is not None:
            self.answer.resumed += self.answer.resumed < self.answer.held
            self.answer.playback.resume(self._clock())
            self._tell_client("resume", self.answer)

    def cut_off(self) -> None:
        """The client cannot be reached for a while: answers are made, and wait."""
        self._away = True
        if self.answer is not None:
            self.answer.playback.cut_off(self._clock())

    def reconnect(self) -> None:
        """The client is back."""
        self._away = False
        if self.answer is not None:
            self.answer.playback.reconnect(self._clock())

    def played(self, item_id: str, played_s: float) -> None:
        """The client says how much of an answer it has played; of an earlier one it no longer matters."""
        if self.answer is not None and self.answer.item == item_id:
            self.answer.playback.report(played_s, self._clock())

    def _tell_client(self, action: str, answer: Answer) -> None:
        if answer.response is not None:  # it has audio to hold back
            self._wire.notice(f"liushui.playback.{action}", response_id=answer.response, item_id=answer.item)

    async def stop(self, reason: str) -> None:
        """End the open answer now; the dialogue keeps what was heard of it."""
        answer = self.answer
        if answer is None:
            return
        heard = answer.heard(self._clock())
        heard_s = answer.playback.playhead_s(self._clock())
        await answer.cancel()
        self._tell_client("clear", answer)
        if answer.item and not answer.told:
            took = self._usage(answer)
            self._wire.response_finished("cancelled", reason=reason, heard=heard, usage=took)
            answer.told = True
        self.settle(heard, reason)
        if reason == "turn_detected" and answer.item:
            self._pace.broke_in(heard_s)

    def settle(self, heard: str | None = None, reason: str | None = None) -> None:
        """Close the open answer: the dialogue keeps the user's turn and the words `heard` (None: all).

        `reason`: why it was stopped, None: it was not.
        """
        answer, self.answer = self.answer, None
        if answer is None:
            return
        self._mind_pace(answer)
        self._reports.settled(answer, answer.playback.said if heard is None else heard, reason)
        if answer.started:
            said = answer.playback.said if heard is None else heard
            if answer.calls.calling or answer.error is not None:
                heard = said  # the calls are messages of their own, and what failed never happened
            called = zip(answer.called, answer.calls.calls, strict=False)
            calls = tuple((Message("assistant", call.text), item_id) for item_id, call in called)
            ids = {"user_item": answer.user_item, "item": answer.item}
            self.dialogue.keep(answer.user_text, heard, calls=calls, **ids)
            self.last, self._settled_s = answer, self._clock()
            self._asked = said.rstrip().endswith(("?", "？"))
            self._remember(answer, said)
        elif answer.user_text:
            self.dialogue.add(Message("user", answer.user_text), answer.user_item)

    def _remember(self, answer: Answer, heard: str) -> None:
        """Let the client truncate the answer from now on."""
        answer.playback.let_go()
        if answer.item is not None:
            self._spoken[answer.item] = answer.playback, heard
            if len(self._spoken) > KEPT_ANSWERS:
                self._spoken.popitem(last=False)

    def add(self, item: ConversationItem, behind: Sequence[str] | None = None) -> None:
        """An item that was not spoken, behind the first of these that is known; None: at the end.

        The end is behind the open answer, if there is one.
        """
        message = message_of(item)
        if message.role == "user" and behind is None:
            self._pace.heard(message.text, answering=self._asked)
            self._reports.typed(message.text)
        if behind is None:
            self._told_result = message.role == "tool"
        self.dialogue.add(message, item.id, behind)

    def remove(self, item_id: str) -> None:
        """The client took an item out of the conversation."""
        self._spoken.pop(item_id, None)
        self.illustrations.remove(item_id)
        self.dialogue.remove(item_id)

    def truncate(self, item_id: str, audio_end_ms: int) -> str | None:
        """The client says how much of an answer was heard: keep those words, and return them.

        None when `item_id` is none of the last KEPT_ANSWERS.
        """
        if item_id not in self._spoken:
            return None
        playback, kept = self._spoken[item_id]
        heard = min(playback.heard(audio_end_ms / 1000), kept, key=len)
        self._spoken[item_id] = playback, heard
        self.dialogue.cut(item_id, heard)
        return heard

    async def close(self) -> None:
        """The session is over."""
        await self.withdraw()
        self.dialogue.close()
        self._pace.close()
        self._voices.close()

    def _open_response(self, answer: Answer) -> None:
        if answer.item is None:
            answer.stopwatch.mark("sent", self._clock())
            self._mind_pace(answer)
            answer.response = self._wire.response_started(answer.modality, answer.request)
            answer.item = self._wire.response_item_id

    def _tell_calls(self, answer: Answer) -> None:
        """Let the client begin with what the model asked for, be it while the words before are heard."""
        for call in answer.calls.calls[len(answer.called) :]:
            self._open_response(answer)
            answer.called.append(self._wire.response_called(call.name, call.arguments))

    def _tell_advice(self, answer: Answer) -> None:
        """Where the answer is from, and what is not said: after its first words, before its end."""
        if answer.response is None or not answer.reply or (advice := self.dialogue.advice) is None:
            return
        for kind, fields in advice.told[answer.advised :]:
            answer.advised += 1
            if kind == "liushui.safety":
                answer.safety = str(fields["kind"])
            else:
                answer.passages = advice.passages
                charts = (chart for each in advice.verdict.passages for chart in each.charts)
                self.illustrations.charts = tuple(charts)
            self._wire.notice(kind, response_id=answer.response, **fields)

    def _tell_timings(self, answer: Answer) -> None:
        if not answer.timed:
            answer.timed = True
            marks = answer.stopwatch.as_dict()
            self._wire.notice("liushui.turn.timings", response_id=answer.response, marks=marks)

    def _tell_end(self, answer: Answer) -> None:
        self._open_response(answer)
        answer.told = True
        took = self._usage(answer)
        if answer.error is not None:
            self._wire.response_finished("failed", f"the answer failed: {answer.error}", took)
        elif answer.cut_short:
            self._wire.response_finished("incomplete", "max_output_tokens", took)
        else:
            self._wire.response_finished("completed", usage=took)

    def _usage(self, answer: Answer) -> Usage | None:
        """What the open answer took, as far as the engine can tell."""
        if answer.reply is None or not answer.reply.tokens:
            return None
        return usage(self.dialogue.prompt_tokens, answer.reply.tokens)
