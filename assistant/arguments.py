"""What can be typed after `liushui`. Standard library only, so that `--help` is instant."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable
from pathlib import Path

from assistant.command_parser import AddParser
from assistant.command_parser import add_command as _add
from assistant.record_arguments import add_records, add_reporting

DEFAULT_PORT = 8765
DEFAULT_DOMAIN = "medical"
DEFAULT_VOICE = "heart"
VOICE_HELP = "a name of `liushui voices`; the .onnx file of a Piper voice; or coqui:FOLDER of a Coqui model"
KEYS_VARIABLE = "LIUSHUI_API_KEYS"  # of the service; an option would show in the list of processes

EXAMPLES = """
  liushui talk                                    ask the sample questions aloud, save the answers as WAV
  liushui serve --domain medical                  the service, for any client of the OpenAI Realtime API
  liushui chat --domain finance                   typed, in the terminal
  liushui say "Take 5 mg twice a day." -o dose.wav
  liushui transcribe samples/wav/headache.wav
  liushui voices
  liushui weights list
"""
SERVE_EXAMPLES = """
  liushui serve
  liushui serve --domain finance --port 9000
  liushui serve --domain medical --domain finance
  liushui serve --voice heart --voice jf_alpha
  liushui serve --llm smollm2-135m --threads 2
  liushui serve --llm http://localhost:8080/v1
  liushui serve --record --metrics
  liushui serve --host 0.0.0.0 --tls-cert cert.pem --tls-key key.pem --api-key-file keys.txt
"""
TALK_EXAMPLES = """
  liushui talk
  liushui talk samples/wav/headache.wav --json
  liushui talk question.wav --image samples/images/lab-report.jpg
  liushui talk question.wav --url ws://127.0.0.1:8765/v1/realtime --out answer.wav
"""
CHAT_EXAMPLES = """
  liushui chat
  liushui chat --domain finance --llm smollm2-135m
Type /image samples/images/lab-report.jpg to show a picture, then ask about it.
/right, /wrong, /fluent and /choppy rate the last answer (see `liushui feedback`).
Ctrl-C stops an answer; /quit, Ctrl-D or Ctrl-C at the prompt leaves.
"""
SAY_EXAMPLES = """
  liushui say "Your appointment is at 9:30." --out appointment.wav
  echo "Hello there." | liushui say | aplay
  my-model "Tell me a story" | liushui say --stream | aplay
  liushui say "Well, it depends on the dose." -o dose.wav --plot dose.png
"""
TRANSCRIBE_EXAMPLES = """
  liushui transcribe samples/wav/headache.wav
  liushui transcribe meeting.flac --json --language auto
"""
VOICES_EXAMPLES = """
  liushui voices
  liushui say --voice joe "Good morning." -o morning.wav
"""
WEIGHTS_EXAMPLES = """
  liushui weights list
  liushui weights fetch                 what the default engines need
  liushui weights fetch smollm2-135m
  liushui weights verify
