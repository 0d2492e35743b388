"""The command `liushui`: reads the arguments and starts the command they name.

Engines take seconds to import, so a command's module is imported only when it runs: `--help` is instant.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Sequence
from importlib import import_module

from assistant.arguments import parser

EXIT_ERROR = 1  # 2, wrong usage, is argparse's own
EXIT_INTERRUPTED = 130  # 128 + SIGINT, as shells say it
MODULES = {
    "serve": "assistant.service",
    "talk": "assistant.talk",
    "chat": "assistant.chat",
    "say": "assistant.say",
    "transcribe": "assistant.transcribe",
    "voices": "assistant.voices_command",
    "weights": "assistant.weights_command",
    "replies": "assistant.replies_command",
    "pace": "assistant.pace_command",
    "sessions": "assistant.sessions_command",
    "feedback": "assistant.feedback_command",
    "trace": "assistant.trace_command",
}
# How long OpenMP's threads spin for the next step before they sleep: 0.1 ms. Its own 3 ms make a decode step
# forty times slower when another program wants a core; without spinning, a quiet machine is half as fast.
SPINS = "10000"
OWN_PACKAGES = {"asr", "assistant", "llm", "transport", "tts"}


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit status: 0, 1 error, 2 wrong usage, 130 interrupted."""
    args = parser().parse_args(argv)
    os.environ.setdefault("GOMP_SPINCOUNT", SPINS)
    try:
        import_module(MODULES[args.command]).run(args)
        sys.stdout.flush()  # a closed pipe shows here, not after the exit status is set
    except KeyboardInterrupt as interruption:
        notes = getattr(interruption, "__notes__", [])  # of the step that it hit
        print("; ".join(["liushui: interrupted", *notes]), file=sys.stderr)
        return EXIT_INTERRUPTED
    except Exception as error:  # the last place that can turn it into one line
        if args.debug:
            traceback.print_exc()
        print(f"liushui: error: {_one_line(error)}", file=sys.stderr)
        return EXIT_ERROR
    return 0


def _one_line(error: Exception) -> str:
    said = " ".join(str(error).split())
    if isinstance(error, OSError) or type(error).__module__.partition(".")[0] in OWN_PACKAGES:
        return said or type(error).__name__
    return f"{type(error).__name__}: {said} (--debug shows where)"  # a defect: its kind is worth naming


if __name__ == "__main__":
    sys.exit(main())
