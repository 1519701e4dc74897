// Studies to look at, made through the API of a running server.
import {create, type MessageInitShape} from '@bufbuild/protobuf';
import {type Client, createClient, type Transport} from '@connectrpc/connect';

import {Goal, Scale, type Study, StudyService, type StudySpecSchema} from '../src/gen/assay/v1/study_pb';
import {type Assignment, MeasurementSchema, Trial_State, TrialService} from '../src/gen/assay/v1/trial_pb';
import {toValue, toValues} from '../src/model/configuration';
import type {Scalar} from '../src/model/format';

export type Spec = MessageInitShape<typeof StudySpecSchema>;

const list = (...values: string[]) => ({values: {values: values.map(toValue)}});

export const networkParameters: Spec['parameters'] = [
  {name: 'learning_rate', domain: {case: 'double', value: {min: 1e-5, max: 1e-1, scale: Scale.LOG}}},
  {name: 'width', domain: {case: 'integer', value: {min: 8n, max: 512n, scale: Scale.LOG}}},
  {name: 'depth', domain: {case: 'integer', value: {min: 1n, max: 8n}}},
  {name: 'dropout', domain: {case: 'double', value: {min: 0, max: 0.6}}},
  {name: 'weight_decay', domain: {case: 'double', value: {min: 1e-7, max: 1e-2, scale: Scale.LOG}}},
  {name: 'optimizer', domain: {case: 'categorical', value: list('adam', 'sgd', 'rmsprop')}},
  {name: 'momentum', domain: {case: 'double', value: {min: 0, max: 0.99}}, when: {parent: 'optimizer', ...list('sgd')}},
  {name: 'batch_size', domain: {case: 'discrete', value: {values: [16, 32, 64, 128, 256]}}},
];

/** A generator of numbers in [0, 1) that gives the same each time (Mulberry32). */
export function random(seed: number): () => number {
  return () => {
    seed = (seed + 0x6d2b79f5) | 0;
    let t = Math.imul(seed ^ (seed >>> 15), 1 | seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

export class Seeder {
  readonly studies: Client<typeof StudyService>;
  readonly trials: Client<typeof TrialService>;

  constructor(transport: Transport) {
    this.studies = createClient(StudyService, transport);
    this.trials = createClient(TrialService, transport);
  }

  study(spec: Spec): Promise<Study> {
    return this.studies.create({spec});
  }

  /** Finished trials of networkParameters, `callsAtOnce` at a time. */
  async importTrials(study: Study, count: number, measurements: number, callsAtOnce = 32) {
    let next = 0;
    const run = async () => {
      for (let i = next++; i < count; i = next++) await this.#importTrial(study, i, measurements);
    };
    await Promise.all(Array.from({length: callsAtOnce}, run));
  }

  #importTrial(study: Study, index: number, steps: number) {
    const draw = random(index + 1);
    const parameters = drawNetwork(draw);
    const accuracy = accuracyOf(parameters, draw);
    const state = draw() < 0.03 ? Trial_State.FAILED : steps > 1 && draw() < 0.3 ? Trial_State.STOPPED : Trial_State.COMPLETED;
    const ran = state === Trial_State.STOPPED ? Math.ceil(steps / 3) : steps;
    const started = 1.78e9 + index * 7;
    const curve = Array.from({length: ran}, (_, step) => {
      const reached = accuracy * (1 - Math.exp((-4 * (step + 1)) / Math.max(steps, 1))) + 0.01 * draw();
      return create(MeasurementSchema, {step: BigInt(step + 1), metrics: {accuracy: reached, latency: latencyOf(parameters)}});
    });
    return this.trials.createTrial({
      study: String(study.id),
      parameters: toValues(parameters),
      state,
      metrics: state === Trial_State.FAILED ? {} : {accuracy, latency: latencyOf(parameters)},
      measurements: state === Trial_State.FAILED ? [] : curve,
      reason: state === Trial_State.FAILED ? 'CUDA out of memory' : '',
      started: {seconds: BigInt(Math.round(started)), nanos: 0},
      ended: {seconds: BigInt(Math.round(started + 60 + 100 * draw())), nanos: 0},
      holder: `node-${index % 8}`,
    });
  }

  /** Asks for one trial and gives it a value by `measure`. */
  async askAndTell(study: Study, client: string, measure: (values: Record<string, Scalar>) => Record<string, number>) {
    const held = await this.ask(study, client);
    const values = Object.fromEntries(Object.entries(held.trial!.parameters).map(([name, {kind}]) => [name, kind.value as Scalar]));
    await this.trials.complete({trialId: held.trial!.id, attempt: held.attempt, metrics: measure(values)});
  }

  async ask(study: Study, client: string): Promise<Assignment> {
    const {assignments} = await this.trials.suggest({study: String(study.id), clientId: client, wait: 10});
    return assignments[0];
  }
}

function drawNetwork(draw: () => number): Record<string, Scalar> {
  const optimizer = ['adam', 'sgd', 'rmsprop'][Math.floor(draw() * 3)];
  return {
    learning_rate: 10 ** (-5 + 4 * draw()),
    width: Math.round(8 * 64 ** draw()),
    depth: 1 + Math.floor(draw() * 8),
    dropout: 0.6 * draw(),
    weight_decay: 10 ** (-7 + 5 * draw()),
    optimizer,
    ...(optimizer === 'sgd' && {momentum: 0.99 * draw()}),
    batch_size: 16 * 2 ** Math.floor(draw() * 5),
  };
}

export function accuracyOf(values: Record<string, Scalar>, draw: () => number): number {
  const rate = Math.log10(Number(values.learning_rate)) + 2.8;
  const depth = Number(values.depth) - 4;
  const optimizer = values.optimizer === 'adam' ? 0.03 : values.optimizer === 'sgd' ? 0.04 * Number(values.momentum) - 0.02 : 0;
  return Math.max(0.1, 0.9 - 0.06 * rate ** 2 - 0.006 * depth ** 2 - 0.3 * (Number(values.dropout) - 0.2) ** 2 + optimizer + 0.02 * draw());
}

export function latencyOf(values: Record<string, Scalar>): number {
  return 0.5 + (Number(values.width) * Number(values.depth)) / 200;
}

export const networkMetrics: Spec['metrics'] = [
  {name: 'accuracy', goal: Goal.MAXIMIZE},
  {name: 'latency', goal: Goal.MINIMIZE, bound: 15},
];
