import {createConnectTransport} from '@connectrpc/connect-web';
import {test as base, expect, type Page} from '@playwright/test';
import axe from 'axe-core';

import {Goal, Scale, type Study} from '../src/gen/assay/v1/study_pb';
import {Programs, trainCommand} from './programs';
import {accuracyOf, latencyOf, networkParameters, random, Seeder, type Spec} from './seed';

/** A server with studies of each kind, one of them running on two workers. */
export interface Lab {
  url: string;
  programs: Programs;
  seeder: Seeder;
  /** Runs as long as the tests. */
  running: Study;
  /** Two objectives, 60 COMPLETED trials. */
  front: Study;
  /** No trials, and no worker that could run any. */
  waiting: Study;
}

export const runningParameters: Spec['parameters'] = [
  {name: 'learning_rate', domain: {case: 'double', value: {min: 1e-4, max: 1, scale: Scale.LOG}}},
  {name: 'width', domain: {case: 'integer', value: {min: 8n, max: 512n, scale: Scale.LOG}}},
];

export function seederOf(url: string): Seeder {
  return new Seeder(createConnectTransport({baseUrl: url, useBinaryFormat: true}));
}

async function makeLab(programs: Programs): Promise<Lab> {
  await programs.startServer();
  const url = `http://${programs.http}/`;
  const seeder = seederOf(url);
  const running = await seeder.study({
    name: 'running',
    metrics: [{name: 'loss', goal: Goal.MINIMIZE}],
    parameters: runningParameters,
    algorithm: {algorithm: {case: 'quasiRandom', value: {}}},
    stopping: {rule: {case: 'median', value: {minTrials: 3, warmupSteps: 3n}}},
    trial: {how: {case: 'command', value: {argv: trainCommand('--steps', '12', '--fail-below', '0.0003')}}, maxAttempts: 2},
    note: 'A *small* network. <img src=x onerror="window.wasRun = true"> [x](javascript:void(window.wasRun=true))',
    seed: 1n,
  });
  programs.startWorker('alpha', 2);
  programs.startWorker('beta', 1);
  const front = await seeder.study({
    name: 'front',
    owner: 'vision',
    metrics: [{name: 'accuracy', goal: Goal.MAXIMIZE}, {name: 'latency', goal: Goal.MINIMIZE}],
    parameters: networkParameters,
    algorithm: {algorithm: {case: 'quasiRandom', value: {}}},
    seed: 3n,
  });
  const draw = random(5);
  for (let i = 0; i < 60; i++)
    await seeder.askAndTell(front, 'client', (values) => ({accuracy: accuracyOf(values, draw), latency: latencyOf(values)}));
  const waiting = await seeder.study({
    name: 'waiting',
    metrics: [{name: 'f1', goal: Goal.MAXIMIZE}],
    parameters: networkParameters,
    trial: {how: {case: 'command', value: {argv: ['true']}}, resources: {gpus: 2}},
  });
  return {url, programs, seeder, running, front, waiting};
}

// A call that the server refuses is an answer; the browser tells of its status all the same.
const refusal = /^Failed to load resource: the server responded with a status of 4\d\d/;

export const test = base.extend<{page: Page}, {lab: Lab}>({
  lab: [async ({}, use) => {
    const programs = new Programs();
    try {
      await use(await makeLab(programs));
    } finally {
      await programs.stop();
    }
  }, {scope: 'worker', timeout: 120_000}],

  /** Fails a test in which the page wrote an error to the console, or threw one. */
  page: async ({page}, use) => {
    const errors: string[] = [];
    page.on('console', (message) => {
      if (message.type() === 'error' && !refusal.test(message.text())) errors.push(message.text());
    });
    page.on('pageerror', (error) => errors.push(String(error)));
    await use(page);
    expect(errors).toEqual([]);
  },
});

export {expect};

/** The faults that axe calls serious or critical, in words. */
export async function faults(page: Page): Promise<string[]> {
  await page.evaluate(axe.source);
  const {violations} = await page.evaluate(() => (window as unknown as {axe: typeof axe}).axe.run());
  return violations
    .filter(({impact}) => impact === 'serious' || impact === 'critical')
    .flatMap(({id, nodes}) => nodes.map(({html, failureSummary}) => `${id}: ${html} ${failureSummary}`));
}
