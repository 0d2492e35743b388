"""Replies on disk: one safetensors file each, with what was said as JSON in its header.

The format: https://github.com/safetensors/safetensors#format.
"""

from __future__ import annotations

import hashlib
import json
import logging
from dataclasses import dataclass, field
from pathlib import Path

from safetensors import SafetensorError, safe_open

from llm import kept_files
from llm.parts import Part

VERSION = 2  # raise it whenever the meaning of a file changes: older files are then ignored
NAME_CHARS = 24  # of a SHA-256 in hex: 96 bits, more than enough for the files of one folder

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply that was given before. Do not write to its tensor: all who find it share it."""

    question: str  # as it was worded when the reply was given
    context: str  # digest of the dialogue before the question
    ids: tuple[int, ...]  # the reply's tokens
    text: str
    whole: bool = True  # it ended by itself, not at a limit
    # Of the question and the reply, behind the dialogue before them.
    part: Part | None = field(default=None, compare=False)

    @property
    def size_bytes(self) -> int:
        """Size in memory: that of the tensor, and about that of the rest."""
        said = len(self.question) + len(self.text) + 8 * len(self.ids)
        return said + (0 if self.part is None else self.part.size_bytes)


@dataclass(frozen=True, slots=True)
class Origin:
    """Who gave a reply: another model, or the same one under another system text, never sees it."""

    model: str
    prompt: str  # digest of the system text


@dataclass(frozen=True, slots=True)
class Stored:
    """One file that could be read."""

    path: Path
    origin: Origin
    reply: Reply
    used_s: float  # when, in seconds since the epoch


def digest(*parts: str) -> str:
    """Return a name for these texts in this order, 64 hexadecimal digits: of a prompt, of a dialogue."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def path_of(folder: Path, origin: Origin, context: str, question: str) -> Path:
    """Return where the reply to a normalised question lies."""
    name = digest(origin.model, origin.prompt, context, question)[:NAME_CHARS]
    return folder / f"{name}.safetensors"


def write(path: Path, origin: Origin, reply: Reply) -> bool:
    """Write a reply atomically; a full or read-only disk is a warning, and False."""
    said = {
        "question": reply.question,
        "context": reply.context,
        "ids": reply.ids,
        "text": reply.text,
        "whole": reply.whole,
    }
    header = {"version": VERSION, "model": origin.model, "prompt": origin.prompt} | said
    if reply.part is not None:
        header |= {"tokens": reply.part.tokens, "sequence": reply.part.sequence}
    try:
        tensors = {} if reply.part is None else {"kv": reply.part.key_values}
        kept_files.write(path, tensors, {"reply": json.dumps(header, ensure_ascii=False)})
    except (OSError, SafetensorError) as error:
        log.warning("a common reply could not be stored at %s: %s", path, error)
        return False
    return True


def read(path: Path) -> Stored | None:
    """Read a reply, its tensor mapped from the file; what cannot be read is a warning, and None."""
    try:
        used_s = path.stat().st_mtime
        with safe_open(path, "pt") as file:
            header = json.loads(file.metadata()["reply"])
            if header["version"] != VERSION:
                raise ValueError(f"it is of version {header['version']}, not {VERSION}")
            part = None
            if "kv" in file.keys():  # noqa: SIM118  # no mapping
                part = Part(int(header["tokens"]), str(header["sequence"]), file.get_tensor("kv"))
        origin = Origin(str(header["model"]), str(header["prompt"]))
        ids = tuple(int(id) for id in header["ids"])
        reply = Reply(
            str(header["question"]),
            str(header["context"]),
            ids,
            str(header["text"]),
            bool(header["whole"]),
            part,
        )
        return Stored(path, origin, reply, used_s)
    except (OSError, SafetensorError, ValueError, KeyError, TypeError) as error:
        log.warning("ignored %s, which is no common reply that can be read: %s", path, error)
        return None


def read_all(folder: Path) -> list[Stored]:
    """Read what can be read in a folder, the least recently used first; nothing if there is no folder."""
    stored = filter(None, map(read, folder.glob(kept_files.FILES)))
    return sorted(stored, key=lambda each: each.used_s)
