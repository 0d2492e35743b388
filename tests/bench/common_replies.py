"""What replies to common questions save, and whether one is ever given to another question."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from llm.embedding import SentenceEncoder
from llm.engine import LanguageModel, Sampling
from llm.local import LocalModel
from llm.remembering import RememberingModel
from llm.replies import CommonReplies, digest
from tests.bench.consultations import Consultation
from tests.question_pairs import LOOK_ALIKES, matches

ANSWER = Sampling()
COMMON = (0, 3)  # questions that others asked before, when their conversations began with them
# Conversations under one system text, by their questions: of the 10, 3 are common ones that open one.
STREAM = ((0, 1, 2), (3, 1), (0, 3, 2, 1), (2,))


def compute_saved(model: LocalModel, talks: Sequence[Consultation], encoder: SentenceEncoder) -> float:
    """Share of the CPU seconds of all answers that kept replies save, with windows in both."""
    with tempfile.TemporaryDirectory() as folder:

        def opened(system: str) -> CommonReplies:
            return CommonReplies(Path(folder), model=model.name, prompt=digest(system), encoder=encoder)

        remembering = RememberingModel(model, opened)
        for talk in talks:
            for question in COMMON * 2:  # kept from the second asking on
                _converse(remembering, talk, (question,))
        times_s = [
            [_converse(each, talk, turns) for each in (model, remembering)]
            for talk in talks
            for turns in STREAM
        ]
    without_s, with_s = map(sum, zip(*times_s, strict=True))
    return 1 - with_s / without_s


def _converse(model: LanguageModel, talk: Consultation, turns: Sequence[int]) -> float:
    """Ask these questions in one conversation; returns the CPU seconds of this process."""
    chat = model.chat(talk.system)
    start_s = time.process_time()
    for turn in turns:
        for _ in chat.reply(talk.questions[turn], ANSWER):
            pass
        chat.commit()
    return time.process_time() - start_s


def false_hits(encoder: SentenceEncoder) -> int:
    """How many questions that only look alike get each other's reply."""
    return sum(matches(pair, encoder) for pair in LOOK_ALIKES)
