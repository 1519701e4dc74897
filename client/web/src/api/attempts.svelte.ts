import type {Attempt} from '../gen/assay/v1/trial_pb';
import type {Trial} from '../model/trial';
import {trialService} from './client';

const callsAtOnce = 4;
const flushMilliseconds = 300;

/** The attempts of trials, which only a call for each trial tells. Asked once for each change. */
export class Attempts {
  /** By the trial's id; each change makes a new map. */
  known = $state.raw(new Map<number, Attempt[]>());
  #found = new Map<number, Attempt[]>();
  #asked = new Map<number, number>();
  #wanted: Trial[] = [];
  #calls = 0;
  #flush: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly signal: AbortSignal) {}

  /** Instead of those that were wanted before; the last ones first. */
  want(trials: Trial[]) {
    this.#wanted = trials.filter((trial) => this.#asked.get(trial.id) !== trial.revision);
    while (this.#calls < callsAtOnce && this.#wanted.length) this.#ask(this.#wanted.pop()!);
  }

  async #ask(trial: Trial) {
    this.#calls++;
    this.#asked.set(trial.id, trial.revision);
    try {
      const {attemptList} = await trialService.get({trialId: BigInt(trial.id)}, {signal: this.signal});
      this.#found.set(trial.id, attemptList);
      this.#flush ??= setTimeout(() => this.#publish(), flushMilliseconds);
    } catch {
      this.#asked.delete(trial.id);  // Wanted again with the next change.
    }
    this.#calls--;
    const next = this.#wanted.pop();
    if (next && !this.signal.aborted) this.#ask(next);
  }

  #publish() {
    this.#flush = undefined;
    this.known = new Map(this.#found);
  }
}
