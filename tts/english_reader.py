"""English as phonemes, by hibari-tts: misaki's lexicon and rules without spaCy, in Kokoro's own alphabet."""

from __future__ import annotations

from hibari.g2p import G2P
from hibari.g2p.normalize import normalize

from tts.aligned import AlignedText
from tts.tokens import Token


class EnglishReader:
    """Reads English words; it may be called from several threads at once."""

    def __init__(self) -> None:
        self._g2p = G2P()

    def tokens(self, sentence: AlignedText) -> list[Token]:
        """Return the words and marks of a sentence; letters of other scripts have no phonemes."""
        read = sentence.rewritten(normalize(sentence.text))
        tokens, at = [], 0
        for token in self._g2p.phonemize_tokens(self._g2p.tokenize(read.text)):
            start = read.text.index(token.text[0], at)
            for character in token.text:  # one by one: the tokenizer drops some quotation marks
                at = read.text.index(character, at) + 1
            phonemes = (token.phonemes or "") + (" " if token.whitespace else "")
            tokens.append(Token(phonemes, *read.shown_span(start, at)))
        return tokens
