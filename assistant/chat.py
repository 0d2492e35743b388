"""`liushui chat`: the same dialogue in text, in a terminal or a pipe."""

from __future__ import annotations

import signal
import sys
from argparse import Namespace
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from assistant.advised import advice_on
from assistant.chat_ratings import COMMANDS, ChatRatings
from assistant.engines import config_from, load_language_model, with_consultations
from assistant.persona import load_persona
from assistant.picture_files import PictureFiles
from assistant.progress import shown_step
from assistant.weights import Store
from llm.engine import Chat, Sampling

QUIT = "/quit"
IMAGE = "/image "


def run(args: Namespace) -> None:
    """Converse until /quit, the end of input, or Ctrl-C at the prompt."""
    persona = load_persona(args.domain)
    config = config_from(args)
    with shown_step("loading the language model"):
        model = with_consultations(config, load_language_model(config, Store()), [persona], Store())
    if sys.stdin.isatty():
        with suppress(ImportError):  # not every Python is built with it
            import readline  # noqa: F401  # gives input() its line editing
        print(f"{persona.name}, with {model.name}. Ctrl-C stops an answer; {QUIT} leaves.")
        print(f"{IMAGE}FILE shows it a picture.")
        print(f"What did you think of an answer? {' '.join(COMMANDS)} keep a rating, without words.")
    chat = model.chat(persona.prompt)
    ratings = ChatRatings(persona.name, model.name)
    try:
        show = PictureFiles()
        for line in _lines("you: " if sys.stdin.isatty() else ""):
            if line in COMMANDS:
                print(ratings.take(line))
            elif line.startswith(IMAGE):
                show(chat, Path(line.removeprefix(IMAGE).strip()).expanduser())
            else:
                answer(chat, line)
                ratings.answered()
    finally:
        chat.close()


def _lines(prompt: str) -> Iterator[str]:
    with suppress(EOFError):
        while (line := input(prompt).strip()) != QUIT:
            if line:
                yield line
    if prompt:
        print()  # after Ctrl-D, the shell's prompt starts a line of its own


def answer(chat: Chat, user_text: str) -> None:
    """Print the answer as it is made. Ctrl-C stops it, and the dialogue keeps what was printed."""
    said = ""
    with _interrupted() as interrupted:
        for token in chat.reply(user_text, Sampling()):
            print(token.text, end="", flush=True)
            said += token.text
            if interrupted():
                break
    print()
    if (advice := advice_on(chat)) is not None and advice.verdict.passages:
        titles = ", ".join(passage.title for passage in advice.verdict.passages)
        print(f"[{titles}. {advice.disclaimer}]")
    chat.commit(said)


@contextmanager
def _interrupted() -> Iterator[Callable[[], bool]]:
    """Yield whether Ctrl-C came: once is noted, so that it takes effect between steps; twice leaves."""
    asked = False

    def note(signal_number: int, frame: FrameType | None) -> None:
        nonlocal asked
        if asked:
            raise KeyboardInterrupt
        asked = True

    before = signal.signal(signal.SIGINT, note)
    try:
        yield lambda: asked
    finally:
        signal.signal(signal.SIGINT, before)
