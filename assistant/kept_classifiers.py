"""What was learned from wordings, kept on disk: learning takes a minute, a file milliseconds."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import BadZipFile

import numpy as np

from llm.classifier import Classifier

FOLDER = "classifiers"  # in the weights' home
FORM = 1  # of the file, and of what is learned; another one is learned anew
log = logging.getLogger(__name__)


class KeptClassifiers:
    """Has each classifier made once."""

    def __init__(self, folder: Path) -> None:
        """`folder`: of one encoder's vectors alone."""
        self._folder = folder

    def __call__(self, key: str, make: Callable[[], Classifier]) -> Classifier:
        """Return what `make` returned for this key. A full or read-only disk is a warning."""
        path = self._folder / f"{key}-{FORM}.npz"
        try:
            with np.load(path) as kept:
                grams = {str(gram): row for row, gram in enumerate(kept["grams"])}
                return Classifier(grams, *(kept[name] for name in ("idf", "of_vector", "of_grams", "bias")))
        except FileNotFoundError:
            pass
        except (OSError, EOFError, ValueError, KeyError, BadZipFile) as error:
            log.warning("ignored %s, which holds no classifier: %s", path, error)
        made = make()
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            # In a folder of its own: another process may be learning the same.
            with TemporaryDirectory(suffix=".draft", dir=self._folder) as folder:
                draft = Path(folder) / path.name
                np.savez(
                    draft,
                    grams=np.array(list(made.grams), np.str_),
                    idf=made.idf,
                    of_vector=made.of_vector,
                    of_grams=made.of_grams,
                    bias=made.bias,
                )
                draft.replace(path)
        except OSError as error:
            log.warning("a classifier could not be stored at %s: %s", path, error)
        return made
