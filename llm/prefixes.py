"""What conversations begin with: computed once, kept in memory, and in files for the next start."""

from __future__ import annotations

import logging
import os
import tempfile
from collections import OrderedDict
from collections.abc import Generator, Sequence
from contextlib import suppress
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError

from llm import parts
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
        if self._folder is None:
            return None
        path = self._folder / f"{key}.safetensors"
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
        """Write a prefix, whole or not at all; a full or read-only disk is a warning."""
        if self._folder is None:
            return
        path = self._folder / f"{prefix.sequence}.safetensors"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=self._folder) as draft:
                safetensors.torch.save_file({KEY: prefix.key_values.contiguous()}, Path(draft) / path.name)
                os.replace(Path(draft) / path.name, path)
            self._prune(self._folder)
        except (OSError, SafetensorError) as error:
            log.warning("a prefix could not be stored at %s: %s", path, error)

    def _prune(self, folder: Path) -> None:
        """Remove the least recently used files."""
        newest = sorted(folder.glob("*.safetensors"), key=lambda path: path.stat().st_mtime, reverse=True)
        for path in newest[PREFIXES:]:
            with suppress(FileNotFoundError):
                path.unlink()
