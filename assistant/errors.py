"""What can go wrong in the assistant itself; the engines' packages have trees of their own.

AssistantError
├── ConfigError             a setting is out of its range, or names something that does not exist
├── NotAnswered             the service did not answer a spoken question
├── PictureUnread           a picture could not be read
├── ServiceStopped          a service of our own did not start, or ended too early
├── SilentRecording         a recording holds no speech
└── WeightsError            weights are not there, or not what they should be
    ├── UnknownWeights      no such name in the table
    ├── DamagedWeights      a file's SHA-256 is not the pinned one
    ├── DiskFull            not enough room for the files
    ├── HomeNotWritable     the weights folder cannot be written
    ├── SourcesFailed       no source could give a file (usually: no network)
    └── SourceUnavailable   one source could not give a file; the next one is tried
"""

from __future__ import annotations


class AssistantError(Exception):
    """Anything the assistant can say in one line: what was wrong, and what to do."""


class ConfigError(AssistantError):
    """A setting is out of its range, or names something that does not exist."""


class NotAnswered(AssistantError):
    """The service did not answer a spoken question."""


class PictureUnread(AssistantError):
    """A picture could not be read."""


class ServiceStopped(AssistantError):
    """A service of our own did not start, or ended too early."""


class SilentRecording(AssistantError):
    """A recording holds no speech."""


class WeightsError(AssistantError):
    """Weights are not there, or not what they should be."""


class UnknownWeights(WeightsError):
    """No such name in the table."""


class DamagedWeights(WeightsError):
    """A file's SHA-256 is not the pinned one."""


class DiskFull(WeightsError):
    """Not enough room for the files."""


class HomeNotWritable(WeightsError):
    """The weights folder cannot be written."""


class SourcesFailed(WeightsError):
    """No source could give a file."""


class SourceUnavailable(WeightsError):
    """One source could not give a file; the next one is tried."""
