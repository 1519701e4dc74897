import type {Metric, StudySpec} from '../gen/assay/v1/study_pb';
import {isBetter, keepsBounds} from './axis';
import type {Trial} from './trial';

/**
 * The trials that were the best when they came, in the order of `place`: COMPLETED ones that keep
 * all bounds and, with a schedule, ran to its end (as long as there is one).
 */
export function recordsOf(spec: StudySpec, {name, goal}: Metric, trials: Trial[], place: (trial: Trial) => number): Trial[] {
  const records: Trial[] = [];
  for (const trial of [...candidates(spec, name, trials)].sort((a, b) => place(a) - place(b)))
    if (!records.length || isBetter(goal, trial.metrics[name], records.at(-1)!.metrics[name])) records.push(trial);
  return records;
}

function candidates(spec: StudySpec, metric: string, trials: Trial[]): Trial[] {
  const completed = trials.filter((trial) =>
    trial.state === 'COMPLETED' && Number.isFinite(trial.metrics[metric]) && keepsBounds(spec, trial));
  const end = Number(spec.schedule?.maxSteps ?? 0n);
  const whole = completed.filter(({toStep}) => toStep >= end);
  return whole.length ? whole : completed;
}
