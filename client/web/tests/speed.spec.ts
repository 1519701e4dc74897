import {cpus, loadavg} from 'node:os';

import type {Browser, Page} from '@playwright/test';

import type {Study} from '../src/gen/assay/v1/study_pb';
import {expect, test} from './lab';
import {networkMetrics, networkParameters} from './seed';

const trials = 10_000;
const loadMilliseconds = 2000;
const taskMilliseconds = 100;

let study: Study | undefined;
test.beforeAll(async ({lab}) => {
  test.setTimeout(240_000);
  await lab.seeder.studies.pause({study: String(lab.running.id)});
  study ??= await lab.seeder.study({name: 'ten-thousand', metrics: networkMetrics, parameters: networkParameters});
  const {counts} = await lab.seeder.studies.get({study: String(study.id)});
  if (!counts?.trials) await lab.seeder.importTrials(study, trials, 1);
});
test.afterAll(async ({lab}) => {
  await lab.seeder.studies.resume({study: String(lab.running.id)});
});

test('10,000 trials are there within 2 s in any view', async ({page, lab}) => {
  test.skip(loadavg()[0] > 2 * cpus().length, 'the machine has other work: what it takes says nothing');
  for (const view of ['overview', 'parameters', 'trials']) {
    // What else runs on the machine only adds: the best of three tells what the page can do.
    const times: number[] = [];
    for (let i = 0; i < 3; i++) {
      await page.goto('about:blank');
      await page.goto(`${lab.url}#/studies/${study!.id}/${view}`);
      const shown = await page.waitForFunction(
        () => document.querySelector('.count')?.textContent === '10,000 trials' && performance.now(), undefined, {polling: 'raf'});
      times.push(Number(await shown.jsonValue()));  // Since the navigation began.
    }
    console.log(`${view}: 10,000 trials after ${times.map((time) => time.toFixed(0)).join(', ')} ms`);
    expect.soft(Math.min(...times), view).toBeLessThan(loadMilliseconds);
  }
});

test('no task of the browser takes 100 ms while a brush moves over 10,000 trials', async ({browser, page, lab}) => {
  await page.goto(`${lab.url}#/studies/${study!.id}/overview`);
  await expect(page.locator('.count')).toHaveText('10,000 trials');
  await idle(page);
  const tasks = await tasksOf(browser, page, () => brush(page));
  const longest = (of: (task: Task) => number) => Math.max(...tasks.map(of));
  console.log(`longest of ${tasks.length} tasks: ${longest(({cpu}) => cpu).toFixed(0)} ms, with waiting for a processor ${longest(({wall}) => wall).toFixed(0)} ms`);
  // Time on a processor: what else runs on the machine is not the page's doing.
  expect(longest(({cpu}) => cpu)).toBeLessThan(taskMilliseconds);
  await expect(page.locator('.count')).toHaveText(/^[\d,]+ of 10,000 trials$/);
});

/** Draws a brush along an axis, as fast as a hand. */
async function brush(page: Page) {
  const axis = page.locator('[data-axis="p:learning_rate"]');
  await axis.scrollIntoViewIfNeeded();
  const box = (await axis.boundingBox())!;
  const x = box.x + box.width / 2;
  await page.mouse.move(x, box.y + 30);
  await page.mouse.down();
  for (let moved = 0; moved < box.height - 60; moved += 3) {
    await page.mouse.move(x, box.y + 30 + moved);
    await page.evaluate(() => new Promise(requestAnimationFrame));
  }
  await page.mouse.up();
  await idle(page);
}

/** Resolves when nothing has been drawn for ten frames in a row, each as short as a frame is. */
function idle(page: Page): Promise<void> {
  return page.evaluate(async () => {
    for (let quiet = 0, last = performance.now(); quiet < 10; ) {
      await new Promise(requestAnimationFrame);
      const now = performance.now();
      quiet = now - last < 20 ? quiet + 1 : 0;
      last = now;
    }
  });
}

/** What a thread did in one go, in milliseconds. */
interface Task {
  wall: number;
  cpu: number;
}

interface TraceEvent {
  name: string;
  pid: number;
  tid: number;
  dur?: number;
  tdur?: number;
  args: {name?: string};
}

/** Of the page's main thread, from the browser's own trace. */
async function tasksOf(browser: Browser, page: Page, act: () => Promise<void>): Promise<Task[]> {
  await browser.startTracing(page, {categories: ['toplevel', 'devtools.timeline', 'disabled-by-default-devtools.timeline']});
  await act();
  const {traceEvents} = JSON.parse((await browser.stopTracing()).toString()) as {traceEvents: TraceEvent[]};
  const threads = traceEvents.filter(({name, args}) => name === 'thread_name' && args.name === 'CrRendererMain');
  const tasks = traceEvents.filter(({name, pid, tid, dur}) =>
    name === 'RunTask' && dur !== undefined && threads.some((thread) => thread.pid === pid && thread.tid === tid));
  expect(tasks.filter(({tdur}) => tdur).length).toBeGreaterThan(100);
  return tasks.map(({dur = 0, tdur = 0}) => ({wall: dur / 1000, cpu: tdur / 1000}));
}
