import {Code, ConnectError} from '@connectrpc/connect';

import type {Study, TrialMeasurement, WatchStudyResponse} from '../gen/assay/v1/study_pb';
import {type Trial, toTrial} from '../model/trial';
import {studyService} from './client';
import {nextTask, pause, untilVisible, whileVisible} from './waiting';

// Views take the longer, the more trials there are.
const flushMilliseconds = 200;
const flushMillisecondsATrial = 0.05;
// Pictures of a part of the trials delay the others.
const flushMillisecondsOfSnapshot = 3000;
const retryMilliseconds = 1000;

/** A study with all its trials. */
export class StudyFeed {
  study = $state.raw<Study>();
  /** By number; each change makes a new array. */
  trials = $state.raw<Trial[]>([]);
  /** True once every trial is here. */
  loaded = $state(false);
  /** Why there is no such study (any more). */
  error = $state('');
  /** Hears of new measurements. */
  readonly listeners = new Set<(measurements: TrialMeasurement[]) => void>();

  #known: Trial[] = [];
  #revision = 0n;
  #flush: ReturnType<typeof setTimeout> | undefined;

  constructor(readonly id: string) {}

  /** Keeps it as the server has it until `signal` aborts. */
  async follow(signal: AbortSignal) {
    while (!signal.aborted && !this.error) {
      await untilVisible(signal);
      await this.#watch(whileVisible(signal), () => false);
      await pause(retryMilliseconds, signal);
    }
    clearTimeout(this.#flush);
  }

  /** Takes what is new, and holds no stream: browsers open few connections to a server. */
  async refresh(signal: AbortSignal) {
    try {
      const {revision} = await studyService.get({study: this.id}, {signal});
      if (!this.loaded || this.#revision < revision) await this.#watch(signal, () => this.loaded && this.#revision >= revision);
    } catch (error) {
      this.#refuse(error);
    }
  }

  async #watch(signal: AbortSignal, isEnough: () => boolean) {
    try {
      const after = this.loaded ? this.#revision : 0n;
      for await (const change of studyService.watch({study: this.id, after}, {signal})) {
        this.#take(change);
        if (isEnough()) return;
        if (change.snapshot) await nextTask();  // Between two pages the browser answers its user.
      }
    } catch (error) {
      this.#refuse(error);
    }
  }

  #refuse(error: unknown) {
    const {code, rawMessage} = ConnectError.from(error);
    if (code === Code.OutOfRange) this.loaded = false;  // Another history: from the start.
    else if (code === Code.NotFound || code === Code.InvalidArgument) this.error = rawMessage;
  }

  #take(change: WatchStudyResponse) {
    if (change.snapshot && change.study) {
      this.#known = [];
      this.loaded = false;
    }
    for (const message of change.trials) this.#known[Number(message.number)] = toTrial(message);
    this.#revision = change.revision;
    if (change.measurements.length) this.listeners.forEach((listener) => listener(change.measurements));
    const first = !this.study;
    if (change.study) this.#takeStudy(change.study);
    const complete = !this.loaded && this.#known.length >= Number(this.study?.counts?.trials ?? 0n);
    if (first || complete) this.#publish();
    else this.#flush ??= setTimeout(() => this.#publish(), this.#flushMilliseconds());
    if (complete) this.loaded = true;
  }

  /** An unedited spec stays the same object, so that what hangs on it alone is not made anew. */
  #takeStudy(study: Study) {
    if (this.study?.specRevision === study.specRevision) study.spec = this.study.spec;
    this.study = study;
  }

  #flushMilliseconds(): number {
    return this.loaded ? flushMilliseconds + flushMillisecondsATrial * this.#known.length : flushMillisecondsOfSnapshot;
  }

  #publish() {
    clearTimeout(this.#flush);
    this.#flush = undefined;
    // A page of changes may name a trial before those below it.
    this.trials = this.#known.filter(Boolean);
  }
}
