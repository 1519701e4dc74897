import {formatNumber, formatValue, type Scalar} from './format';

/** A tick of an axis, in the unit interval. */
export interface Tick {
  at: number;
  label: string;
}

/** Places the values of a parameter or metric in the unit interval, and back. */
export interface Scale {
  /** NaN: it has no place there. */
  toUnit(value: Scalar): number;
  /** The value nearest to a place. */
  fromUnit(unit: number): Scalar;
  ticks(count: number): Tick[];
  /** The values of a scale that has no more than these, in their order. */
  values?: Scalar[];
}

type Bend = {to(value: number): number; from(bent: number): number};

const straight: Bend = {to: (x) => x, from: (y) => y};
const logarithm: Bend = {to: Math.log, from: Math.exp};
const logit: Bend = {to: (x) => Math.log(x / (1 - x)), from: (y) => 1 / (1 + Math.exp(-y))};

export function linear(min: number, max: number): Scale {
  return bent(straight, min, max, (count) => roundTicks(min, max, count));
}

export function log(min: number, max: number): Scale {
  return bent(logarithm, min, max, (count) => logTicks(min, max, count));
}

export function logitScale(min: number, max: number): Scale {
  return bent(logit, min, max, (count) => evenTicks((unit) => logit.from(mix(logit.to(min), logit.to(max), unit)), count));
}

/** Dense near max: a logarithm seen from the other end. */
export function reverseLog(min: number, max: number): Scale {
  const mirrored = log(min, max);
  const fromUnit = (unit: number) => max + min - Number(mirrored.fromUnit(1 - unit));
  return {
    toUnit: (value) => 1 - mirrored.toUnit(max + min - Number(value)),
    fromUnit,
    ticks: (count) => evenTicks(fromUnit, count),
  };
}

/** Whole numbers of any scale. */
export function rounded(scale: Scale): Scale {
  return {...scale, fromUnit: (unit) => Math.round(Number(scale.fromUnit(unit)))};
}

/** One place each, in order. */
export function categories(values: Scalar[]): Scale {
  const places = new Map(values.map((value, index) => [value, (index + 0.5) / values.length]));
  const step = (count: number) => Math.ceil(values.length / Math.max(count, 1));
  return {
    toUnit: (value) => places.get(value) ?? NaN,
    fromUnit: (unit) => values[clamp(Math.floor(unit * values.length), 0, values.length - 1)],
    ticks: (count) =>
      values
        .map((value, index) => ({at: (index + 0.5) / values.length, label: formatValue(value)}))
        .filter((_, index) => index % step(count) === 0),
    values,
  };
}

function bent({to, from}: Bend, min: number, max: number, ticksAt: (count: number) => number[] | Tick[]): Scale {
  const low = to(min);
  const span = to(max) - low || 1;
  const toUnit = (value: Scalar) => (typeof value === 'number' ? (to(value) - low) / span : NaN);
  return {
    toUnit,
    fromUnit: (unit) => from(low + unit * span),
    ticks: (count) =>
      ticksAt(count).map((tick) => (typeof tick === 'number' ? {at: toUnit(tick), label: formatNumber(tick)} : tick)),
  };
}

function roundTicks(min: number, max: number, count: number): number[] {
  if (max <= min) return [min];
  const rough = (max - min) / Math.max(count, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((size) => size >= rough)!;
  const first = Math.ceil(min / step - 1e-9);
  const last = Math.floor(max / step + 1e-9);
  // Of the step's own decimals: 3 * 0.1 is no tick.
  return Array.from({length: last - first + 1}, (_, i) => Number(((first + i) * step).toPrecision(12)));
}

function logTicks(min: number, max: number, count: number): number[] {
  const low = Math.ceil(Math.log10(min) - 1e-9);
  const high = Math.floor(Math.log10(max) + 1e-9);
  const decades = high - low + 1;
  if (decades < 2) return roundTicks(min, max, count).filter((tick) => tick > 0);
  const step = Math.ceil(decades / Math.max(count, 1));
  return Array.from({length: Math.ceil(decades / step)}, (_, i) => Number(`1e${low + i * step}`));
}

function evenTicks(fromUnit: (unit: number) => number, count: number): Tick[] {
  const parts = Math.max(count, 2) - 1;
  return Array.from({length: parts + 1}, (_, i) => ({at: i / parts, label: formatNumber(fromUnit(i / parts), 3)}));
}

export function mix(from: number, to: number, share: number): number {
  return from + (to - from) * share;
}

export function clamp(value: number, low: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}
