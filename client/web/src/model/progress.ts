import type {Study} from '../gen/assay/v1/study_pb';
import {formatCount, formatDuration, formatNumber} from './format';

interface Limit {
  name: string;
  used: number;
  of: number;
  text: string;
}

/** What of the budget is used, limit by limit. */
export function limits(study: Study): Limit[] {
  const {spec, counts, secondsUsed} = study;
  const budget = spec?.budget;
  const found: [string, number, number | bigint | undefined, (value: number) => string][] = [
    ['configurations', Number(counts?.configurations ?? 0n), budget?.maxTrials, formatCount],
    ['wall time', secondsUsed, budget?.maxSeconds, formatDuration],
    ['steps', Number(counts?.steps ?? 0n), budget?.maxStepsTotal, formatCount],
    ['training time', counts?.trainingSeconds ?? 0, budget?.maxTrainingSeconds, formatDuration],
    ['failed trials', Number(counts?.failed ?? 0n), budget?.maxFailed, formatNumber],
  ];
  return found
    .filter(([, , of]) => of !== undefined)
    .map(([name, used, of, format]) => ({name, used, of: Number(of), text: `${format(used)} of ${format(Number(of))}`}));
}

/** For one line: the limit on trials, else none. */
export function progressOf(study: Study): {limit: string} {
  const {maxTrials} = study.spec?.budget ?? {};
  return {limit: maxTrials === undefined ? '' : formatCount(maxTrials)};
}
