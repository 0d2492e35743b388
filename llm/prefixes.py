"""What conversations begin with: computed once, kept in memory, and in files for the next start."""

from __future__ import annotations

import logging
import os
from collections import OrderedDict
from collections.abc import Generator, Sequence
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError

from llm import kept_files, parts
from llm.decoder import Decoder
from llm.parts import Part

PREFIXES = 8  # kept at most, 25 KB a token for the 0.5B model: a service has a handful of personas
KEY = "key_values"

log = logging.getLogger(__name__)


class PrefixStore:
    """Prefixes of one network's weights. Not thread-safe."""

    def __init__(self, folder: Path | None = None) -> None:
        """`folder`: of these weights and this number format alone; None: nothing is kept on disk."""
        self._folder = folder
        self._prefixes: OrderedDict[str, Part] = OrderedDict()  # least recently used first

    def beginning(self, decoder: Decoder, ids: Sequence[int]) -> Generator[None]:
        """Fill an empty decoder with `ids`, computed in chunks if no decoder began with them before."""
        key = parts.name(ids)
        prefix = self._prefixes.get(key) or self._read(key, len(ids))
        if prefix is None or not decoder.resume(ids, prefix):
            yield from decoder.prefilling(ids)
            prefix = decoder.part(0)
            self._write(prefix)
        self._prefixes[key] = prefix
        self._prefixes.move_to_end(key)
        if len(self._prefixes) > PREFIXES:
            self._prefixes.popitem(last=False)

    def _read(self, key: str, tokens: int) -> Part | None:
        path = self._path(key)
        if path is None:
            return None
        try:
            key_values = safetensors.torch.load_file(path)[KEY]
            os.utime(path)
        except FileNotFoundError:
            return None
        except (OSError, SafetensorError, KeyError) as error:
            log.warning("ignored %s, which is no prefix that can be read: %s", path, error)
            return None
        return Part(tokens, key, key_values)

    def _write(self, prefix: Part) -> None:
        """Write a prefix; a full or read-only disk is a warning."""
        path = self._path(prefix.sequence)
        if path is None:
            return
        try:
            kept_files.write(path, {KEY: prefix.key_values})
        except (OSError, SafetensorError) as error:
            log.warning("a prefix could not be stored at %s: %s", path, error)
        kept_files.prune(path.parent, PREFIXES)

    def _path(self, key: str) -> Path | None:
        return self._folder and self._folder / f"{key}.safetensors"
