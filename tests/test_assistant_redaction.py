"""What names a person is taken out; what a dose or a sum is, stays."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stdnum import iban, luhn

from assistant.redaction import Redactor
from tests.cpu_time import least_s

patient = settings(deadline=None)  # the first number of a country has its metadata read


@pytest.mark.parametrize(
    ("text", "redacted"),
    [
        ("Write to jo.smith+me@mail.example.co.uk.", "Write to [email]."),
        ("It's jo dot smith at example dot com, please.", "It's [email], please."),
        ("Call me at 212 555 0199.", "Call me at [phone]."),
        ("Ring 07911 123456 or +49 30 1234567 now.", "Ring [phone] or [phone] now."),
        ("It is (020) 7946 0958.", "It is [phone]."),
        ("My number is 55512.", "My number is [number]."),
        ("My card is 4111 1111 1111 1111.", "My card is [card]."),
        ("Transfer from GB82 WEST 1234 5698 7654 32 today.", "Transfer from [iban] today."),
        ("My SSN is 536-90-4399.", "My SSN is [id]."),
        ("My NHS number is 492 541 2248.", "My NHS number is [id]."),
        ("National insurance QQ 12 34 56 C or AB 12 34 56 C.", "National insurance QQ 12 34 56 C or [id]."),
        ("Case 4938 2716 0537 is mine.", "Case [number] is mine."),
        ("My name is John Smith and I feel ill.", "My name is [name] and I feel ill."),
        ("Patient: Anna Example, 12 March\nAnna Example 10.2", "Patient: [name], 12 March\n[name] 10.2"),
        ("For: John Example, 12 March 2026", "For: [name], 12 March 2026"),
        ("For: Hypertension", "For: Hypertension"),
        ("Take it to: Monday Morning", "Take it to: Monday Morning"),
        ("患者：李样例 血红蛋白 102", "患者：[name] 血红蛋白 102"),
        ("my name is john", "my name is [name]"),
        ("I'm called Mary-Jane O'Neil.", "I'm called [name]."),
        ("Hello, this is Peter Miller speaking.", "Hello, this is [name] speaking."),
        ("I live at 12 Baker Street, London.", "I live at [address], London."),
        ("It is 1600 Pennsylvania Avenue, apt 4.", "It is [address]."),
        ("I was born on March 3rd, 1980.", "I was born on [birth date]."),
        ("My date of birth is 03/04/1975.", "My date of birth is [birth date]."),
        ("Born in 1962, I am tired.", "Born in [birth date], I am tired."),
        ("我叫王小明，头疼。", "我叫[name]，头疼。"),
        ("我叫李华今年三十岁", "我叫[name]今年三十岁"),
        ("我的电话是13800138000。", "我的电话是[phone]。"),
        ("我的身份证号是11010519491231002X", "我的身份证号是[id]"),
        ("我住在北京市海淀区中关村大街27号", "我住在[address]"),
        ("我1980年3月12日出生", "我[birth date]出生"),
        ("我的生日是三月五号", "我的生日是[birth date]"),
        ("邮箱是xiaoming@example.cn吗", "邮箱是[email]吗"),
    ],
)
def test_what_names_a_person_is_taken_out(text: str, redacted: str) -> None:
    assert Redactor()(text) == redacted


@pytest.mark.parametrize(
    "text",
    [
        "Take 500 mg every 6 hours, at most 4,000 mg a day.",
        "I have 1234567 dollars and 12345678901 yuan.",
        "It costs $1,234,567.89, or 2,500,000 euros.",
        "My blood pressure is 120 over 80, pulse 72.",
        "Vitamin D, 1000 IU; thyroxine 25 mcg.",
        "I took it on March 3rd, 2024, at 10:30.",
        "From 2019 to 2024 the index rose 12.5 percent.",
        "My name is not important.",
        "I call my doctor every 3 weeks.",
        "I took 2 pills on the street.",
        "There were 30 people in the court.",
        "Call me if it hurts.",
        "I was born with asthma.",
        "我叫了救护车。",
        "每次吃500毫克，一天最多4000毫克。",
        "我有1234567890元。",
        "2024年3月12日开始头疼。",
        "三号线很挤。",
    ],
)
def test_what_names_nobody_stays(text: str) -> None:
    assert Redactor()(text) == text


@patient
@given(
    st.integers(1, 10**9),
    st.sampled_from(
        ["mg", "ml", "mcg", "g", "IU", "tablets", "dollars", "euros", "yuan", "percent", "元", "毫克", "片"]
    ),
    st.booleans(),
    st.sampled_from(["{}", "take {} twice", "I have {}, not more.", "一共{}。", "{} and {}"]),
)
def test_any_dose_and_any_sum_survives(amount: int, unit: str, grouped: bool, sentence: str) -> None:
    text = sentence.format(*[f"{amount:,} {unit}" if grouped else f"{amount} {unit}"] * 2)
    assert Redactor()(text) == text


@patient
@given(st.integers(1, 10**12), st.sampled_from("$€£¥"), st.integers(0, 99))
def test_any_price_survives(whole: int, currency: str, cents: int) -> None:
    for text in (f"It costs {currency}{whole:,}.{cents:02}.", f"It costs {currency}{whole}."):
        assert Redactor()(text) == text


@patient
@given(st.text("0123456789", min_size=12, max_size=18).filter(lambda digits: digits[0] != "0"), st.booleans())
def test_no_card_number_survives(digits: str, grouped: bool) -> None:
    card = digits + luhn.calc_check_digit(digits)
    shown = " ".join(card[at : at + 4] for at in range(0, len(card), 4)) if grouped else card
    redacted = Redactor()(f"The card is {shown}, valid for long.")
    assert not any(character.isdigit() for character in redacted)


@patient
@given(st.text("0123456789", min_size=18, max_size=18))
def test_no_iban_survives(account: str) -> None:
    made = iban.format("DE" + iban.calc_check_digits("DE00" + account) + account)
    assert Redactor()(f"From {made} please") == "From [iban] please"


@patient
@given(
    st.text("abcdefghijklmnopqrstuvwxyz0123456789._-", min_size=1, max_size=12).filter(str.isalnum),
    st.sampled_from(["example.com", "mail.example.co.uk", "host.cn"]),
)
def test_no_email_survives(name: str, host: str) -> None:
    assert Redactor()(f"It is {name}@{host}, thanks") == "It is [email], thanks"


@patient
@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    Redactor()(text)


@pytest.mark.parametrize(
    "unit", ["1 ", "1-", "a ", "a.", "born ", "路", "我叫", "my name is A ", "(1) ", "A"]
)
def test_a_hostile_text_takes_about_the_time_of_any_text(unit: str) -> None:
    def read_s(unit: str) -> float:
        return least_s(lambda: Redactor()(unit * (20_000 // len(unit))))

    assert read_s(unit) < 25 * read_s("I took it on March, and then I went home with my sister. ")


def test_a_name_is_taken_out_wherever_it_is_said_again_in_the_session() -> None:
    redact = Redactor()
    assert redact("My name is Johanna Muster.") == "My name is [name]."
    assert (
        redact("Good morning, Johanna. Mrs Muster, sit down.")
        == "Good morning, [name]. Mrs [name], sit down."
    )
    assert Redactor()("Good morning, Johanna.") == "Good morning, Johanna."


def test_a_short_name_takes_no_words_out_of_later_turns() -> None:
    redact = Redactor()
    assert redact("My name is May.") == "My name is [name]."
    assert redact("May I sit down in May?") == "May I sit down in May?"
