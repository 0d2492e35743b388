// Where the time of a turn went: a row for each step, from the step before it to its own moment.

const STEPS = [
  "noticed_ms",
  "scored_ms",
  "transcript_ms",
  "prefilled_ms",
  "first_token_ms",
  "first_phrase_ms",
  "first_audio_ms",
  "confirmed_ms",
  "sent_ms",
];

/**
 * Rows {step, beginMs, endMs} in the order of time; `marks` are `liushui.turn.timings`'s, in ms after the
 * user's last sound. `hereMs`: from then until it was heard (or read) here, null while it was not.
 */
export function rows(marks, hereMs) {
  const moments = STEPS.filter((step) => marks[step] !== undefined).map((step) => [step, marks[step]]);
  if (hereMs !== null) moments.push(["here_ms", Math.max(hereMs, marks.sent_ms ?? 0)]);
  moments.sort(([, one], [, other]) => one - other);
  let beginMs = 0;
  return moments.map(([step, endMs]) => {
    const row = { step, beginMs: Math.max(0, beginMs), endMs: Math.max(0, endMs) };
    beginMs = endMs;
    return row;
  });
}

/** When the first of an answer was heard here: the service's own moment, the way, and the wait here. */
export function hereMs(marks, waitedMs, roundTripMs) {
  return (marks.sent_ms ?? 0) + (roundTripMs ?? 0) / 2 + waitedMs;
}
