import type {Study} from '../gen/assay/v1/study_pb';
import type {Trial} from '../gen/assay/v1/trial_pb';
import {studyService} from './client';

/** The best trial of a study with its value, or the trials of its Pareto front. */
export interface Best {
  trials: Trial[];
  metric: string;
  value: number;
}

const none: Best = {trials: [], metric: '', value: NaN};
const cache = new Map<bigint, {ended: bigint; best: Best}>();

/** Asks only where a trial ended since the last time. */
export async function bestOf(study: Study, signal: AbortSignal): Promise<Best> {
  const {completed = 0n, stopped = 0n} = study.counts ?? {};
  const ended = completed + stopped;
  const known = cache.get(study.id);
  if (known?.ended === ended) return known.best;
  const best = ended > 0n ? await optimal(study.id, signal) : none;
  if (best !== none) cache.set(study.id, {ended, best});
  return best;
}

async function optimal(id: bigint, signal: AbortSignal): Promise<Best> {
  try {
    const {trials, metric} = await studyService.optimal({study: String(id)}, {signal});
    return {trials, metric, value: trials[0]?.finalMetrics[metric] ?? NaN};
  } catch {
    return none;  // Deleted, or the server is away: the list says so.
  }
}
