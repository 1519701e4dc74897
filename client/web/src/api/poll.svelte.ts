import {ConnectError} from '@connectrpc/connect';

import {connection} from './connection.svelte';
import {pause, untilVisible} from './waiting';

/** What a call answered last, and why it has no newer answer. */
export class Answer<T> {
  value = $state.raw<T>();
  error = $state('');
  loading = $state(true);

  async ask(call: (signal: AbortSignal) => Promise<T>, signal: AbortSignal) {
    this.loading = true;
    try {
      const value = await call(signal);
      if (signal.aborted) return;
      this.value = value;
      this.error = '';
    } catch (error) {
      if (signal.aborted) return;
      this.error = ConnectError.from(error).rawMessage;
    }
    this.loading = false;
  }
}

/**
 * Asks now, whenever what `call` reads synchronously changes, and when the server is back. The old
 * value stays until the new one is there.
 */
export function ask<T>(call: (signal: AbortSignal) => Promise<T>): Answer<T> {
  const answer = new Answer<T>();
  $effect(() => {
    void connection.returns;
    const controller = new AbortController();
    answer.ask(call, controller.signal);
    return () => controller.abort();
  });
  return answer;
}

/** Asks again and again while the page is seen; `seconds` apart. */
export function poll<T>(seconds: number, call: (signal: AbortSignal) => Promise<T>): Answer<T> {
  const answer = new Answer<T>();
  $effect(() => {
    const controller = new AbortController();
    const {signal} = controller;
    const run = async () => {
      while (!signal.aborted) {
        await untilVisible(signal);
        await answer.ask(call, signal);
        await pause(seconds * 1000, signal);
      }
    };
    run();
    return () => controller.abort();
  });
  return answer;
}
