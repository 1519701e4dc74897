import {expect, test} from './lab';

test('the list of studies shows progress, state, owner and best, and searches', async ({page, lab}) => {
  await page.goto(lab.url);
  const row = (name: string) => page.getByRole('row').filter({has: page.getByRole('link', {name, exact: true})});
  await expect(row('front')).toContainText('vision');
  await expect(row('front')).toContainText('60 trials');
  await expect(row('front')).toContainText('Pareto front');
  await expect(row('running')).toContainText('running');
  await expect(row('waiting')).toContainText('no worker offers gpus: 2');
  await page.getByRole('searchbox').fill('vision');
  await expect(row('waiting')).toHaveCount(0);
  await page.reload();
  await expect(page.getByRole('searchbox')).toHaveValue('vision');
  await expect(row('front')).toBeVisible();
  await expect(row('waiting')).toHaveCount(0);
});

test('a running study is live: trials come without a reload', async ({page, lab}) => {
  await page.goto(`${lab.url}#/studies/${lab.running.id}`);
  const count = async () => Number((await page.locator('.count').textContent())?.match(/^(\d+) trials/)?.[1] ?? 0);
  await expect.poll(count).toBeGreaterThan(0);
  const before = await count();
  await expect.poll(count).toBeGreaterThan(before);
  await expect(page.getByRole('heading', {name: 'Best'})).toBeVisible();
});

test('a note is Markdown, and nothing of it runs', async ({page, lab}) => {
  await page.goto(`${lab.url}#/studies/${lab.running.id}`);
  const note = page.locator('.markdown');
  await expect(note.locator('em')).toHaveText('small');
  await expect(note.locator('img, a')).toHaveCount(0);
  expect(await page.evaluate(() => 'wasRun' in window)).toBe(false);
});

test('a brush filters every view, and is in the address', async ({page, lab}) => {
  await page.goto(`${lab.url}#/studies/${lab.front.id}`);
  await expect(page.locator('.count')).toHaveText('60 trials');
  await page.locator('[data-axis="p:learning_rate"]').scrollIntoViewIfNeeded();
  const axis = (await page.locator('[data-axis="p:learning_rate"]').boundingBox())!;
  const x = axis.x + axis.width / 2;
  await page.mouse.move(x, axis.y + 20);
  await page.mouse.down();
  await page.mouse.move(x, axis.y + axis.height / 2, {steps: 5});
  await page.mouse.up();
  await expect(page.locator('.count')).toHaveText(/^[123]\d of 60 trials$/);
  const shown = (await page.locator('.count').textContent())!;
  expect(decodeURIComponent(page.url())).toContain('"p:learning_rate":');
  await page.getByRole('link', {name: 'Trials', exact: true}).click();
  await expect(page.locator('.count')).toHaveText(shown);
  await expect(page.getByRole('table')).toHaveAttribute('aria-rowcount', String(parseInt(shown) + 1));
  await page.reload();
  await expect(page.locator('.count')).toHaveText(shown);
  await page.getByRole('button', {name: /^Remove the filter learning_rate/}).click();
  await expect(page.locator('.count')).toHaveText('60 trials');
});

test('a brush, or another metric, asks the server for nothing', async ({page, lab}) => {
  await page.goto(`${lab.url}#/studies/${lab.front.id}`);
  await expect(page.locator('.count')).toHaveText('60 trials');
  const asked: string[] = [];
  page.on('request', (request) => {
    if (request.url().includes('/assay.v1.')) asked.push(request.url());
  });
  await page.getByRole('button', {name: 'completed'}).click();
  await page.getByLabel('Metric').selectOption('latency');
  await expect(page.getByRole('group', {name: /^History of latency: 60 trials/})).toBeVisible();
  expect(asked).toEqual([]);
});

test('a filter is set by keyboard alone', async ({page, lab}) => {
  await page.goto(`${lab.url}#/studies/${lab.front.id}`);
  await expect(page.locator('.count')).toHaveText('60 trials');
  await page.getByRole('button', {name: '+ Filter'}).focus();
  await page.keyboard.press('Enter');
  await page.keyboard.press('Tab');
  await page.keyboard.press('Tab');
  await page.keyboard.type('0.001');
  await page.keyboard.press('Enter');
  await expect(page.locator('.count')).toHaveText(/^\d\d of 60 trials$/);
  await expect(page.getByRole('button', {name: 'Remove the filter learning_rate ≥ 0.001'})).toBeVisible();
});

test('a chart is read by keyboard: arrows find trials, Enter opens one', async ({page, lab}) => {
  await page.goto(`${lab.url}#/studies/${lab.front.id}`);
  const history = page.getByRole('group', {name: /^History of accuracy: 60 trials/});
  await history.focus();
  await page.keyboard.press('ArrowRight');
  await page.keyboard.press('ArrowRight');
  await expect(history.getByRole('status')).toContainText('Trial 1');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('heading', {name: 'Trial 1', exact: true})).toBeVisible();
});

