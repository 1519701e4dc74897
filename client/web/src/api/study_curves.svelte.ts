import {ConnectError} from '@connectrpc/connect';

import type {TrialMeasurement} from '../gen/assay/v1/study_pb';
import {studyService} from './client';
import type {StudyFeed} from './study_feed.svelte';

/** What the last attempt of a trial reported, in order. */
export interface Curve {
  attempt: number;
  steps: number[];
  metrics: Record<string, number>[];
}

const flushMilliseconds = 300;

/** The curves of all trials of a study: once from its export, then as they are measured. */
export class StudyCurves {
  /** By the trial's id; each change makes a new map. */
  curves = $state.raw(new Map<number, Curve>());
  loaded = $state(false);
  error = $state('');

  #known = new Map<number, Curve>();
  #flush: ReturnType<typeof setTimeout> | undefined;

  constructor(feed: StudyFeed, signal: AbortSignal) {
    const take = (measurements: TrialMeasurement[]) => this.#take(measurements);
    feed.listeners.add(take);
    signal.addEventListener('abort', () => (feed.listeners.delete(take), clearTimeout(this.#flush)));
    this.#load(feed.id, signal);
  }

  async #load(study: string, signal: AbortSignal) {
    try {
      for await (const page of studyService.export({study, measurements: true}, {signal})) this.#take(page.measurements);
      this.loaded = true;
    } catch (error) {
      if (!signal.aborted) this.error = ConnectError.from(error).rawMessage;
    }
  }

  #take(measurements: TrialMeasurement[]) {
    for (const {trialId, attempt, measurement} of measurements) {
      const curve = this.#of(Number(trialId), attempt);
      const step = Number(measurement!.step);
      // One that was live already may come again with the export.
      if (!curve || step <= (curve.steps.at(-1) ?? -1)) continue;
      curve.steps.push(step);
      curve.metrics.push(measurement!.metrics);
    }
    this.#flush ??= setTimeout(() => this.#publish(), flushMilliseconds);
  }

  /** None: an older attempt's. */
  #of(trial: number, attempt: number): Curve | undefined {
    const known = this.#known.get(trial);
    if (known && known.attempt >= attempt) return known.attempt === attempt ? known : undefined;
    const curve = {attempt, steps: [], metrics: []};
    this.#known.set(trial, curve);
    return curve;
  }

  #publish() {
    this.#flush = undefined;
    this.curves = new Map(this.#known);
  }
}
