// A session without a page: what it sends and what it receives, to the sample, over a line that breaks.

import { Connection } from "/web/connection.js";

const CHUNK_BYTES = 960;

/** Send base64 PCM, hear the answer to its end; returns that as [media time, base64] and what else happened. */
export async function converse(said) {
  const heard = [];
  const states = [];
  const bytes = Uint8Array.from(atob(said), (byte) => byte.charCodeAt(0));
  const events = [];
  const done = Promise.withResolvers();
  const connection = new Connection({
    address: (query) => `${location.origin.replace("http", "ws")}/v1/realtime?${new URLSearchParams(query)}`,
    secret: async () => "",
    query: { audio: "pcm" },
    listener: {
      state: (name) => states.push(name),
      event: (event) => {
        events.push(event.type);
        if (event.type === "response.done") done.resolve();
      },
      audio: (mediaTime, payload) => heard.push([mediaTime, btoa(String.fromCharCode(...payload))]),
    },
  });
  connection.open();
  connection.send({ type: "response.create" });
  for (let at = 0; at < bytes.length; at += CHUNK_BYTES) {
    connection.sendAudio(bytes.subarray(at, at + CHUNK_BYTES), CHUNK_BYTES / 2);
    await new Promise((resolve) => setTimeout(resolve, 4));
  }
  await done.promise;
  globalThis.connection = connection; // it goes on until everything has arrived there
  return { heard, events, reconnections: connection.reconnections, states };
}
