// A hidden page asks for nothing: browsers open six connections to a server, and a forgotten tab
// must not hold one of them.

export function untilVisible(signal: AbortSignal): Promise<void> {
  return until(() => !document.hidden, signal);
}

/** Aborts when the page is hidden, or when `signal` does. */
export function whileVisible(signal: AbortSignal): AbortSignal {
  const controller = new AbortController();
  until(() => document.hidden, signal).then(() => controller.abort());
  return controller.signal;
}

function until(condition: () => boolean, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const look = () => {
      if (!condition() && !signal.aborted) return;
      document.removeEventListener('visibilitychange', look);
      signal.removeEventListener('abort', look);
      resolve();
    };
    document.addEventListener('visibilitychange', look);
    signal.addEventListener('abort', look);
    look();
  });
}

/** Resolves after so many milliseconds, or when `signal` aborts. */
export function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, milliseconds);
    signal.addEventListener('abort', () => (clearTimeout(timer), resolve()), {once: true});
  });
}

export function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const {port1, port2} = new MessageChannel();
    port1.onmessage = () => (port1.close(), resolve());
    port2.postMessage(undefined);
  });
}
