"""Replies to common questions: who asks again what was asked before need not wait for it to be computed."""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Lock
from typing import Protocol

from llm.gist import gist, normalised
from llm.kept_files import prune, remove
from llm.parts import Part
from llm.reply_files import Origin, Reply, digest, path_of, read_all, write
from llm.window import Corpus

__all__ = ["OPENING", "CommonReplies", "Reply", "digest"]

OPENING = ""  # the context of a question that begins the dialogue
MOST = 256  # replies; a help desk's common questions are a few dozen
MOST_BYTES = 256 << 20  # 100 replies of 100 tokens of the 0.5B model, whose keys and values are 25 KB each
MOST_ONCE = 4096  # questions remembered for having been asked once
# Unrelated questions are at 0.1, courtesies leave 0.83 in the tests and 0.6 at their longest. It is no use
# against look-alikes, which are at 0.91 (median): it catches a rule of `gist` that drops half a question.
LEAST_SIMILARITY = 0.6

Key = tuple[str, tuple[str, ...]]  # the context, and the question's gist


class Similarity(Protocol):
    """How near two texts are in meaning: see `embedding.SentenceEncoder`."""

    def similarity(self, one: str, other: str) -> float:
        """Return the cosine, -1 to 1."""
        ...


class CommonReplies:
    """The replies of one model under one system text, in memory and in a folder. Thread-safe.

    A question finds its reply only under the same context, so "it" and "that" mean what they meant then; and
    only if it is the same question, to the word or with nothing but courtesy and grammar between them, as
    `gist` defines it. Rather none than the reply to another question.
    """

    def __init__(
        self,
        folder: Path,
        *,
        model: str,
        prompt: str,
        encoder: Similarity | None = None,
        most: int = MOST,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        """Load what the folder holds of this model and prompt; a file that cannot be read is a warning.

        `model` names all that keys and values depend on: weights, layout, number format. `prompt` is the
        system text's `digest`. Without an `encoder` a question must be the same to the word.
        """
        self._folder = folder
        self._origin = Origin(model, prompt)
        self._encoder = encoder
        self._most, self._most_bytes = most, most_bytes
        self._lock = Lock()  # of the two below; nothing is encoded or written under it
        self._replies: OrderedDict[Key, tuple[Path, Reply]] = OrderedDict()  # least recently used first
        self._once: OrderedDict[Key, None] = OrderedDict()  # asked, but not yet again
        self.corpus = Corpus(most)  # of all replies: other answers say some of it too
        prune(folder, most, most_bytes)
        for stored in read_all(folder):
            if stored.origin == self._origin:
                self._keep(_key(stored.reply.question, stored.reply.context), stored.path, stored.reply)

    def __len__(self) -> int:
        return len(self._replies)

    def find(self, question: str, context: str = OPENING) -> Reply | None:
        """Return the reply to this question, or None.

        `context`: `digest` of the dialogue before it. The reply's question may be worded otherwise: its keys
        and values are those of its own words.
        """
        key = _key(question, context)
        with self._lock:
            path, reply = self._replies.get(key, (None, None))
        if path is None or reply is None or not self._same(question, reply.question):
            return None
        return reply if self._used(key, path) else None

    def learn(
        self,
        question: str,
        context: str,
        reply_ids: Sequence[int],
        reply_text: str,
        *,
        whole: bool = True,
        part: Callable[[], Part | None] = lambda: None,
    ) -> bool:
        """Take note of a reply that had to be computed; returns whether it was stored.

        It is from the second asking on. Most questions are never asked again, and would push out those that
        are (Maggs and Sitaraman, "Algorithmic Nuggets in Content Delivery", 2015); nor does what only one
        person ever said get onto the disk. `whole`: it ended by itself. `part` is asked for only then.
        """
        key = _key(question, context)
        if self._is_first(key):
            return False
        reply = Reply(question, context, tuple(reply_ids), reply_text, whole, part())
        path = path_of(self._folder, self._origin, context, normalised(question))
        if reply.size_bytes > self._most_bytes or not write(path, self._origin, reply):
            return False
        with self._lock:
            self._keep(key, path, reply)
        return True

    def _is_first(self, key: Key) -> bool:
        with self._lock:
            if key in self._once or key in self._replies:
                self._once.pop(key, None)
                return False
            self._once[key] = None
            if len(self._once) > MOST_ONCE:
                self._once.popitem(last=False)
            return True

    def _same(self, question: str, asked_before: str) -> bool:
        """Judge two questions with the same gist: the encoder is a second witness, on the whole sentences."""
        if normalised(question) == normalised(asked_before):
            return True
        return (
            self._encoder is not None and self._encoder.similarity(question, asked_before) >= LEAST_SIMILARITY
        )

    def _used(self, key: Key, path: Path) -> bool:
        """Note the use, in memory and on disk; False if somebody removed the file, and with it the reply."""
        with self._lock:
            try:
                os.utime(path)
            except FileNotFoundError:
                if self._replies.get(key, (None, None))[0] == path:
                    del self._replies[key]
                return False
            except OSError:  # a folder that can only be read
                pass
            if key in self._replies:  # no other thread pushed it out meanwhile
                self._replies.move_to_end(key)
            return True

    def _keep(self, key: Key, path: Path, reply: Reply) -> None:
        before, _ = self._replies.pop(key, (path, None))
        gone = [before] if before != path else []
        self._replies[key] = path, reply
        self.corpus.add(reply.ids)
        while len(self._replies) > self._most or self._size_bytes() > self._most_bytes:
            _, (oldest, _) = self._replies.popitem(last=False)
            gone.append(oldest)
        remove(gone)

    def _size_bytes(self) -> int:
        return sum(reply.size_bytes for _, reply in self._replies.values())


def _key(question: str, context: str) -> Key:
    return context, gist(question)