They lie in $LIUSHUI_HOME (default: the folder liushui in the user's cache folder).
"""
REPLIES_EXAMPLES = """
  liushui replies list
  liushui replies show 3f9a01c2
  liushui replies remove 3f9a01c2
  liushui replies clear --domain medical
What is removed, a running service forgets at once.
"""
PACE_EXAMPLES = """
  liushui pace forget alice
A user is who a client says: by the header OpenAI-Safety-Identifier, or by ?user= in the URL.
"""


def parser() -> ArgumentParser:
    """Build the parser of the whole command line; the chosen command is `args.command`."""
    root = ArgumentParser(
        prog="liushui",
        description="A self-hosted voice assistant that talks like water flows.",
        epilog=f"examples:{EXAMPLES}",
        formatter_class=RawDescriptionHelpFormatter,
    )
    root.add_argument("--debug", action="store_true", help="show the traceback of an error")
    add_parser = root.add_subparsers(dest="command", required=True, metavar="COMMAND").add_parser
    _add_serve(add_parser)
    _add_talk(add_parser)
    _add_chat(add_parser)
    _add_say(add_parser)
    _add_transcribe(add_parser)
    _add(add_parser, "voices", "list the voices, and which are here", VOICES_EXAMPLES)
    _add_weights(add_parser)
    _add_replies(add_parser)
    _add_pace(add_parser)
    add_records(add_parser)
    return root


def _add_serve(add_parser: AddParser) -> None:
    command = _add(add_parser, "serve", "run the service until Ctrl-C", SERVE_EXAMPLES)
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    command.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help="port (default: %(default)s; 0: any free)"
    )
    command.add_argument(
        "--text-only", action="store_true", help="load no audio engines: conversations are typed"
    )
    command.add_argument(
        "--common-replies",
        action="store_true",
        help="keep replies to questions that were asked twice, on disk (see `liushui replies`)",
    )
    command.add_argument(
        "--barge-in-words",
        type=int,
        default=1,
        metavar="N",
        help='words that it takes to interrupt an answer; "stop" and "wait" always do (default: %(default)s)',
    )
    _add_access(command)
    add_reporting(command)
    _add_domains(command)
    _add_engines(command, _add_voices)


def _add_access(command: ArgumentParser) -> None:
    command.add_argument(
        "--api-key-file",
        type=Path,
        metavar="FILE",
        help=f"API keys, one a line, of which clients must send one (default: those in ${KEYS_VARIABLE}; "
        "without any, everybody may connect)",
    )
    command.add_argument(
        "--sessions-per-key",
        type=int,
        default=8,
        metavar="N",
        help="conversations at a time with one API key (default: %(default)s, as many as there are at all)",
    )
    command.add_argument(
        "--allow-origin",
        action="append",
        default=[],
        metavar="ORIGIN",
        help="web pages that may connect beside the service's own, such as https://example.org, or * for "
        "all; may be given several times",
    )
    command.add_argument(
        "--tls-cert",
        type=Path,
        metavar="FILE",
        help="PEM certificate: serve HTTPS, with HTTP/2 (needs --tls-key)",
    )
    command.add_argument("--tls-key", type=Path, metavar="FILE", help="its PEM private key")


def _add_talk(add_parser: AddParser) -> None:
    summary = "ask questions from audio files over the real WebSocket, and save the spoken answers"
    command = _add(add_parser, "talk", summary, TALK_EXAMPLES)
    command.add_argument("files", nargs="*", type=Path, metavar="FILE", help="audio files, one turn each")
    command.add_argument("--url", help="a running service (default: one is started for this talk)")
    command.add_argument(
        "--image",
        action="append",
        type=Path,
        default=[],
        metavar="FILE",
        help="show it a picture before the first question; may be given several times",
    )
    command.add_argument("--out", type=Path, metavar="WAV", help="where to save the answer")
    command.add_argument("--json", action="store_true", help="print one JSON line and nothing else")
    _add_domain(command)
    _add_engines(command, _add_voice)


def _add_chat(add_parser: AddParser) -> None:
    command = _add(add_parser, "chat", "converse in text, in the terminal", CHAT_EXAMPLES)
    _add_domain(command)
    _add_language_model(command)
    _add_compute(command)


def _add_say(add_parser: AddParser) -> None:
    command = _add(add_parser, "say", "speak a text into a WAV file", SAY_EXAMPLES)
    command.add_argument("text", nargs="?", help="what to say (default: standard input)")
    command.add_argument(
        "-o", "--out", type=Path, metavar="WAV", help="file to write (default: standard output)"
    )
    command.add_argument(
        "--rate", type=_rate, default=1.0, help="speaking rate, 0.5 to 2 (default: %(default)s)"
    )
    command.add_argument(
        "--stream",
        action="store_true",
        help="speak while the text comes in, each phrase as soon as it is made",
    )
    command.add_argument(
        "--plot",
        type=Path,
        metavar="PNG",
        help="also draw the waveform with its words, boundaries and pauses",
    )
    _add_voice(command)
    _add_compute(command)


def _add_transcribe(add_parser: AddParser) -> None:
    command = _add(add_parser, "transcribe", "turn an audio file into text", TRANSCRIBE_EXAMPLES)
    command.add_argument(
        "file", type=Path, metavar="FILE", help="WAV, FLAC, OGG or MP3, any rate and channels"
    )
    command.add_argument(
        "--json", action="store_true", help="print one JSON line with the segments and times"
    )
    _add_recognizer(command)
    _add_compute(command)


def _add_weights(add_parser: AddParser) -> None:
    command = _add(add_parser, "weights", "list, fetch and verify the models' weights", WEIGHTS_EXAMPLES)
    actions = command.add_subparsers(dest="action", required=True, metavar="ACTION")
    actions.add_parser("list", help="what there is, and what is here").set_defaults(names=[])
    fetch = actions.add_parser("fetch", help="get what is missing or damaged")
    fetch.add_argument("names", nargs="*", metavar="NAME", help="default: what the default engines need")
    fetch.add_argument("--all", action="store_true", help="the optional ones too")
    verify = actions.add_parser("verify", help="read every file again and check its SHA-256")
    verify.add_argument("names", nargs="*", metavar="NAME", help="default: all that are here")


def _add_replies(add_parser: AddParser) -> None:
    command = _add(
        add_parser, "replies", "show and remove the kept replies to common questions", REPLIES_EXAMPLES
    )
    actions = command.add_subparsers(dest="action", required=True, metavar="ACTION")
    of_domain = ArgumentParser(add_help=False)
    of_domain.add_argument("--domain", metavar="NAME", help="of this consultation domain (default: all)")
    by_id = ArgumentParser(add_help=False)
    by_id.add_argument("ids", nargs="+", metavar="ID", help="as `list` shows it")
    actions.add_parser("list", parents=[of_domain], help="what is kept, the last used first")
    actions.add_parser("show", parents=[by_id], help="all about a reply")
    actions.add_parser("remove", parents=[by_id], help="remove replies")
    actions.add_parser("clear", parents=[of_domain], help="remove all")


def _add_pace(add_parser: AddParser) -> None:
    command = _add(add_parser, "pace", "forget the speaking paces kept of users", PACE_EXAMPLES)
    actions = command.add_subparsers(dest="action", required=True, metavar="ACTION")
    forget = actions.add_parser("forget", help="forget users")
    forget.add_argument("users", nargs="+", metavar="USER", help="as their clients name them")


def _add_engines(command: ArgumentParser, add_voice: Callable[[ArgumentParser], None]) -> None:
    _add_language_model(command)
    _add_recognizer(command)
    add_voice(command)
    _add_compute(command)


def _add_domains(command: ArgumentParser) -> None:
    command.add_argument(
        "--domain",
        action="append",
        help="consultation domain: a folder in samples/, or a path to one; of several, clients choose "
        f"by ?domain=NAME, and the first is for those who do not (default: {DEFAULT_DOMAIN})",
    )


def _add_domain(command: ArgumentParser) -> None:
    command.add_argument(
        "--domain",
        default=DEFAULT_DOMAIN,
        help="consultation domain: a folder in samples/, or a path to one (default: %(default)s)",
    )


def _add_language_model(command: ArgumentParser) -> None:
    command.add_argument(
        "--llm",
        default="qwen2.5-0.5b",
        metavar="MODEL",
        help="weights' name; a GGUF file or a folder of the model hub's form; URL or URL#MODEL of an "
        "OpenAI-compatible server, up to its /v1; or hub:NAME_OR_FOLDER for what transformers can load "
        "(default: %(default)s)",
    )


def _add_recognizer(command: ArgumentParser) -> None:
    command.add_argument(
        "--asr",
        default="whisper-base",
        metavar="MODEL",
        help="weights' name, or a folder with a CTranslate2 Whisper (default: %(default)s)",
    )
    command.add_argument(
        "--language", default="en", metavar="CODE", help="spoken language, or auto (default: %(default)s)"
    )


def _add_voices(command: ArgumentParser) -> None:
    command.add_argument(
        "--voice",
        dest="voices",
        action="append",
        help=f"{VOICE_HELP}; of several, clients choose by name, the first is for those who do not, and the "
        f"others are loaded when they are first wanted (default: {DEFAULT_VOICE})",
    )


def _add_voice(command: ArgumentParser) -> None:
    command.add_argument("--voice", default=DEFAULT_VOICE, help=f"{VOICE_HELP} (default: %(default)s)")


def _add_compute(command: ArgumentParser) -> None:
    command.add_argument("--device", default="cpu", help="cpu or cuda (default: %(default)s)")
    command.add_argument(
        "--threads", type=int, default=2, help="CPU threads an engine may use (default: %(default)s)"
    )


def _rate(text: str) -> float:
    rate = float(text)
    if not 0.5 <= rate <= 2.0:  # outside, words are no longer understood
        raise ArgumentTypeError(f"{text} is not between 0.5 and 2")
    return rate
