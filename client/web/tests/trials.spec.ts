import {Goal} from '../src/gen/assay/v1/study_pb';
import {expect, runningParameters, test} from './lab';
import {trainCommand} from './programs';


test('a running trial shows its curve and its log as they grow, and is stopped', async ({page, lab}) => {
  const study = await lab.seeder.study({
    name: 'slow',
    priority: 10,
    metrics: [{name: 'loss', goal: Goal.MINIMIZE}],
    parameters: runningParameters,
    trial: {how: {case: 'command', value: {argv: trainCommand('--steps', '2000', '--seconds-a-step', '0.1')}}},
    budget: {maxTrials: 1n},
  });
  await page.goto(`${lab.url}#/studies/${study.id}/trials`);
  await page.getByRole('link', {name: '0', exact: true}).click();
  await expect(page.getByRole('heading', {name: 'Trial 0'})).toBeVisible();
  const log = page.getByRole('region', {name: 'Output'});
  await expect(log).toContainText('step 3 ');
  await expect(log).toContainText('step 12 ');
  await expect(page.getByRole('group', {name: /^loss by step/})).toBeVisible();
  await expect(page.getByRole('region', {name: 'Checkpoints and lineage'})).toContainText('needed');
  await page.getByRole('button', {name: 'Stop'}).click();
  await page.getByLabel('Why').fill('seen enough');
  await page.getByRole('button', {name: 'Stop the trial'}).click();
  await expect(page.locator('.head .badge')).toHaveText('stopped');
  await expect(page.locator('.head')).toContainText('seen enough');
  await page.getByRole('button', {name: 'Run again'}).click();
  await expect(page.getByRole('alert')).toContainText('max_trials: 1 of 1 started');
});

test('a failed trial shows each attempt and why it failed', async ({page, lab}) => {
  await page.goto(`${lab.url}#/studies/${lab.running.id}/trials?states=FAILED`);
  await page.locator('tbody a').first().click();
  const attempts = page.getByRole('region', {name: 'Attempts'}).getByRole('row');
  await expect(attempts).toHaveCount(3);
  await expect(attempts.nth(1)).toContainText('too small for this test');
  await expect(attempts.nth(1).getByRole('cell').nth(3)).toHaveText(/^[12]$/);
  await page.getByRole('region', {name: 'Attempts'}).getByRole('button', {name: '1'}).click();
  await expect(page.getByRole('heading', {name: 'Log of attempt 1'})).toBeVisible();
});

test('workers show their slots and what runs in them, and are drained', async ({page, lab}) => {
  await page.goto(`${lab.url}#/workers`);
  const beta = page.getByRole('region', {name: 'Worker beta'});
  await expect(beta).toContainText('connected');
  await expect(beta).toContainText('since it was heard of');
  await expect(page.getByRole('region', {name: 'Worker alpha'}).getByRole('link', {name: /^trial \d+$/}).first()).toBeVisible();
  await beta.getByRole('button', {name: 'Drain'}).click();
  await expect(beta).toContainText('draining');
  await expect(beta).toContainText('0 of 1 busy');
  await beta.getByRole('button', {name: 'Take trials again'}).click();
  await expect(beta).toContainText('connected');
});
