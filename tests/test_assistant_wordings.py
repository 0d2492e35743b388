"""What is learned from wordings: red flags, topics, what is not known; and what is kept of it."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from assistant.alarms import SURE, SURE_WITH_PATTERN, Alarms
from assistant.consultation import Consultation
from assistant.engines import load_consultation, load_multilingual_encoder
from assistant.kept_classifiers import KeptClassifiers
from assistant.kept_vectors import KeptVectors
from assistant.learned import FEWEST
from assistant.persona import load_persona
from assistant.red_flags import RedFlag, parse_pattern
from assistant.safety import Safety
from assistant.weights import Store
from assistant.wording import terms
from assistant.wordings import Wording, WordingsError, read_wordings
from tests.consult_domains import tea_house

BURN = RedFlag("burn", "Burn", "Cool it.", "", ())
CUT = RedFlag("cut", "Cut", "Press on it.", "", ())
SAFETY = Safety(flags=(CUT, BURN))
LIQUIDS = ("kettle", "pan", "soup", "coffee", "urn", "steam", "oil", "samovar", "broth", "tea")
PEOPLE = ("her", "him", "me", "my son", "a guest")


class WordEncoder:
    """Means by the words that are in a text: enough to compare sentences that share some."""

    def encode(self, text: str) -> NDArray[np.float32]:
        vector = np.zeros(256, np.float32)
        for term in terms(text):
            vector[zlib.crc32(term.encode()) % len(vector)] += 1
        return vector / max(1.0, float(np.linalg.norm(vector)))

    def encode_all(self, texts: Sequence[str]) -> NDArray[np.float32]:
        return np.stack([self.encode(text) for text in texts])


def wordings() -> list[Wording]:
    said = [Wording(f"the {what} went all over {who}", "burn") for what in LIQUIDS for who in PEOPLE]
    said += [Wording(f"the {what} was nice for {who}", None) for what in LIQUIDS for who in PEOPLE]
    return [*said, *(Wording(f"{who} sliced a finger with a knife", "cut") for who in PEOPLE)]


def test_what_is_said_in_other_words_than_a_domains_is_told_apart() -> None:
    alarms = Alarms(SAFETY, wordings(), WordEncoder())
    assert alarms.raised("a teapot went over my whole leg") is BURN
    assert alarms.raised("my thumb, the knife sliced it") is CUT
    assert alarms.raised("a teapot is nice") is None
    probable = alarms.probabilities("a teapot is nice")
    assert probable is not None
    assert probable.shape == (3,)
    assert probable.sum() == pytest.approx(1, abs=1e-5)


def test_a_pattern_is_believed_with_less_where_wordings_tell_and_without_them_alone() -> None:
    burn, steam, cut = (
        replace(flag, when=(parse_pattern(when),))
        for flag, when in ((BURN, "urn / 壶"), (replace(BURN, id="steam"), "steam"), (CUT, "knife"))
    )
    few_cuts = [each for each in wordings() if each.flag != "cut"]
    alarms = Alarms(Safety(flags=(burn, steam, cut)), few_cuts, WordEncoder())
    unsure, calm = "the urn was on a stool", "was the urn nice for him"
    for said, low, high in ((unsure, SURE_WITH_PATTERN, SURE), (calm, 0, SURE_WITH_PATTERN)):
        probable = alarms.probabilities(said)
        assert probable is not None and low <= 1 - probable[0] < high
    assert alarms.raised(unsure) is burn
    assert alarms.raised(calm) is None  # it has the pattern, too
    assert alarms.raised("the steam was nice for him") is steam  # nothing was learned of this flag
    assert alarms.raised("那个壶") is burn  # nor in this language


def test_from_too_few_wordings_nothing_is_learned_and_of_another_language_neither() -> None:
    few = wordings()[: FEWEST - 1] + [each for each in wordings() if each.flag is None]
    assert Alarms(SAFETY, few, WordEncoder()).raised("the kettle went all over her") is None
    assert Alarms(SAFETY, wordings(), WordEncoder()).raised("水壶倒在她身上了") is None


def test_chinese_is_told_apart_by_its_characters() -> None:
    said = [
        Wording(f"{who}被{what}烫到了", "burn") for what in "水茶汤油锅壶饭粥面火" for who in "我他她您你"
    ]
    said += [Wording(f"{who}喝了{what}很好", None) for what in "水茶汤油锅壶饭粥面火" for who in "我他她您你"]
    alarms = Alarms(Safety(flags=(BURN,)), said, WordEncoder())
    assert alarms.raised("孩子刚被开水烫到了") is BURN
    assert alarms.raised("孩子喝了开水，很好") is None


def test_the_same_examples_give_the_same_classifier_and_it_is_kept(tmp_path: Path) -> None:
    def again(said: list[Wording]) -> NDArray[np.float32]:
        probable = Alarms(SAFETY, said, WordEncoder(), KeptClassifiers(tmp_path)).probabilities("the urn")
        assert probable is not None
        return probable

    fresh = Alarms(SAFETY, wordings(), WordEncoder()).probabilities("the urn")
    assert fresh is not None
    for _ in range(2):
        assert np.array_equal(again(wordings()), fresh)
    (path,) = tmp_path.glob("*.npz")
    for torn in (b"", b"no archive", path.read_bytes()[:1000]):
        path.write_bytes(torn)
        assert np.array_equal(again(wordings()), fresh)
    again(wordings()[1:])
    assert len(list(tmp_path.glob("*.npz"))) == 2


def test_vectors_are_kept_and_a_torn_file_is_made_anew(tmp_path: Path) -> None:
    texts, plain = ["the kettle", "the urn"], WordEncoder()
    kept = KeptVectors(plain, tmp_path)
    assert np.array_equal(kept.encode_all(texts), plain.encode_all(texts))
    (path,) = tmp_path.glob("*.npy")
    for torn in (b"", b"no vectors", path.read_bytes()[:100]):
        path.write_bytes(torn)
        assert np.array_equal(kept.encode_all(texts), plain.encode_all(texts))
    assert np.array_equal(np.load(path), plain.encode_all(texts))


def test_all_domains_share_one_encoder() -> None:
    assert load_multilingual_encoder(Store()) is load_multilingual_encoder(Store())


@settings(max_examples=50, deadline=None)
@given(st.text(max_size=60))
def test_any_text_has_probabilities(text: str) -> None:
    probable = _SMALL.probabilities(text)
    assert probable is None or (probable.sum() == pytest.approx(1, abs=1e-4) and (probable >= 0).all())


_SMALL = Alarms(SAFETY, wordings(), WordEncoder())


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("{", "Expecting property name"),
        ('{"text": "a"}', "write .*flag"),
        ('["text"]', "write .*flag"),
        ('{"text": " ", "flag": null}', "the text is ' '"),
        ('{"text": 5, "flag": null}', "the text is 5"),
        ('{"text": "a", "flag": "scald"}', "'scald' is no red flag of safety.md"),
        ('{"text": "a", "entries": ["milk"]}', "'milk' is no entry's id"),
        ('{"text": "a", "entries": "tea"}', "'tea' is no entry's id"),
    ],
)
def test_wordings_that_cannot_be_read_name_their_line(tmp_path: Path, line: str, says: str) -> None:
    path = tmp_path / "wordings.jsonl"
    path.write_text(f'{{"text": "hot", "flag": "burn"}}\n{line}\n', encoding="utf-8")
    with pytest.raises(WordingsError, match=rf"wordings\.jsonl, line 2: .*{says}"):
        read_wordings(path, {"burn"}, {"tea"})


def test_a_domain_learns_from_its_wordings_and_what_its_entries_answer_is_no_alarm(tmp_path: Path) -> None:
    folder = tea_house(tmp_path / "tea")
    lines = [{"text": each.text, "flag": each.flag} for each in wordings() if each.flag != "cut"]
    with (folder / "wordings.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    consultation = Consultation(load_persona(folder), WordEncoder())
    assert consultation.verdict("The big pot went all over him!").flag == "burn"
    assert consultation.verdict("When do you open?").kind == "passages"
    without = Consultation(load_persona(folder))  # without an encoder, patterns alone
    assert without.verdict("The big pot went all over him!").flag is None
    assert without.verdict("I burned my hand.").flag == "burn"


def test_what_nothing_is_known_of_is_learned_too(tmp_path: Path) -> None:
    folder = tea_house(tmp_path / "tea")
    trades = (
        "a hammer",
        "a car",
        "shoes",
        "a lamp",
        "a bike",
        "paint",
        "a dog",
        "a ticket",
        "a stamp",
        "a hat",
    )
    places = ("here", "in town", "at the market", "online", "nearby")
    lines = [{"text": f"can I buy {what} {where}", "entries": []} for what in trades for where in places]
    drinks = ("green tea", "sencha", "gyokuro", "my tea", "a green one")
    hows = ("steep", "brew", "draw", "infuse", "leave", "let stand", "do", "keep", "soak", "wait for")
    lines += [
        {"text": f"how long do I {how} {what}", "entries": ["green-tea"]} for what in drinks for how in hows
    ]
    with (folder / "wordings.jsonl").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(line) + "\n" for line in lines)
    consultation = Consultation(load_persona(folder), WordEncoder())
    assert consultation.verdict("Can I buy a green hammer here?").kind == "unknown"
    verdict = consultation.verdict("So how long do I soak green tea?")
    assert [entry.id for entry in verdict.passages] == ["green-tea"]
    assert consultation.verdict("And how long do I wait for it?", "It is green tea.").kind == "passages"
    # It points back, and has left the subject all the same.
    assert consultation.verdict("And can I buy that hammer online?", "It is green tea.").kind == "unknown"


@pytest.mark.parametrize(
    ("domain", "said", "flag"),
    [
        ("medical", "the one corner of granddad's lips is slipping and he slurs", "stroke"),
        ("medical", "爷爷嘴角往一边歪，话也说不清", "stroke"),
        ("medical", "I have had a headache for two days. What can I do?", None),
        (
            "finance",
            "a nice man from my bank is on the other line and wants to see my screen",
            "remote-access",
        ),
        ("finance", "How do I ask my bank for a new card?", None),
    ],
)
def test_a_real_domain_catches_what_it_was_not_written_with(domain: str, said: str, flag: str | None) -> None:
    assert _real(domain).verdict(said).flag == flag


@pytest.mark.parametrize(
    ("domain", "said"),
    [
        ("medical", {"self-harm": ("I want to die", "I'm going to jump", "我不想活了", "我想自杀")}),
        ("medical", {"heart-attack": ("I have chest pain", "我胸口疼")}),
        ("medical", {"unconscious": ("he's not breathing", "she won't wake up", "他抽搐了", "他没有呼吸了")}),
        ("medical", {"breathing": ("I can't breathe", "help he's choking", "喘不上气")}),
        ("medical", {"overdose": ("I took thirty tablets", "he swallowed bleach", "孩子吃了一瓶药")}),
        ("medical", {"stroke": ("my face is drooping on one side", "我妈半边脸歪了")}),
        ("medical", {"severe-bleeding": ("I'm bleeding and it won't stop", "止不住血")}),
        ("finance", {"self-harm": ("I want to kill myself", "I have nothing left to live for", "我想自杀")}),
        ("finance", {"violence": ("my husband hits me", "他打我")}),
        (
            "finance",
            {"remote-access": ("someone is in my computer right now", "he asked me to install AnyDesk")},
        ),
        ("finance", {"code-sharing": ("I told him my PIN", "我把验证码告诉他了")}),
        ("finance", {"safe-account": ("the bank told me to move my money to a safe account",)}),
        ("finance", {"stolen-card": ("my card was stolen", "我的卡被偷了")}),
    ],
)
def test_a_real_domain_never_misses_the_plainest_words(domain: str, said: dict[str, Sequence[str]]) -> None:
    for flag, texts in said.items():
        assert [_real(domain).verdict(text).flag for text in texts] == [flag] * len(texts)


_REAL: dict[str, Consultation] = {}


def _real(domain: str) -> Consultation:
    if domain not in _REAL:
        _REAL[domain] = load_consultation(load_persona(domain), Store())
    return _REAL[domain]
