/** Timers that are counted, so that a call ends when nothing is left to happen, and not before. */

const later = setTimeout;
const soon = queueMicrotask;
const repeat = setInterval;
const forget = clearTimeout;

/** Turns of the event loop without a timer after which what is still unsettled never will be. */
const IDLE_TURNS = 3;

const running = new Set();
let wake = () => {};
let failure = null;

/** Put counted timers in the place of the engine's. */
export function takeOver() {
  globalThis.setTimeout = (callback, delay = 0, ...values) => {
    const id = later(() => {
      running.delete(id);
      guarded(callback, values);
    }, delay);
    running.add(id);
    return id;
  };
  globalThis.setInterval = (callback, delay = 0, ...values) => {
    const id = repeat(() => guarded(callback, values), delay);
    running.add(id);
    return id;
  };
  globalThis.clearTimeout = globalThis.clearInterval = (id) => {
    if (running.delete(id)) forget(id);
    wake();
  };
  globalThis.queueMicrotask = (callback) => soon(() => guarded(callback, []));
}

/** Without one of these words a program begins nothing that could happen after its last statement, but timers. */
const BEGINS = /async|await|Promise|then|Microtask|Stream|Blob|File|crypto|import|eval|Function|constructor/;

/** Run `code` by `start`, and wait until its value is settled and every timer over. Throws what any of them threw. */
export async function settled(code, start) {
  const ending = { done: false, value: undefined };
  const value = start();
  if (!running.size && !failure && !isThenable(value) && !BEGINS.test(code)) return value;
  if (isThenable(value)) {
    Promise.resolve(value).then(
      (answered) => {
        ending.value = answered;
        ending.done = true;
        wake();
      },
      (error) => fail(error),
    );
  } else {
    ending.value = value;
    ending.done = true;
  }
  let idle = 0;
  do {
    if (running.size) await new Promise((resolve) => (wake = resolve));
    else await new Promise((resolve) => later(resolve, 0));
    idle = running.size || ending.done ? 0 : idle + 1;
    if (idle > IDLE_TURNS) throw new Error("the program waits for a promise that nothing can settle any more");
  } while (!failure && (!ending.done || running.size));
  if (failure) throw failure.error;
  return ending.value;
}

function isThenable(value) {
  return value !== null && typeof value === "object" && typeof value.then === "function";
}

function guarded(callback, values) {
  try {
    callback(...values);
  } catch (error) {
    fail(error);
  }
  wake();
}

function fail(error) {
  failure ??= { error };
  wake();
}
