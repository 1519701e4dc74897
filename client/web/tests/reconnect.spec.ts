import {expect, seederOf, test} from './lab';
import {Programs} from './programs';

test('a server that goes away is told, and what it knows comes back with it', async ({browser, lab}) => {
  const programs = new Programs();
  try {
    await programs.startServer();
    const url = `http://${programs.http}/`;
    const study = await seederOf(url).study({name: 'lasting', metrics: lab.front.spec!.metrics, parameters: lab.front.spec!.parameters});
    // A page whose errors are not counted: a browser tells of each connection that failed.
    const page = await browser.newPage();
    await page.goto(`${url}#/studies/${study.id}`);
    await expect(page.getByRole('heading', {name: 'lasting'})).toBeVisible();
    await programs.stopServer();
    await expect(page.getByText('Server away, trying again')).toBeVisible();
    await expect(page.getByRole('heading', {name: 'lasting'})).toBeVisible();
    await programs.startServer();
    await expect(page.getByText('Connected')).toBeVisible();
    await seederOf(url).studies.pause({study: 'lasting'});
    await expect(page.locator('.head .badge')).toHaveText('paused');
    await page.close();
  } finally {
    await programs.stop();
  }
});
