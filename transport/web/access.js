// The service's key, where it asks for one: kept in this tab, and changed into a secret for every session.

import { text } from "./texts.js";

const KEPT = "liushui.key";
const SECRET_S = 60; // it has to open one socket; the next one gets its own

export class Access {
  constructor(dialog) {
    this._dialog = dialog;
    this._input = dialog.querySelector("input");
    this._wrong = dialog.querySelector("[role=alert]");
  }

  /** The JSON at a path below /v1/, asking for the key as long as it takes. Throws when there is no service. */
  async read(path, options = {}) {
    for (;;) {
      const key = sessionStorage.getItem(KEPT);
      const headers = { ...options.headers, ...(key ? { Authorization: `Bearer ${key}` } : {}) };
      const response = await fetch(path, { ...options, headers });
      if (response.status !== 401) return read(response);
      await this._ask(key !== null);
    }
  }

  /** What opens a session's socket, "" where anybody may. */
  async secret() {
    if (!sessionStorage.getItem(KEPT)) return "";
    const asked = { expires_after: { anchor: "created_at", seconds: SECRET_S } };
    const { value } = await this.read("/v1/realtime/client_secrets", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(asked),
    });
    return value;
  }

  _ask(wasWrong) {
    this._wrong.textContent = wasWrong ? text("key_wrong") : "";
    this._input.value = "";
    this._dialog.showModal();
    return new Promise((resolve) => {
      this._dialog.addEventListener(
        "close",
        () => {
          sessionStorage.setItem(KEPT, this._input.value.trim());
          resolve();
        },
        { once: true },
      );
    });
  }
}

async function read(response) {
  const body = await response.json();
  if (!response.ok) throw new Error(body.error?.message ?? `HTTP ${response.status}`);
  return body;
}