test('curves show what the trials reported, and what early stopping saved', async ({page, lab}) => {
  await page.goto(`${lab.url}#/studies/${lab.running.id}/curves`);
  await expect(page.getByRole('group', {name: /^Learning curves of \d+ trials/})).toBeVisible();
  await expect(page.getByRole('heading', {name: 'What early stopping saved'})).toBeVisible();
  await expect(page.getByText(/stopped by the rule/)).toBeVisible();
});

test('importance, slices and the contour of the model', async ({page, lab}) => {
  await page.goto(`${lab.url}#/studies/${lab.front.id}/parameters`);
  const rows = page.getByRole('table').getByRole('row');
  await expect(rows).toHaveCount(9);
  await expect(rows.nth(1)).toContainText('learning_rate');
  await expect(page.getByRole('group', {name: /^accuracy by /})).toHaveCount(8);
  await expect(page.getByRole('group', {name: /^accuracy that the model expects over learning_rate and /})).toBeVisible();
  await page.getByLabel('up').selectOption('dropout');
  await expect(page.getByRole('group', {name: /over learning_rate and dropout/})).toBeVisible();
  expect(page.url()).toContain('y=dropout');
});

test('a refusal of the model says why', async ({page, lab}) => {
  await page.goto(`${lab.url}#/studies/${lab.waiting.id}/parameters`);
  await expect(page.getByText('Nothing to say yet')).toBeVisible();
  await expect(page.getByText(/^0 configurations are COMPLETED with a value of "f1"/).first()).toBeVisible();
});

test('the Pareto front with its knee', async ({page, lab}) => {
  await page.goto(`${lab.url}#/studies/${lab.front.id}/pareto`);
  await expect(page.getByRole('group', {name: /^Pareto front of \d+ trials/})).toBeVisible();
  await expect(page.getByRole('table')).toContainText('knee');
});

test('the timeline has a row for each slot', async ({page, lab}) => {
  await page.goto(`${lab.url}#/studies/${lab.running.id}/timeline`);
  await expect(page.getByRole('group', {name: /^Timeline of \d+ attempts on 3 slots/})).toBeVisible();
});

test('the model is held against each trial that it did not see', async ({page, lab}) => {
  await page.goto(`${lab.url}#/studies/${lab.front.id}/model`);
  await expect(page.getByText(/^The model explains/)).toBeVisible();
  await expect(page.getByRole('group', {name: /^Observed and predicted accuracy of 60 trials/})).toBeVisible();
});

test('the table of trials sorts, filters by an expression, and is saved as CSV', async ({page, lab}) => {
  await page.goto(`${lab.url}#/studies/${lab.front.id}/trials`);
  await expect(page.getByRole('table')).toHaveAttribute('aria-rowcount', '61');
  await page.getByRole('button', {name: 'accuracy'}).click();
  await page.getByRole('button', {name: 'accuracy'}).click();
  const cells = await page.locator('tbody tr td:nth-child(3)').allTextContents();
  const values = cells.map(Number).slice(0, 10);
  expect(values).toEqual([...values].sort((a, b) => b - a));
  await page.getByLabel('Filter by an expression').fill('accuracy > ');
  await page.keyboard.press('Enter');
  await expect(page.getByRole('alert')).toContainText('filter');
  await page.getByLabel('Filter by an expression').fill("accuracy > 0.85 and optimizer == 'adam'");
  await page.keyboard.press('Enter');
  await expect(page.getByRole('alert')).toHaveCount(0);
  await expect(page.getByRole('table')).not.toHaveAttribute('aria-rowcount', '61');
  const rows = Number(await page.getByRole('table').getAttribute('aria-rowcount'));
  const [download] = await Promise.all([page.waitForEvent('download'), page.getByRole('button', {name: 'Download CSV'}).click()]);
  const text = Buffer.concat(await (await download.createReadStream()).toArray()).toString();
  expect(text.trim().split('\r\n')).toHaveLength(rows);
  expect(text.split('\r\n')[0]).toContain('Trial,State,accuracy,latency');
});

test('an unknown study, and an unknown trial, say so', async ({page, lab}) => {
  await page.goto(`${lab.url}#/studies/999`);
  await expect(page.getByText('No such study')).toBeVisible();
  await page.goto(`${lab.url}#/trials/99999`);
  await expect(page.getByText('No such trial')).toBeVisible();
});

test('studies are compared by their best so far', async ({page, lab}) => {
  await page.goto(`${lab.url}#/compare?studies=${lab.running.id}+${lab.front.id}`);
  await expect(page.getByRole('group', {name: /^Best loss so far of running/})).toBeVisible();
  await page.getByLabel('Metric').selectOption('accuracy');
  await expect(page.getByRole('group', {name: /^Best accuracy so far of front/})).toBeVisible();
  await page.getByLabel('By', {exact: true}).selectOption('time');
  await expect(page.getByRole('table')).toContainText('front');
});
