"""A model behind a socket: a scripted server for the wire and its accidents, a real llama.cpp at the end."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import islice
from pathlib import Path
from threading import Event, Thread
from typing import Any

import pytest
import xllamacpp

from llm import completions
from llm.completions import request_body
from llm.engine import Message, Sampling, Token
from llm.errors import ContextOverflow, NotSaid, OutOfTurn, ServerFailed
from llm.remote import RemoteChat, RemoteModel

SYSTEM = "Be kind."
GREEDY = Sampling(max_tokens=24)
PATIENCE_S = 10.0  # of a test for what happens at once
TOO_LONG = b'{"error": {"message": "the request exceeds the available context size"}}'


@dataclass(frozen=True, slots=True)
class Script:
    """What the server says to one request, and what it does then."""

    body: bytes
    status: int = 200
    kind: str = "text/event-stream"
    promised: int | None = None  # bytes, if it says how many; None: until it closes
    bytewise: bool = False
    stays: bool = False  # says no more, and waits for the client to leave


class ScriptedServer(ThreadingHTTPServer):
    """Answers each request with the next script."""

    daemon_threads = True

    def __init__(self, *scripts: Script) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.scripts = iter(scripts)
        self.asked: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.left = Event()  # the client closed the connection of an answer that `stays`

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class _Handler(BaseHTTPRequestHandler):
    server: ScriptedServer

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self.server.asked.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self._answer()

    def _answer(self) -> None:
        script = next(self.server.scripts)
        self.server.headers.append(dict(self.headers))
        self.send_response(script.status)
        self.send_header("Content-Type", script.kind)
        if script.promised is not None:
            self.send_header("Content-Length", str(script.promised))
        self.end_headers()
        size = 1 if script.bytewise else len(script.body) or 1
        for at in range(0, len(script.body), size):
            self.wfile.write(script.body[at : at + size])
        if script.stays and self.connection.recv(1) == b"":
            self.server.left.set()

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def serving(*scripts: Script) -> Iterator[ScriptedServer]:
    with ScriptedServer(*scripts) as server:
        Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


def piece(text: str, finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": {"content": text}, "finish_reason": finish}
    return b"data: " + json.dumps({"choices": [choice]}, ensure_ascii=False).encode() + b"\n\n"


DONE = b"data: [DONE]\n\n"
HELLO = Script(piece("Hel") + piece("lo!") + DONE)


def refusal(status: int, body: bytes) -> Script:
    return Script(body, status, "application/json")


def say(chat: RemoteChat, user_text: str | None = "Hi", sampling: Sampling = GREEDY) -> str:
    return "".join(token.text for token in chat.reply(user_text, sampling))


def test_a_question_is_asked_with_its_dialogue_and_the_answer_comes_in_pieces() -> None:
    with serving(HELLO) as server:
        chat = RemoteModel(server.url, "tiny").chat(SYSTEM)
        tokens = list(chat.reply("Hi", GREEDY))
        chat.commit()
    assert tokens == [Token(-1, "Hel", 0.0), Token(-1, "lo!", 0.0)]
    assert chat.history == (Message("system", SYSTEM), Message("user", "Hi"), Message("assistant", "Hello!"))
    assert server.asked == [
        {
            "model": "tiny",
            "messages": [{"role": "system", "content": SYSTEM}, {"role": "user", "content": "Hi"}],
            "stream": True,
            "temperature": 0.0,
            "top_p": 1.0,
            "seed": 0,
            "max_tokens": 24,
        }
    ]


def test_what_is_asked_for_beyond_that_is_named_as_each_server_knows_it() -> None:
    plain = request_body("tiny", [], Sampling())
    asked = Sampling(repetition_penalty=1.1, min_p=0.05, stop=("User:",), logit_bias=((7, -100.0),))
    assert {name: value for name, value in request_body("tiny", [], asked).items() if name not in plain} == {
        "repetition_penalty": 1.1,  # vLLM
        "repeat_penalty": 1.1,  # llama.cpp
        "min_p": 0.05,
        "stop": ["User:"],
        "logit_bias": {"7": -100.0},
    }


@pytest.mark.parametrize(
    ("events", "said"),
    [
        (b": ping\n\n" + piece("a") + b":\n" + piece("b") + DONE, "ab"),
        (piece("a").replace(b"data: ", b"data:") + DONE, "a"),
        (piece("a").replace(b"\n", b"\r\n") + DONE.replace(b"\n", b"\r\n"), "a"),
        (b'data: {"choices":\ndata: [{"delta": {"content": "a"}}]}\n\n' + DONE, "a"),
        (b"event: message\nid: 7\n" + piece("a") + b"retry: 10\n\n" + DONE, "a"),
        (b'data: {"choices": [{"delta": {"role": "assistant", "content": null}}]}\n\n' + DONE, ""),
        (piece("a") + b'data: {"choices": [], "usage": {"total_tokens": 9}}\n\n' + DONE, "a"),
        (piece("a") + DONE + piece("b"), "a"),
        (piece("a") + piece("", finish="stop"), "a"),
        (b"", None),
        (piece("a") + b"data: [DO", None),
        (piece("a") + b"data: {]\n\n", None),
        (piece("a") + b"data: 7\n\n", None),
    ],
    ids=[
        "comments",
        "no space",
        "CRLF",
        "data in two lines",
        "other fields",
        "only a role",
        "usage",
        "text behind the end",
        "a reason instead of the end mark",
        "nothing",
        "half of the end mark",
        "no JSON",
        "no object",
    ],
)
def test_events_are_read_as_the_standard_has_them(events: bytes, said: str | None) -> None:
    with serving(Script(events)) as server:
        chat = RemoteModel(server.url, "tiny").chat("")
        if said is None:
            with pytest.raises(ServerFailed, match=server.url):
                say(chat)
        else:
            assert say(chat) == said


def test_a_character_that_comes_byte_by_byte_is_one() -> None:
    with serving(Script(piece("头痛🌊") + DONE, bytewise=True)) as server:
        assert say(RemoteModel(server.url, "tiny").chat("")) == "头痛🌊"


def test_closing_the_answer_closes_the_connection_and_what_was_heard_is_kept() -> None:
    with serving(Script(piece("Take a ") + piece("deep breath."), stays=True), HELLO) as server:
        chat = RemoteModel(server.url, "tiny").chat("")
        answer = chat.reply("Hi", GREEDY)
        said = next(answer).text + next(answer).text
        answer.close()
        assert server.left.wait(PATIENCE_S)
        chat.commit(said[:11])
        say(chat, "And then?")
    assert [message["content"] for message in server.asked[1]["messages"]] == [
        "Hi",
        "Take a deep",
        "And then?",
    ]


@pytest.mark.parametrize("end", [RemoteChat.commit, RemoteChat.discard, RemoteChat.close])
def test_an_answer_goes_no_further_once_it_is_settled(end: Callable[[RemoteChat], None]) -> None:
    with serving(Script(piece("a") + piece("b"), stays=True)) as server:
        chat = RemoteModel(server.url, "tiny").chat("")
        answer = chat.reply("Hi", GREEDY)
        next(answer)
        end(chat)
        assert list(answer) == []
        assert server.left.wait(PATIENCE_S)


def test_an_error_inside_the_answer_is_told_and_what_was_said_before_can_be_kept() -> None:
    broken = piece("One mo") + b'data: {"error": {"code": 500, "message": "out of memory"}}\n\n'
    with serving(Script(broken)) as server:
        chat = RemoteModel(server.url, "tiny").chat("")
        with pytest.raises(ServerFailed, match=r"127.0.0.1:\d+/v1: it broke off its answer: out of memory"):
            say(chat)
        chat.commit()
    assert chat.history[-1] == Message("assistant", "One mo")


def test_a_connection_lost_inside_the_answer_is_told() -> None:
    with (
        serving(Script(piece("a"), promised=1000)) as server,
        pytest.raises(ServerFailed, match="the exchange broke off"),
    ):
        say(RemoteModel(server.url, "tiny").chat(""))


def test_a_server_that_falls_silent_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(completions, "READ_TIMEOUT_S", 0.05)
    with serving(Script(piece("a"), stays=True)) as server:
        with pytest.raises(ServerFailed, match=r"said nothing for 0.05 s"):
            say(RemoteModel(server.url, "tiny").chat(""))
        assert server.left.wait(PATIENCE_S)


def test_a_server_that_is_not_there_is_told_with_its_address() -> None:
    with serving() as server:
        url = server.url
    with pytest.raises(ServerFailed, match=rf"{url}: it cannot be reached .*: is it running there\?"):
        say(RemoteModel(url, "tiny").chat(""))


@pytest.mark.parametrize(
    ("status", "body", "message"),
    [
        (401, b'{"error": {"message": "Invalid API Key"}}', "401, Invalid API Key: check the API key"),
        (404, b'{"error": "model \'x\' not found"}', "404, model 'x' not found: check the address"),
        (422, b'{"detail": [{"msg": "no"}]}', r"422, \[\{'msg': 'no'\}\]: see its log"),
        (503, b"<p>Bad\ngateway</p>" * 99, "503, <p>Bad gateway</p>.{282}…: see its log"),
        (500, b"", "500, without a word"),
        (302, b"", "302, without a word"),
    ],
)
def test_a_refusal_is_told_with_its_status_the_servers_words_and_what_to_do(
    status: int, body: bytes, message: str
) -> None:
    with serving(refusal(status, body)) as server, pytest.raises(ServerFailed, match=message):
        say(RemoteModel(server.url, "tiny").chat(""))


def test_a_page_instead_of_an_answer_is_told() -> None:
    with (
        serving(Script(b"<html>", kind="text/html")) as server,
        pytest.raises(ServerFailed, match=r"it does not answer piece by piece: .*'text/html'"),
    ):
        say(RemoteModel(server.url, "tiny").chat(""))


@pytest.mark.parametrize("url", ["http://[::1", "http://host:port/v1"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(ServerFailed, match="is no address of a server"):
        RemoteModel(url, "tiny")


def test_neither_a_key_nor_a_password_gets_into_a_message() -> None:
    with serving(refusal(401, b"")) as server:
        url = server.url.replace("//", "//me:hunter2@")
        model = RemoteModel(url, "tiny", api_key="sk-secret")
        with pytest.raises(ServerFailed, match=server.url) as refused:
            say(model.chat(""))
    assert "hunter2" not in str(refused.value)
    assert "sk-secret" not in str(refused.value)


def test_the_key_is_sent_as_bearer() -> None:
    with serving(HELLO, HELLO) as server:
        say(RemoteModel(server.url, "tiny", api_key="sk-secret").chat(""))
        say(RemoteModel(server.url, "tiny").chat(""))
    assert server.headers[0]["Authorization"] == "Bearer sk-secret"
    assert "Authorization" not in server.headers[1]


def models(*names: str) -> Script:
    body = json.dumps({"data": [{"id": name} for name in names]}).encode()
    return Script(body, kind="application/json")


def test_the_only_model_of_a_server_need_not_be_named() -> None:
    with serving(models("tiny")) as server:
        assert RemoteModel(server.url + "/").name == "tiny"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (models("one", "two"), r"has 2 models \(one, two\): name one, http://.*/v1#NAME"),
        (models(), r"has 0 models \(none\)"),
        (Script(b"{}", kind="application/json"), r"its list of models is none: \{\}"),
        (refusal(404, b"Not found"), "404, Not found: check the address"),
    ],
)
def test_a_server_that_leaves_open_which_model_is_asked_for_its_name(answer: Script, message: str) -> None:
    with serving(answer) as server, pytest.raises(ServerFailed, match=message):
        RemoteModel(server.url)


# The dialogue.


def committed(server: ScriptedServer, *questions: str) -> RemoteChat:
    chat = RemoteModel(server.url, "tiny").chat(SYSTEM)
    for question in questions:
        say(chat, question)
        chat.commit()
    return chat


def test_an_answer_of_which_nothing_was_heard_leaves_the_question_and_a_discarded_turn_nothing() -> None:
    with serving(HELLO, HELLO) as server:
        chat = RemoteModel(server.url, "tiny").chat("")
        say(chat)
        chat.commit("")
        assert chat.history == (Message("user", "Hi"),)
        say(chat, "Never mind")
        chat.discard()
    assert chat.history == (Message("user", "Hi"),)


def test_the_dialogue_as_it_stands_is_answered_without_a_new_question() -> None:
    with serving(HELLO) as server:
        chat = RemoteModel(server.url, "tiny").chat("")
        chat.add(Message("user", "Typed."))
        say(chat, None)
        chat.commit()
    assert server.asked[0]["messages"] == [{"role": "user", "content": "Typed."}]
    assert chat.history == (Message("user", "Typed."), Message("assistant", "Hello!"))


def test_a_later_truncation_cuts_the_last_answer() -> None:
    with serving(HELLO) as server:
        chat = committed(server, "Hi")
    chat.add(Message("user", "Yes?"))
    chat.truncate("Hell")
    assert chat.history[2] == Message("assistant", "Hell")
    chat.truncate("")
    assert [message.role for message in chat.history] == ["system", "user", "user"]
    with pytest.raises(OutOfTurn, match="no answer"):
        chat.truncate("")


def test_heard_words_that_were_never_said_are_refused_and_change_nothing() -> None:
    with serving(HELLO) as server:
        chat = RemoteModel(server.url, "tiny").chat("")
        say(chat)
    with pytest.raises(NotSaid):
        chat.commit("Hello?")
    chat.commit()
    with pytest.raises(NotSaid):
        chat.truncate("Hello! And")
    assert chat.history[-1].text == "Hello!"


def test_a_call_out_of_turn_is_refused() -> None:
    with serving(HELLO) as server:
        chat = RemoteModel(server.url, "tiny").chat("")
        with pytest.raises(OutOfTurn, match="no pending turn"):
            chat.commit()
        say(chat)
    with pytest.raises(OutOfTurn, match="pending"):
        next(chat.reply("Hi", GREEDY))
    with pytest.raises(OutOfTurn, match="pending"):
        chat.add(Message("system", "A note."))
    assert chat.prefill("Hello, and") == 0
    chat.close()
    chat.close()
    with pytest.raises(OutOfTurn, match="closed"):
        chat.prefill("Hello?")


def test_nothing_is_sent_before_the_first_step_and_how_whole_a_turn_is_stays_unknown() -> None:
    with serving(HELLO) as server:
        chat = RemoteModel(server.url, "tiny").chat("")
        answer = chat.reply("Hi", GREEDY)
        assert server.asked == []
        next(answer)
        answer.close()
    assert chat.turn_over is None


def test_a_dialogue_too_long_for_the_server_loses_its_older_half_and_is_asked_again() -> None:
    with serving(HELLO, HELLO, HELLO, refusal(400, TOO_LONG), HELLO) as server:
        chat = committed(server, "One?", "Two?", "Three?", "Four?")
    asked = [message["content"] for message in server.asked[-1]["messages"]]
    assert asked == [SYSTEM, "Three?", "Hello!", "Four?"]
    assert [message.text for message in chat.history] == [*asked, "Hello!"]


def test_a_question_too_long_by_itself_is_refused_and_the_chat_goes_on() -> None:
    with serving(HELLO, refusal(400, TOO_LONG), refusal(400, TOO_LONG), HELLO) as server:
        chat = committed(server, "One?")
        with pytest.raises(ContextOverflow, match="exceeds the available context size"):
            say(chat, "long " * 100)
        chat.discard()
        assert say(chat, "Short?") == "Hello!"


# A real server: llama.cpp's own, with SmolLM2 135M.


@pytest.fixture(scope="module")
def llama(weights_dir: Callable[[str], Path]) -> Iterator[str]:
    params = xllamacpp.CommonParams()
    params.model.path = str(weights_dir("smollm2-135m") / "model.gguf")
    params.model_alias = {"smollm2"}
    params.n_ctx, params.n_parallel, params.port = 512, 1, 0
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = 1
    params.warmup, params.verbosity = False, -1
    server = xllamacpp.Server(params)
    yield f"{server.listening_address}/v1"
    del server


def test_llama_cpp_answers_is_interrupted_and_goes_on(llama: str) -> None:
    model = RemoteModel(llama)
    assert model.name == "smollm2"
    chat = model.chat("You are a careful medical assistant.")
    answer = chat.reply("I have had a headache for days.", Sampling(max_tokens=200))
    said = "".join(token.text for token in islice(answer, 12))
    answer.close()
    assert "headache" in said
    chat.commit(said[:-3])
    tokens = list(chat.reply("What did I tell you that I have?", GREEDY))
    assert 10 < len(tokens) <= 24
    chat.commit()
    assert [message.role for message in chat.history] == ["system", "user", "assistant", "user", "assistant"]
    assert chat.history[2].text == said[:-3]


def test_the_same_dialogue_gives_the_same_answer_from_llama_cpp(llama: str) -> None:
    model = RemoteModel(llama)
    assert say(model.chat(SYSTEM), "Name a fruit.") == say(model.chat(SYSTEM), "Name a fruit.")


def test_llama_cpp_is_told_less_when_its_context_is_full(llama: str) -> None:
    chat = RemoteModel(llama).chat(SYSTEM)
    for turn in range(6):
        chat.add(Message("user", f"Fact {turn}: " + "water is wet. " * 25))
        chat.add(Message("assistant", "I see."))
    assert say(chat, "What is wet?", Sampling(max_tokens=8))
    chat.commit()
    assert chat.history[0].text == SYSTEM
    assert len(chat.history) < 10
    assert chat.history[-2] == Message("user", "What is wet?")
