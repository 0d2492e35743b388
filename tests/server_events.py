"""What the service sends, as OpenAI's SDK has it."""

from __future__ import annotations

from typing import Annotated, Any

from openai.types.realtime import RealtimeServerEvent
from pydantic import Field, TypeAdapter

# By its `type`, an event is compared with the one shape that it has to have, not with all of them in turn:
# stricter, and thirty times as fast.
SERVER_EVENT: TypeAdapter[Any] = TypeAdapter(Annotated[RealtimeServerEvent, Field(discriminator="type")])
