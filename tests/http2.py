"""A client of HTTP/2: requests and WebSockets (RFC 8441) beside each other on one connection."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import h2.config
import h2.connection
import h2.events
import h2.exceptions
import h2.settings
from wsproto.connection import Connection as Frames
from wsproto.connection import ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Event, Message, Ping, TextMessage

Headers = list[tuple[str, str]]


@dataclass
class Stream:
    """One exchange: its status and headers, then its data; None: the end."""

    id: int
    headers: asyncio.Future[dict[str, str]]
    data: asyncio.Queue[bytes | None] = field(default_factory=asyncio.Queue)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while (data := await self.data.get()) is not None:
            yield data


class Http2Client:
    """One connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, authority: str) -> None:
        self._reader, self._writer, self._authority = reader, writer, authority
        self._http = h2.connection.H2Connection(h2.config.H2Configuration(header_encoding="utf-8"))
        self._streams: dict[int, Stream] = {}
        self._window = asyncio.Event()  # more may be sent
        self.takes_websockets = asyncio.get_running_loop().create_future()  # the server's first settings say

    @classmethod
    @asynccontextmanager
    async def connect(cls, url: str, context: ssl.SSLContext) -> AsyncIterator[Http2Client]:
        address = urlsplit(url)
        context.set_alpn_protocols(["h2"])
        reader, writer = await asyncio.open_connection(address.hostname, address.port, ssl=context)
        client = cls(reader, writer, address.netloc)
        client._http.initiate_connection()
        client._flush()
        reading = asyncio.create_task(client._read())
        try:
            yield client
        finally:
            reading.cancel()
            await asyncio.wait({reading})
            writer.transport.abort()

    async def request(
        self, method: str, path: str, body: bytes = b"", headers: Headers | None = None
    ) -> Stream:
        """Send a request; its response has begun when this returns."""
        named = [(":method", method), (":scheme", "https"), (":authority", self._authority), (":path", path)]
        stream = self._open([*named, *(headers or [])], end=not body)
        if body:
            await self.send(stream, body)
            self._http.end_stream(stream.id)
            self._flush()
        await stream.headers
        return stream

    async def websocket(self, path: str, subprotocols: Iterable[str] = ()) -> Http2WebSocket:
        assert await self.takes_websockets, "the server takes no extended CONNECT"
        headers = [
            (":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"),
            (":authority", self._authority), (":path", path), ("sec-websocket-version", "13"),
        ]  # fmt: skip
        if offered := ", ".join(subprotocols):
            headers.append(("sec-websocket-protocol", offered))
        stream = self._open(headers, end=False)
        return Http2WebSocket(self, stream, await stream.headers)

    def reset(self, stream: Stream) -> None:
        """Leave in the middle."""
        self._http.reset_stream(stream.id)
        self._flush()

    async def send(self, stream: Stream, data: bytes) -> None:
        """Send, as fast as the server takes it."""
        while data:
            room = min(self._http.local_flow_control_window(stream.id), self._http.max_outbound_frame_size)
            if room <= 0:
                self._window.clear()
                await self._window.wait()
                continue
            self._http.send_data(stream.id, data[:room])
            data = data[room:]
            self._flush()

    def _open(self, headers: Headers, *, end: bool) -> Stream:
        stream_id = self._http.get_next_available_stream_id()
        stream = Stream(stream_id, asyncio.get_running_loop().create_future())
        self._streams[stream_id] = stream
        self._http.send_headers(stream_id, headers, end_stream=end)
        self._flush()
        return stream

    def _flush(self) -> None:
        self._writer.write(self._http.data_to_send())

    async def _read(self) -> None:
        try:
            while data := await self._reader.read(65536):
                for event in self._http.receive_data(data):
                    self._take(event)
                self._flush()
        finally:
            for stream in self._streams.values():
                stream.data.put_nowait(None)

    def _take(self, event: h2.events.Event) -> None:
        match event:
            case h2.events.RemoteSettingsChanged():
                code = h2.settings.SettingCodes.ENABLE_CONNECT_PROTOCOL
                if not self.takes_websockets.done():
                    self.takes_websockets.set_result(code in event.changed_settings)
            case h2.events.WindowUpdated():
                self._window.set()
            case h2.events.ResponseReceived():
                headers = {str(name): str(value) for name, value in event.headers}
                self._streams[event.stream_id].headers.set_result(headers)
            case h2.events.DataReceived():
                self._streams[event.stream_id].data.put_nowait(event.data)
                if event.flow_controlled_length:
                    self._http.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            case h2.events.StreamEnded() | h2.events.StreamReset():
                if (stream := self._streams.get(event.stream_id)) is not None:
                    stream.data.put_nowait(None)


class Http2WebSocket:
    """A WebSocket in a stream."""

    def __init__(self, client: Http2Client, stream: Stream, headers: dict[str, str]) -> None:
        self.status = int(headers[":status"])
        self.subprotocol = headers.get("sec-websocket-protocol")
        self.close_code: int | None = None
        self.pings = 0
        self._client, self.stream = client, stream
        self._frames = Frames(ConnectionType.CLIENT)

    async def send(self, message: str | bytes) -> None:
        await self._send(TextMessage(message) if isinstance(message, str) else BytesMessage(message))

    async def close(self) -> None:
        await self._send(CloseConnection(1000))

    async def __aiter__(self) -> AsyncIterator[str]:
        """Yield messages until the socket is closed."""
        text = ""
        async for data in self.stream:
            self._frames.receive_data(data)
            for event in self._frames.events():
                match event:
                    case Message():
                        text += str(event.data)
                        if event.message_finished:
                            yield text
                            text = ""
                    case Ping():
                        self.pings += 1
                        await self._send(event.response())
                    case CloseConnection():
                        self.close_code = event.code
                        return

    async def _send(self, event: Event) -> None:
        await self._client.send(self.stream, self._frames.send(event))
