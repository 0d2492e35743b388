"""Everything this package raises.

LlmError
├── WeightsUnreadable     not a GGUF file, or a folder of converted weights that is incomplete
├── WeightsUnsupported    a model, tokenizer or chat template that this decoder does not know
├── ContextOverflow       one message that does not fit the context, even alone
├── NotSaid               heard text that is no prefix of what the assistant said
├── OutOfTurn             a call that the state of the chat does not allow: commit without an answer
├── BadSampling           an option of how tokens are chosen that has an impossible value; a ValueError too
├── BadCall               the model calls a tool that there is not, or in no form that can be read
└── ServerFailed          a model's server cannot be reached, refuses, or breaks off its answer
"""

from __future__ import annotations


class LlmError(Exception):
    """The language model could not do what it was asked."""


class WeightsUnreadable(LlmError):
    """The file or folder does not hold complete weights."""


class WeightsUnsupported(LlmError):
    """The weights are of a kind that this decoder cannot run."""


class ContextOverflow(LlmError):
    """One message is longer than the model's context."""


class NotSaid(LlmError):
    """The text said to be heard is not a prefix of what was said."""


class OutOfTurn(LlmError):
    """The chat is not in a state that allows this call."""


class BadSampling(LlmError, ValueError):
    """An option of `Sampling` has a value that it cannot have."""

    def __init__(self, parameter: str, complaint: str) -> None:
        super().__init__(f"{parameter} {complaint}")
        self.parameter = parameter  # the option's name, for an answer that is read by a program


class BadCall(LlmError):
    """The model called a tool that there is not, or its call cannot be read."""


class ServerFailed(LlmError):
    """The server that runs the model cannot be reached, refuses, or breaks off its answer."""
