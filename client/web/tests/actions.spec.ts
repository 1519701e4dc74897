import {expect, test} from './lab';

test('a study is paused, resumed and stopped', async ({page, lab}) => {
  const study = await lab.seeder.study({name: 'to-stop', metrics: lab.front.spec!.metrics, parameters: lab.front.spec!.parameters});
  await page.goto(`${lab.url}#/studies/${study.id}`);
  const state = page.locator('.head .badge');
  await page.getByRole('button', {name: 'Pause'}).click();
  await expect(state).toHaveText('paused');
  await page.getByRole('button', {name: 'Resume'}).click();
  await expect(state).toHaveText('active');
  await page.getByRole('button', {name: 'Stop', exact: true}).click();
  await page.getByRole('button', {name: 'Stop the study'}).click();
  await expect(state).toHaveText('completed');
  await expect(page.getByRole('dialog')).toHaveCount(0);
  await expect(page.getByRole('button', {name: 'Enqueue'})).toBeDisabled();
});

test('a trial is enqueued, with the parameters that its others make active', async ({page, lab}) => {
  const study = await lab.seeder.study({name: 'to-enqueue', metrics: lab.front.spec!.metrics, parameters: lab.front.spec!.parameters});
  await page.goto(`${lab.url}#/studies/${study.id}/trials`);
  await page.getByRole('button', {name: 'Enqueue'}).click();
  const dialog = page.getByRole('dialog');
  await dialog.getByLabel('optimizer').selectOption('adam');
  await expect(dialog.getByLabel('momentum')).toHaveCount(0);
  await dialog.getByLabel('optimizer').selectOption('sgd');
  await dialog.getByLabel('momentum').fill('0.5');
  await dialog.getByLabel('width').fill('100');
  await dialog.getByRole('button', {name: 'Enqueue'}).click();
  await expect(dialog).toHaveCount(0);
  const row = page.locator('tbody tr').first();
  await expect(row).toContainText('pending');
  await expect(row).toContainText('sgd');
  await expect(row).toContainText('100');
});

test('budget, priority and note are edited', async ({page, lab}) => {
  const study = await lab.seeder.study({name: 'to-edit', metrics: lab.front.spec!.metrics, parameters: lab.front.spec!.parameters});
  await page.goto(`${lab.url}#/studies/${study.id}/about`);
  const budget = page.getByRole('region', {name: 'Budget and priority'});
  await budget.getByLabel('Configurations').fill('50');
  await budget.getByLabel('Trials at the same time').fill('3');
  await budget.getByLabel('Priority').fill('7');
  await budget.getByRole('button', {name: 'Save'}).click();
  await expect(budget.getByRole('status')).toHaveText('Saved');
  const note = page.getByRole('region', {name: 'Note'});
  await note.getByRole('textbox').fill('It **works**.');
  await note.getByRole('button', {name: 'Save'}).click();
  await expect(note.getByRole('status')).toHaveText('Saved');
  const {spec} = await lab.seeder.studies.get({study: String(study.id)});
  expect(spec).toMatchObject({budget: {maxTrials: 50n, maxParallel: 3n}, priority: 7, note: 'It **works**.'});
  await budget.getByLabel('Configurations').fill('-1');
  await budget.getByRole('button', {name: 'Save'}).click();
  await expect(budget.getByRole('status')).not.toHaveText('Saved');
});

test('a study is created by the form; the server says what is wrong with it', async ({page, lab}) => {
  await page.goto(`${lab.url}#/new`);
  await page.getByRole('region', {name: 'General'}).getByLabel('Name').fill('by-form');
  await page.getByRole('region', {name: 'Metrics'}).getByLabel('Name').fill('accuracy');
  const parameters = page.getByRole('region', {name: 'Parameters'});
  await parameters.getByLabel('Name').fill('rate');
  await parameters.getByLabel('Min').fill('1');
  await parameters.getByLabel('Max').fill('0.1');
  await page.getByRole('button', {name: 'Create the study'}).click();
  await expect(page.getByRole('alert')).toContainText('rate');
  await parameters.getByLabel('Min').fill('0.001');
  await parameters.getByLabel('Scale').selectOption('LOG');
  await parameters.getByRole('button', {name: 'Add a parameter'}).click();
  await parameters.getByLabel('Name').nth(1).fill('optimizer');
  await parameters.getByLabel('Kind').nth(1).selectOption('categorical');
  await parameters.getByLabel('Values, by commas').fill('adam, sgd');
  const search = page.getByRole('region', {name: 'Search'});
  await search.getByLabel('Algorithm').selectOption('tpe');
  await search.getByLabel('candidates').fill('32');
  await search.getByLabel('Early stopping').selectOption('asha');
  await search.getByLabel('max steps').fill('27');
  await page.getByRole('button', {name: 'Create the study'}).click();
  await expect(page.getByRole('heading', {name: 'by-form'})).toBeVisible();
  const {spec} = await lab.seeder.studies.get({study: 'by-form'});
  expect(spec?.algorithm?.algorithm).toMatchObject({case: 'tpe', value: {candidates: 32}});
  expect(spec?.stopping?.rule).toMatchObject({case: 'asha', value: {maxSteps: 27n}});
  expect(spec?.parameters.map(({name}) => name)).toEqual(['rate', 'optimizer']);
});

test('a study that follows gradients asks its trials for them', async ({page, lab}) => {
  await page.goto(`${lab.url}#/new`);
  await page.getByRole('region', {name: 'General'}).getByLabel('Name').fill('chains');
  await page.getByRole('region', {name: 'Metrics'}).getByLabel('Name').fill('loss');
  const parameters = page.getByRole('region', {name: 'Parameters'});
  await parameters.getByLabel('Name').fill('decay');
  await parameters.getByLabel('Min').fill('0.001');
  await parameters.getByLabel('Max').fill('1');
  const search = page.getByRole('region', {name: 'Search'});
  await search.getByLabel('Schedule').selectOption('gradient');
  await search.getByLabel('max steps').fill('12');
  await search.getByLabel('chains').fill('3');
  await expect(search.getByLabel('Ask trials for gradients')).toBeChecked();
  await search.getByLabel('method').fill('truncated');
  await page.getByRole('button', {name: 'Create the study'}).click();
  await expect(page.getByRole('heading', {name: 'chains'})).toBeVisible();
  const {spec} = await lab.seeder.studies.get({study: 'chains'});
  expect(spec?.gradients).toMatchObject({method: 'truncated'});
  expect(spec?.schedule?.kind).toMatchObject({case: 'gradient', value: {chains: 3}});
});

test('a clone with another range learns from its original', async ({page, lab}) => {
  await page.goto(`${lab.url}#/studies/${lab.front.id}`);
  await page.getByRole('link', {name: 'Clone'}).click();
  await expect(page.getByRole('heading', {name: 'Clone of front'})).toBeVisible();
  await page.getByRole('region', {name: 'Parameters'}).getByLabel('Max').first().fill('0.05');
  await page.getByRole('button', {name: 'Create the study'}).click();
  await expect(page.getByRole('heading', {name: 'front-2'})).toBeVisible();
  await page.getByRole('link', {name: 'About'}).click();
  await expect(page.getByRole('heading', {name: 'Learns from vision/front'})).toBeVisible();
  await expect(page.getByText(/of 60 trials are used/)).toBeVisible();
});
