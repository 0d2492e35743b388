"""What was learned of red flags, kept on disk: learning takes seconds, a file milliseconds."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import BadZipFile

import numpy as np

from llm.classifier import Classifier, Example, fit

FOLDER = "classifiers"  # in the weights' home
FORM = 1  # of the file, and of what is learned; another one is learned anew
log = logging.getLogger(__name__)


class KeptClassifiers:
    """Learns as `fit` does, once for the same examples."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __call__(self, examples: Sequence[Example], classes: int) -> Classifier:
        """See `fit`. A full or read-only disk is a warning."""
        path = self._folder / f"{_digest(examples, classes)}.npz"
        try:
            with np.load(path) as kept:
                grams = {str(gram): row for row, gram in enumerate(kept["grams"])}
                return Classifier(grams, kept["idf"], kept["weights"], kept["bias"])
        except FileNotFoundError:
            pass
        except (OSError, ValueError, KeyError, BadZipFile) as error:
            log.warning("ignored %s, which holds no classifier: %s", path, error)
        learned = fit(examples, classes)
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            # In a folder of its own: another process may be learning the same.
            with TemporaryDirectory(suffix=".draft", dir=self._folder) as folder:
                draft = Path(folder) / path.name
                np.savez(
                    draft,
                    grams=np.array(list(learned.grams)),
                    idf=learned.idf,
                    weights=learned.weights,
                    bias=learned.bias,
                )
                draft.replace(path)
        except OSError as error:
            log.warning("a classifier could not be stored at %s: %s", path, error)
        return learned


def _digest(examples: Sequence[Example], classes: int) -> str:
    told = hashlib.sha256(f"{FORM} {classes}".encode())
    for each in examples:
        told.update("\0".join((str(each.label), *each.grams, "")).encode())
        told.update(np.ascontiguousarray(each.vector).tobytes())
    return told.hexdigest()[:32]
