"""Ask a spoken question with OpenAI's own SDK, and save the spoken answer. Copy and change it.

pip install "openai[realtime]"
liushui serve                                                   # in another terminal
python samples/client.py samples/wav/headache.wav answer.wav
"""

import asyncio
import base64
import sys
import wave

from openai import AsyncOpenAI

RATE_HZ = 24_000  # audio/pcm of the Realtime API: 16-bit mono
CHUNK_S = 0.02


async def speak(connection, pcm: bytes) -> None:
    """Send the question as a microphone would, then silence: the service hears by itself that it is over."""
    chunk = int(RATE_HZ * CHUNK_S) * 2
    begin = 0
    while True:
        audio = pcm[begin : begin + chunk].ljust(chunk, b"\0")
        await connection.input_audio_buffer.append(audio=base64.b64encode(audio).decode())
        await asyncio.sleep(CHUNK_S)
        begin += chunk


async def listen(connection) -> bytes:
    """Print what is heard and answered; return the answer's audio."""
    answer = b""
    async for event in connection:
        if event.type == "conversation.item.input_audio_transcription.completed":
            print("you:      ", event.transcript)
        elif event.type == "response.output_audio_transcript.done":
            print("assistant:", event.transcript)
        elif event.type == "response.output_audio.delta":
            answer += base64.b64decode(event.delta)
        elif event.type == "response.done":
            return answer
        elif event.type == "error":
            sys.exit(f"the service says: {event.error.message}")
    return answer


async def main(question: str, answer: str) -> None:
    with wave.open(question) as file:
        if (file.getframerate(), file.getnchannels(), file.getsampwidth()) != (RATE_HZ, 1, 2):
            sys.exit(f"{question} is not 24 kHz 16-bit mono")
        pcm = file.readframes(file.getnframes())
    url = "127.0.0.1:8765/v1"
    client = AsyncOpenAI(api_key="none", base_url=f"http://{url}", websocket_base_url=f"ws://{url}")
    async with client.realtime.connect(model="liushui") as connection:
        speaking = asyncio.create_task(speak(connection, pcm))
        audio = await listen(connection)
        speaking.cancel()
    with wave.open(answer, "wb") as file:
        file.setparams((1, 2, RATE_HZ, 0, "NONE", ""))
        file.writeframes(audio)
    print("saved:    ", answer)


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    asyncio.run(main(*sys.argv[1:]))
