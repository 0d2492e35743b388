"""The meaning of a sentence, in English, Chinese and fourteen other languages, as a unit vector.

Universal Sentence Encoder, multilingual, version 3 (arXiv:1907.04307): the vectors of a sentence's pieces and
three convolutions over two, three and five of them are summed, and a small network brings the sum to 512
numbers. Without attention it takes 3 ms on one core, where a small BERT takes ten.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from sentencepiece import SentencePieceProcessor
from torch import Tensor

from llm.embedding import in_batches, one_thread
from llm.errors import WeightsUnreadable

DIM, TABLES = 512, 17  # the vector of a piece is in the table that its number, modulo 17, names
BRANCHES = ((2, 0), (3, 1), (5, 2))  # pieces that a convolution spans, and how many of them stand before
MOST_TOKENS = 256  # what follows is not read: a question has twenty
KEPT = 512  # vectors of the last texts: what is compared with is compared with again


class MultilingualEncoder:
    """Texts to vectors. Thread-safe; computes in the caller's thread, about 3 ms a sentence on one core."""

    def __init__(self, folder: Path) -> None:
        """Load `weights.npz` and `sp.model`. Raises WeightsUnreadable."""
        try:
            self._pieces = SentencePieceProcessor(model_file=str(folder / "sp.model"))
            with np.load(folder / "weights.npz", allow_pickle=False) as file:
                arrays = {name: torch.from_numpy(file[name]) for name in file.files if file[name].ndim}
                self._eps = float(file["eps"])
            self._tables = torch.stack([arrays.pop(f"q{table}") for table in range(1, 1 + TABLES)])  # uint8
        except (OSError, EOFError, ValueError, KeyError, RuntimeError, BadZipFile) as error:
            raise WeightsUnreadable(
                f"{folder} is not a folder of multilingual sentence encoder weights: {error}"
            ) from error
        self._weights: dict[str, Tensor] = arrays
        self._kept = lru_cache(KEPT)(self._encode)

    def encode(self, text: str) -> NDArray[np.float32]:
        """Return what the text means as a vector of length 1: float32 [512], not to be written to."""
        return self._kept(text)

    def encode_all(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return what many texts mean: [texts, 512]; those of a length go through the network together."""
        ids = [self._ids(text) for text in texts]
        vectors = np.empty((len(texts), DIM), np.float32)
        by_length = sorted(range(len(texts)), key=lambda at: len(ids[at]))
        with torch.inference_mode():
            for _, group in groupby(by_length, key=lambda at: len(ids[at])):
                for places in in_batches(list(group)):
                    vectors[places] = self._meaning(torch.tensor([ids[at] for at in places])).numpy()
        return vectors

    def _encode(self, text: str) -> NDArray[np.float32]:
        with torch.inference_mode(), one_thread():
            vector: NDArray[np.float32] = self._meaning(torch.tensor([self._ids(text)]))[0].numpy()
        return vector

    def _ids(self, text: str) -> list[int]:
        return self._pieces.encode(text, add_bos=True, add_eos=True)[:MOST_TOKENS]  # type: ignore[no-any-return]

    def _meaning(self, ids: Tensor) -> Tensor:
        """Run the network over sentences of one length: [B, T] -> [B, 512], each of length 1."""
        weights = self._weights
        of = ids % TABLES
        pieces = self._tables[of, ids // TABLES] * weights["scale"][of][..., None]
        pieces = pieces + weights["lo"][of][..., None]  # [B, T, 512]
        heard = [pieces, *(self._branch(pieces, width, before) for width, before in BRANCHES)]
        tokens = self._norm(torch.cat(heard, -1), "")  # [B, T, 512 + 3 * 256]
        length = ids.shape[-1]
        summed = (tokens.sum(1) @ weights["cnn_W"] + length * weights["cnn_b"]) / length**0.5
        first = F.relu(summed @ weights["d0"])
        inner = F.relu(summed @ weights["p1"] + first @ weights["d1"])
        meaning = torch.tanh(inner @ weights["p3"] + F.relu(inner @ weights["d2"]) @ weights["d3"])
        return F.normalize(meaning, dim=-1)

    def _branch(self, pieces: Tensor, width: int, before: int) -> Tensor:
        """Convolve over `width` pieces twice, what goes in added each time: [B, T, 512] -> [B, T, 256]."""
        x = pieces @ self._weights[f"proj{width}"] + self._weights[f"proj_b{width}"]
        x = self._norm(x, str(width))
        for part in (1, 2):
            padded = F.pad(x, (0, 0, before, width - 1 - before))
            seen = padded.unfold(1, width, 1).transpose(2, 3).flatten(2)  # [B, T, width * 256]
            x = x + F.relu(seen @ self._weights[f"w{part}_{width}"] + self._weights[f"b{part}_{width}"])
        return x

    def _norm(self, x: Tensor, of: str) -> Tensor:
        scale, shift = self._weights[f"ln_g{of}"], self._weights[f"ln_b{of}"]
        return F.layer_norm(x, scale.shape, scale, shift, self._eps)
