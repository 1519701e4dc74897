import type {Axis} from './axis';
import {formatNumber, formatValue, type Scalar} from './format';
import type {State, Trial} from './trial';

/** What brushes keep of one axis: a range of numbers, or some of its values. */
export type Kept = {low: number; high: number} | {values: Scalar[]};

/** Brushes by axis, and the states that are shown (all, if none is named). */
export interface Filter {
  kept: Record<string, Kept>;
  states: State[];
}

export const everything: Filter = {kept: {}, states: []};

export function isEverything(filter: Filter): boolean {
  return filter.states.length === 0 && Object.keys(filter.kept).length === 0;
}

export function keeps(kept: Kept, value: Scalar | undefined): boolean {
  if (value === undefined) return false;
  if ('values' in kept) return kept.values.includes(value);
  return typeof value === 'number' && value >= kept.low && value <= kept.high;
}

/** One byte a trial, 1: shown. */
export function maskOf(filter: Filter, trials: Trial[], axes: Axis[]): Uint8Array {
  const mask = new Uint8Array(trials.length).fill(1);
  const brushed = axes.filter((axis) => filter.kept[axis.key]);
  const states = new Set(filter.states);
  trials.forEach((trial, i) => {
    const shown = (states.size === 0 || states.has(trial.state)) &&
      brushed.every((axis) => keeps(filter.kept[axis.key], axis.of(trial)));
    if (!shown) mask[i] = 0;
  });
  return mask;
}

export function withKept(filter: Filter, key: string, kept: Kept | undefined): Filter {
  const {[key]: _, ...others} = filter.kept;
  return {...filter, kept: kept ? {...others, [key]: kept} : others};
}

export function describe(kept: Kept): string {
  if ('values' in kept) return kept.values.map(formatValue).join(', ');
  if (kept.low === -Infinity) return `≤ ${formatNumber(kept.high, 3)}`;
  if (kept.high === Infinity) return `≥ ${formatNumber(kept.low, 3)}`;
  return `${formatNumber(kept.low, 3)} to ${formatNumber(kept.high, 3)}`;
}

// In an address: a JSON text, {"p:lr": [1e-4, 1e-2], "p:optimizer": {"in": ["adam"]}, "m:accuracy": [0.9, null]}.

export function filterToText(filter: Filter): {where: string; states: string} {
  const where = Object.entries(filter.kept).map(([key, kept]) =>
    [key, 'values' in kept ? {in: kept.values} : [finite(kept.low), finite(kept.high)]]);
  return {where: where.length ? JSON.stringify(Object.fromEntries(where)) : '', states: filter.states.join(',')};
}

export function filterFromText(where = '', states = ''): Filter {
  const filter: Filter = {kept: {}, states: states.split(',').filter(Boolean) as State[]};
  for (const [key, value] of Object.entries(parse(where))) {
    const kept = Array.isArray(value) ? {low: value[0] ?? -Infinity, high: value[1] ?? Infinity} : {values: value?.in ?? []};
    filter.kept[key] = kept;
  }
  return filter;
}

// Seven digits: addresses people can read, and a brush's edge is not that sharp.
function finite(value: number): number | null {
  return Number.isFinite(value) ? Number(value.toPrecision(7)) : null;
}

function parse(text: string): Record<string, any> {
  try {
    const value = JSON.parse(text || '{}');
    return typeof value === 'object' && value !== null ? value : {};
  } catch {
    return {};
  }
}
