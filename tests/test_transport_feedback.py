"""`liushui.feedback` on the wire."""

from __future__ import annotations

import json

import pytest

from transport.events import FeedbackGiven
from transport.protocol import RealtimeProtocol
from transport.settings import SessionSettings


def received(**fields: object) -> tuple[list[object], list[dict[str, object]]]:
    protocol = RealtimeProtocol("sess_1", "m", SessionSettings())
    commands = protocol.receive(json.dumps({"type": "liushui.feedback", "event_id": "mine", **fields}))
    errors = [json.loads(text)["error"] for text in protocol.data_to_send()]
    return [*commands], errors


def test_a_rating_is_read_as_it_was_given() -> None:
    commands, errors = received(response_id="resp_1", fluent=True, right=None, comment=" Too long. ")
    assert commands == [FeedbackGiven("resp_1", True, None, "Too long.", event_id="mine")] and not errors


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"fluent": True}, "response_id is missing"),
        ({"response_id": "resp_1"}, "fluent, right and comment are all missing"),
        ({"response_id": "resp_1", "comment": "  "}, "fluent, right and comment are all missing"),
        ({"response_id": "resp_1", "right": "yes"}, "right is 'yes': send true or false"),
        ({"response_id": "resp_1", "right": 1}, "right is 1: send true or false"),
        ({"response_id": "r" * 65, "right": True}, "response_id has 65 characters"),
        ({"response_id": "resp_1", "comment": "a" * 1001}, "comment has 1001 characters"),
        ({"response_id": "resp_1", "right": True, "stars": 5}, "stars is not a field we know"),
    ],
)
def test_a_rating_that_makes_no_sense_is_refused_with_what_to_send_instead(
    fields: dict[str, object], message: str
) -> None:
    commands, errors = received(**fields)
    assert not commands
    assert message in str(errors[0]["message"]) and errors[0]["event_id"] == "mine"
