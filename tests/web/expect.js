// What the tests of the page's modules have in common: they run inside the browser, one object a file, a
// sentence for each test.

export function same(found, wanted, where = "") {
  const [one, other] = [found, wanted].map((value) => JSON.stringify(value));
  if (one !== other) throw new Error(`${where} ${one} is not ${other}`);
}

export function near(found, wanted, by) {
  if (!(Math.abs(found - wanted) <= by)) throw new Error(`${found} is not within ${by} of ${wanted}`);
}

export function refuses(kind, call) {
  try {
    call();
  } catch (error) {
    if (error instanceof kind) return;
    throw error;
  }
  throw new Error(`no ${kind.name} was thrown`);
}

/** Run a file's tests; returns [sentence, what went wrong] of those that failed, and how many there were. */
export async function run(file) {
  const { tests } = await import(file);
  const failed = [];
  for (const [sentence, test] of Object.entries(tests)) {
    try {
      await test();
    } catch (error) {
      failed.push([sentence, `${error.message}\n${error.stack}`]);
    }
  }
  return { failed, count: Object.keys(tests).length };
}
