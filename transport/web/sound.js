// How one session's sound travels: as Opus where the browser has it, else as it is.

import { toPcm } from "./microphone.js";
import { OpusEar, OpusMouth } from "./opus.js";
import { fromPcm } from "./speaker.js";

export class Sound {
  /** `heard(mediaTime, samples)`: of answers. `send(payload, samples, opus)`: of the microphone. */
  constructor(opus, heard, send) {
    this._heard = heard;
    this._send = send;
    this._ear = opus ? new OpusEar(heard) : null;
    this._mouth = opus ? new OpusMouth((payload, samples) => send(payload, samples, true)) : null;
  }

  /** A frame from the service. */
  take(mediaTime, payload, opus) {
    if (opus) this._ear.take(mediaTime, payload);
    else this._heard(mediaTime, fromPcm(payload));
  }

  /** Do something once everything that came so far has been heard. */
  after(done) {
    if (this._ear) this._ear.after(done);
    else done();
  }

  /** The microphone's samples, as Int16Array. */
  said(samples) {
    if (this._mouth) this._mouth.take(samples);
    else this._send(toPcm(samples), samples.length, false);
  }

  close() {
    this._ear?.close();
    this._mouth?.close();
  }
}
