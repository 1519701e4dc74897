import type {Attempt} from '../gen/assay/v1/trial_pb';
import type {Trial} from '../model/trial';
import {trialService} from './client';

const callsAtOnce = 4;
const flushMilliseconds = 300;

/** The attempts of trials, which only a call for each trial tells. Asked once for each change. */
export class Attempts {
  /** By the trial's id; each change makes a new map. */
  known = $state.raw(new Map<number, Attempt[]>());
  #asked = new Map<number, string>();
  #found = new Map<number, Attempt[]>();

  async load(trials: Trial[], signal: AbortSignal) {
    const wanted = trials.filter((trial) => this.#asked.get(trial.id) !== version(trial));
    const timer = setInterval(() => this.#publish(), flushMilliseconds);
    await Promise.all(Array.from({length: callsAtOnce}, async () => {
      for (let trial = wanted.shift(); trial && !signal.aborted; trial = wanted.shift()) await this.#ask(trial, signal);
    }));
    clearInterval(timer);
    this.#publish();
  }

  async #ask(trial: Trial, signal: AbortSignal) {
    try {
      const {attemptList} = await trialService.get({trialId: BigInt(trial.id)}, {signal});
      this.#found.set(trial.id, attemptList);
      this.#asked.set(trial.id, version(trial));
    } catch {
      // The next change asks again.
    }
  }

  #publish() {
    if (this.#found.size) this.known = new Map(this.#found);
  }
}

function version({state, attempts}: Trial): string {
  return `${state} ${attempts}`;
}
