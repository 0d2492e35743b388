"""How complete a closing utterance sounds, more than once while it stays silent."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

from asr.streaming import HEARD_S, Utterance
from assistant.loaded import Hearing

log = logging.getLogger(__name__)

SCORE_AFTER_S = (0.0, 0.13)  # at once; in doubt again with more of the silence that it was trained to see


async def scores(hearing: Hearing, utterance: Utterance, doubtful: float) -> AsyncIterator[float]:
    """Yield the probability that it is complete; again after a while if it is below `doubtful`.

    Ends without one where the model fails: the turn ends later then, by the longer silence.
    """
    for pause_s in SCORE_AFTER_S:
        await asyncio.sleep(pause_s)
        try:
            score = await hearing.turn_worker.run(hearing.end_of_turn.completeness, utterance.audio(HEARD_S))
        except Exception:
            log.exception("smart-turn failed")
            return
        yield score
        if score >= doubtful:
            return
