import {expect, faults, type Lab, test} from './lab';

// What holds for every view.
const views: [string, (lab: Lab) => string][] = [
  ['studies', () => '#/studies'],
  ['overview', ({running}) => `#/studies/${running.id}/overview`],
  ['curves', ({running}) => `#/studies/${running.id}/curves`],
  ['parameters', ({front}) => `#/studies/${front.id}/parameters`],
  ['pareto', ({front}) => `#/studies/${front.id}/pareto`],
  ['timeline', ({running}) => `#/studies/${running.id}/timeline`],
  ['trials', ({front}) => `#/studies/${front.id}/trials`],
  ['model', ({front}) => `#/studies/${front.id}/model`],
  ['about', ({running}) => `#/studies/${running.id}/about`],
  ['empty', ({waiting}) => `#/studies/${waiting.id}`],
  ['trial', () => '#/trials/1'],
  ['workers', () => '#/workers'],
  ['compare', ({running, front}) => `#/compare?studies=${running.id}+${front.id}`],
  ['new', ({front}) => `#/new?from=${front.id}`],
];

for (const [name, path] of views)
  test(`${name}: accessible in both themes, fits 400 pixels, asks nobody else`, async ({page, lab}) => {
    const foreign: string[] = [];
    page.on('request', (request) => {
      if (!request.url().startsWith(lab.url)) foreign.push(request.url());
    });
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.emulateMedia({colorScheme});
      await page.goto(lab.url + path(lab));
      await expect(page.locator('html')).toHaveAttribute('data-theme', colorScheme);
      await expect(page.getByRole('heading', {level: 1})).toBeVisible();
      await expect(page.getByText(/^(Loading|Fitting)/)).toHaveCount(0);
      expect(await faults(page)).toEqual([]);
    }
    await page.setViewportSize({width: 400, height: 800});
    await expect.poll(() => page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(400);
    expect(foreign).toEqual([]);
  });

test('the theme is chosen, and kept', async ({page, lab}) => {
  await page.emulateMedia({colorScheme: 'light'});
  await page.goto(lab.url);
  await page.getByRole('button', {name: 'Use the dark theme'}).click();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
  await page.reload();
  await expect(page.locator('html')).toHaveAttribute('data-theme', 'dark');
});
