"""Ratings by a key, in `liushui chat`: /right, /wrong, /fluent, /choppy. No words are kept with them."""

from __future__ import annotations

import time

from assistant.record_store import FOLDER, RecordStore
from assistant.turn_report import Feedback, Rating, Setting, TurnReport
from assistant.weights import default_home
from transport.protocol import random_id

COMMANDS = {
    "/right": Rating(right=True),
    "/wrong": Rating(right=False),
    "/fluent": Rating(fluent=True),
    "/choppy": Rating(fluent=False),
}


class ChatRatings:
    """Those of one dialogue in the terminal."""

    def __init__(self, domain: str, model: str) -> None:
        self._setting = Setting(domain, model)
        self._session = random_id("sess")  # of this process; it is not kept
        self._answers = 0
        self._response: str | None = None  # of the last answer
        self._rating = Rating()

    def answered(self) -> None:
        """There is an answer to rate."""
        self._answers += 1
        self._response, self._rating = random_id("resp"), Rating()

    def take(self, command: str) -> str:
        """Keep what a command says of the last answer; returns what to show. Raises sqlite3.Error."""
        if self._response is None:
            return "there is no answer yet that could be rated"
        self._rating = self._rating.then(COMMANDS[command])
        now_s = time.time()
        turn = TurnReport(
            session_id=self._session,
            number=self._answers,
            at_s=now_s,
            setting=self._setting,
            status="completed",
            reason=None,
            modality="text",
            typed=True,
            user_text="",
            said="",
            heard="",
            response=self._response,
        )
        with RecordStore(default_home() / FOLDER) as store:
            store.rate(Feedback(turn, self._rating, "chat", now_s))
        return "kept: see `liushui feedback summary`"
