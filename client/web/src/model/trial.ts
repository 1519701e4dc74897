import type {Value} from '@bufbuild/protobuf/wkt';

import {type Trial as TrialMessage, Trial_State} from '../gen/assay/v1/trial_pb';
import {milliseconds, type Scalar} from './format';

export const states = ['PENDING', 'RUNNING', 'COMPLETED', 'STOPPED', 'FAILED', 'INFEASIBLE'] as const;
export type State = (typeof states)[number];

/** A trial as the views use it: ids as numbers (they are far below 2^53), times in milliseconds. */
export interface Trial {
  id: number;
  number: number;
  state: State;
  parameters: Record<string, Scalar>;
  metrics: Record<string, number>;
  fromStep: number;
  toStep: number;
  lastStep: number;
  continues: number;
  retryOf: number;
  replicate: number;
  strategy: string;
  why: string;
  reason: string;
  note: string;
  attempts: number;
  /** The study's revision of its last change but measurements. */
  revision: number;
  created: number | undefined;
  started: number | undefined;
  ended: number | undefined;
}

export function scalar(value: Value): Scalar {
  const {kind} = value;
  if (kind.case === 'numberValue' || kind.case === 'stringValue' || kind.case === 'boolValue') return kind.value;
  return '';
}

export function stateOf(message: TrialMessage): State {
  return Trial_State[message.state] as State;
}

export function toTrial(message: TrialMessage): Trial {
  const parameters: Record<string, Scalar> = {};
  for (const name in message.parameters) parameters[name] = scalar(message.parameters[name]);
  return {
    id: Number(message.id),
    number: Number(message.number),
    state: stateOf(message),
    parameters,
    metrics: message.finalMetrics,
    fromStep: Number(message.fromStep),
    toStep: Number(message.toStep),
    lastStep: Number(message.lastStep),
    continues: Number(message.continues),
    retryOf: Number(message.retryOf),
    replicate: message.replicate,
    strategy: message.origin?.strategy ?? '',
    why: message.origin?.why ?? '',
    reason: message.reason,
    note: message.note,
    attempts: message.attempts,
    revision: Number(message.revision),
    created: milliseconds(message.created),
    started: milliseconds(message.started),
    ended: milliseconds(message.ended),
  };
}

export function isEnded(trial: Trial): boolean {
  return trial.state !== 'PENDING' && trial.state !== 'RUNNING';
}

export function compareScalars(a: Scalar | undefined, b: Scalar | undefined): number {
  if (a === undefined || b === undefined) return Number(a === undefined) - Number(b === undefined);
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  return String(a).localeCompare(String(b), undefined, {numeric: true});
}

/** Entries in the order of `names`, which a map of a message has not; others follow. */
export function ordered<T>(values: Record<string, T>, names: string[]): [string, T][] {
  const place = (name: string) => (names.includes(name) ? names.indexOf(name) : names.length);
  return Object.entries(values).sort(([a], [b]) => place(a) - place(b));
}
