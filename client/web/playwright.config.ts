import {defineConfig} from '@playwright/test';

export default defineConfig({
  testDir: 'tests',
  // Figures of the machine, not of the page alone: asked for by name.
  testIgnore: process.env.ASSAY_WEB_SPEED ? [] : '**/speed.spec.ts',
  // One server with its studies, and one browser: the figures of a busy machine say nothing.
  workers: 1,
  timeout: 60_000,
  expect: {timeout: 15_000},
  reporter: 'list',
  use: {
    launchOptions: {executablePath: process.env.ASSAY_CHROMIUM ?? '/usr/bin/chromium', args: ['--no-sandbox']},
    viewport: {width: 1280, height: 900},
  },
});
