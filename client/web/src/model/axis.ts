import {toJson} from '@bufbuild/protobuf';
import {ListValueSchema} from '@bufbuild/protobuf/wkt';

import {Goal, type Metric, type Parameter, Scale as ScaleName, type StudySpec} from '../gen/assay/v1/study_pb';
import type {Scalar} from './format';
import {categories, clamp, linear, log, logitScale, reverseLog, rounded, type Scale} from './scale';
import type {Trial} from './trial';

/** A column of the study: a parameter or a metric, and its place on a plot. */
export interface Axis {
  /** Unique in the study, also in addresses: "p:lr", "m:accuracy". */
  key: string;
  name: string;
  isMetric: boolean;
  scale: Scale;
  of(trial: Trial): Scalar | undefined;
}

export function valuesOf(parameter: Parameter): Scalar[] {
  const {domain} = parameter;
  if (domain.case === 'discrete') return domain.value.values;
  if (domain.case !== 'categorical' || !domain.value.values) return [];
  return toJson(ListValueSchema, domain.value.values) as Scalar[];
}

function numericScale(name: ScaleName, min: number, max: number): Scale {
  if (name === ScaleName.LOG) return log(min, max);
  if (name === ScaleName.REVERSE_LOG) return reverseLog(min, max);
  if (name === ScaleName.LOGIT) return logitScale(min, max);
  return linear(min, max);
}

export function scaleOf(parameter: Parameter): Scale {
  const {domain} = parameter;
  if (domain.case === 'double') return numericScale(domain.value.scale, domain.value.min, domain.value.max);
  if (domain.case === 'integer')
    return rounded(numericScale(domain.value.scale, Number(domain.value.min), Number(domain.value.max)));
  return categories(valuesOf(parameter));
}

function parameterAxis(name: string, scale: Scale): Axis {
  return {key: `p:${name}`, name, isMetric: false, scale, of: (trial) => trial.parameters[name]};
}

/** A range or the values that trials have, where nothing is declared. */
function seenScale(values: Scalar[]): Scale {
  const numbers = values.filter((value): value is number => typeof value === 'number' && Number.isFinite(value));
  if (numbers.length === values.length && numbers.length > 0) return linear(...extent(numbers));
  return categories([...new Set(values)].sort());
}

function extent(numbers: number[]): [number, number] {
  let [low, high] = [Infinity, -Infinity];
  for (const number of numbers) {
    if (number < low) low = number;
    if (number > high) high = number;
  }
  return low < high ? [low, high] : [low - 0.5, high + 0.5];
}

export function parameterAxes(spec: StudySpec, trials: Trial[]): Axis[] {
  if (spec.parameters.length > 0)
    return spec.parameters.map((parameter) => parameterAxis(parameter.name, scaleOf(parameter)));
  const names = new Set(trials.flatMap((trial) => Object.keys(trial.parameters)));
  return [...names].sort().map((name) =>
    parameterAxis(name, seenScale(trials.map((trial) => trial.parameters[name]).filter((value) => value !== undefined))));
}

/** The range of what was measured; a few extreme values (a diverged run) do not set it. */
export function metricScale(values: number[]): Scale {
  const sorted = values.filter(Number.isFinite).sort((a, b) => a - b);
  if (sorted.length === 0) return linear(0, 1);
  const quarter = sorted[Math.floor(sorted.length / 4)];
  const threeQuarters = sorted[Math.floor((sorted.length * 3) / 4)];
  const reach = 5 * (threeQuarters - quarter);
  if (reach === 0) return linear(...extent(sorted));
  return linear(...extent(sorted.filter((value) => value >= quarter - reach && value <= threeQuarters + reach)));
}

export function metricAxes(spec: StudySpec, trials: Trial[]): Axis[] {
  return spec.metrics.map(({name}) => {
    const of = (trial: Trial): number | undefined => trial.metrics[name];
    const values = trials.map(of).filter((value) => value !== undefined);
    return {key: `m:${name}`, name, isMetric: true, scale: metricScale(values), of};
  });
}

/** Holds each curve from its lowest to its highest value, but for those that are far from all others. */
export function curvesScale(curves: ArrayLike<number>[]): Scale {
  return metricScale(curves.flatMap((curve) => extent(Array.from(curve).filter(Number.isFinite))));
}

/** Values beyond the ends of an axis lie on them. */
export function within(values: Float64Array, {min, max}: {min: number; max: number}): {values: Float64Array; beyond: number} {
  let beyond = 0;
  const clamped = values.map((value) => {
    const at = clamp(value, min, max);
    if (at !== value && !Number.isNaN(value)) beyond++;
    return at;
  });
  return {values: clamped, beyond};
}

export function objectives(spec: StudySpec): Metric[] {
  return spec.metrics.filter((metric) => metric.bound === undefined);
}

export function isBetter(goal: Goal, a: number, b: number): boolean {
  return goal === Goal.MAXIMIZE ? a > b : a < b;
}

export function keepsBounds(spec: StudySpec, trial: Trial): boolean {
  return spec.metrics.every(({name, goal, bound}) => {
    if (bound === undefined) return true;
    const value = trial.metrics[name];
    return value !== undefined && (goal === Goal.MAXIMIZE ? value >= bound : value <= bound);
  });
}
