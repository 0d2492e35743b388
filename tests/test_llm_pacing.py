"""Chunks for the voice: early, whole, and together exactly the reply."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from llm.boundaries import Strength
from llm.pacing import LAST_S, LONGEST, PAUSES_S, Chunk, Pacer

REPLIES = (
    "I'm sorry, Mr. Lee. When did it start, and how bad is it? Call Dr. Smith, e.g. at 9 a.m., or call 911.",
    "Take 2.5 mg/kg (at most 1,200 mg a day). It costs $2.50 at https://example.com/a?b=1.2, I think.",
    'Now:\n\n1. Wait until May 5, 2024.\n- **Start small**\n\nJohn Smith of New York said: "Wait. Always."',
    "您好，头痛可能由很多原因引起，比如睡眠不足、压力大。如果突然加重，请立即就医！体温38.5度，心情很温和",
    "```python\nprint('a, b. c')\n```\nThat prints a.",
)
PIECES = (
    *(
        "the",
        "of",
        "in",
        "and",
        "but",
        "because",
        "pain",
        "head",
        "Dr.",
        "e.g.",
        "2.5",
        "5",
        "mg",
        "$3.50",
        "x.com",
    ),
    *(
        "Smith",
        "New",
        "York",
        "(",
        ")",
        '"',
        ",",
        ".",
        "!",
        "?",
        ":",
        ";",
        "—",
        "\n\n",
        "头",
        "痛",
        "，",
        "。",
        "和",
        "因为",
    ),
)


def tokens_of(text: str) -> list[str]:
    return re.findall(r"[\u3400-\u9fff]{1,2}| ?\w+|\s+|[^\w\s]", text)


def paced(tokens: list[str], queued_s: float = 0.0, boundary: float = 0.0) -> list[Chunk]:
    pacer = Pacer()
    chunks = [chunk for token in tokens for chunk in pacer.feed(token, boundary, queued_s)]
    return chunks + pacer.finish()


def first(text: str, queued_s: float = 0.0) -> str:
    return paced(tokens_of(text), queued_s)[0].text


@st.composite
def token_splits(draw: st.DrawFn) -> list[str]:
    made_up = st.lists(st.sampled_from(PIECES), max_size=80).map(" ".join)
    text = draw(st.sampled_from(REPLIES) | made_up)
    cuts = sorted(draw(st.sets(st.integers(0, len(text)))))
    return [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@given(token_splits(), st.floats(0, 5), st.floats(0, 1))
def test_the_chunks_are_together_exactly_the_reply(
    tokens: list[str], queued_s: float, boundary: float
) -> None:
    assert "".join(chunk.text for chunk in paced(tokens, queued_s, boundary)) == "".join(tokens)


@given(token_splits(), st.floats(0, 5))
def test_no_chunk_ends_inside_a_word_or_a_number(tokens: list[str], queued_s: float) -> None:
    text, at = "".join(tokens), 0
    for chunk in paced(tokens, queued_s)[:-1]:
        at += len(chunk.text)
        assert not re.fullmatch(r"[A-Za-z0-9$][A-Za-z0-9]", text[at - 1 : at + 1])
        assert not re.search(r"\d[.,]$", text[:at]) or not text[at : at + 1].isdigit()


@given(token_splits(), st.floats(0, 5))
def test_a_chunk_is_never_longer_than_the_bound(tokens: list[str], queued_s: float) -> None:
    prose = "".join(tokens).replace("`", "")
    assert all(len(chunk.text) <= LONGEST for chunk in paced(list(prose), queued_s)[:-1])


@pytest.mark.parametrize(
    ("reply", "chunk"),
    [
        ("Yes. It is safe to take.", "Yes. "),
        ("For an adult, the usual dose is one.", "For an adult,"),
        ("The most common causes of pain are stress and thirst.", "The most common causes of pain "),
        ("You should drink plenty of water because thirst hurts.", "You should drink plenty of water "),
        ("没关系，慢慢说。", "没关系，"),
        ("平时可以多休息因为脱水会头痛。", "平时可以多休息"),
    ],
)
def test_the_first_chunk_leaves_as_soon_as_it_sounds_whole(reply: str, chunk: str) -> None:
    assert first(reply) == chunk


def test_a_comma_after_a_word_does_not_wait_for_the_next_token() -> None:
    pacer = Pacer()
    assert [pacer.feed(token, 0.0, 0.0) for token in ("I", " see")] == [[], []]
    assert pacer.feed(",", 0.0, 0.0) == [Chunk("I see,", Strength.CLAUSE, PAUSES_S[Strength.CLAUSE])]


@pytest.mark.parametrize(
    "reply",
    [
        "Please see Dr. Smith.",
        "Please do see John Smith now.",
        "Take no more than 2.5 mg.",
        "Take something, e.g. aspirin.",
        "Do see example.com/a.b today.",
        'He said "Stop. Go." once.',
        "It (a pill. Or two) helps.",
        "It rained on May 5, 2024.",
        "Do take No. 5 now.",
        "1. Rest a little.",
        "心情很温和平静。",
        "这是因为脱水。",
    ],
)
def test_names_numbers_quotations_and_abbreviations_stay_whole(reply: str) -> None:
    chunks = [chunk.text for chunk in paced(tokens_of(reply))]
    assert chunks in ([reply], ["Take something,", " e.g. aspirin."])


@pytest.mark.parametrize("last_word", ["the", "of", "was", "my", "very", "five", "don't", "Dr."])
def test_no_chunk_without_a_mark_ends_in_a_word_that_asks_for_more(last_word: str) -> None:
    assert not first(f"pain pain pain pain pain pain pain {last_word} in pain").endswith(f"{last_word} ")


def test_with_audio_in_hand_a_mark_is_waited_for() -> None:
    reply = "Please call your doctor at once because it may be serious, and rest. Good luck."
    assert first(reply, queued_s=0.0) == "Please call your doctor "
    assert first(reply, queued_s=5.0) == "Please call your doctor at once because it may be serious,"


def test_the_last_of_the_audio_is_followed_by_whatever_there_is() -> None:
    pacer = Pacer()
    assert not pacer.feed("pain pain", 0.0, LAST_S)
    assert [chunk.text for chunk in pacer.feed(" pain", 0.0, LAST_S - 0.01)] == ["pain pain "]
    assert not pacer.feed(" pain pain", 0.0, 0.0)  # silent already: a few words more sound better


def test_a_break_that_the_decoder_nearly_wrote_is_taken() -> None:
    words = ["Most", " people", " who", " rest", " enough", " feel", " fine."]
    pacer = Pacer()
    chunks = [chunk for word in words for chunk in pacer.feed(word, 0.4 if word == " feel" else 0.0, 0.0)]
    assert chunks == [Chunk("Most people who rest enough ", Strength.PHRASE, PAUSES_S[Strength.PHRASE])]


def test_code_stays_in_one_chunk_whatever_its_length() -> None:
    code = "```\n" + "line one. line two, and three\n" * 20 + "```\n"
    assert first(code + "That is all.") == code


def test_the_pause_grows_with_the_strength_and_nothing_follows_the_last_chunk() -> None:
    chunks = paced(tokens_of("Well, yes. Go on because it helps a lot."))
    assert [chunk.strength for chunk in chunks] == [Strength.CLAUSE, Strength.SENTENCE, Strength.SENTENCE]
    assert chunks[0].pause_s < chunks[1].pause_s
    assert chunks[-1].pause_s == 0.0


def test_an_empty_reply_has_no_chunks() -> None:
    assert paced([]) == []
    assert paced(["", ""]) == []
