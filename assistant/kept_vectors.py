"""The meaning of a domain's lines, computed once: 3,000 of them take some seconds, a file a millisecond."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from assistant.retrieval import Encoder, Floats

FOLDER = "embeddings"  # in the weights' home
log = logging.getLogger(__name__)


class KeptVectors:
    """An `Encoder` that keeps in `folder` what it made of whole knowledges."""

    def __init__(self, encoder: Encoder, folder: Path) -> None:
        """`folder`: of this encoder's weights alone."""
        self._encoder = encoder
        self._folder = folder

    def encode(self, text: str) -> Floats:
        """See `Encoder`."""
        return self._encoder.encode(text)

    def encode_all(self, texts: Sequence[str]) -> Floats:
        """See `Encoder`. A full or read-only disk is a warning."""
        path = self._folder / f"{hashlib.sha256(chr(0).join(texts).encode()).hexdigest()[:32]}.npy"
        try:
            kept = np.load(path)
            if len(kept) == len(texts):
                return np.asarray(kept, np.float32)
        except FileNotFoundError:
            pass
        except (OSError, EOFError, ValueError) as error:
            log.warning("ignored %s, which holds no vectors: %s", path, error)
        made = self._encoder.encode_all(texts)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            partial = path.with_suffix(".part")
            with partial.open("wb") as file:
                np.save(file, made)
            partial.replace(path)
        except OSError as error:
            log.warning("vectors could not be stored at %s: %s", path, error)
        return made
