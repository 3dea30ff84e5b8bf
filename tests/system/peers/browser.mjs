// browser - opens pages in Debian's headless Chromium, as they are, and says what happened.
//
// Standard input: {"folder", "views": [{"url", "name", "width", "dark"}]}; each view gets a browser
// context of its own, and a screenshot in the folder, if there is one.
// Prints one JSON object a line for each view:
//   {name, requests, console, errors, dialogs, opened, pwned, title, width, shown, height, axe, ms}
// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

// The packages are in tests/npm/node_modules, which is not above this file.
const npm = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'npm', 'package.json');
const need = createRequire(npm);
const { chromium } = need('playwright-core');
const axe = readFileSync(need.resolve('axe-core/axe.min.js'), 'utf8');

// What a rule found, as short as a reader of a failed test needs it.
const found = (rule) => ({
  id: rule.id, impact: rule.impact,
  nodes: rule.nodes.slice(0, 3).map((node) => `${node.target} ${node.failureSummary}`),
});

async function look(browser, folder, { url, name, width, dark, accessible = true }) {
  const seen = { name, requests: [], console: [], errors: [], dialogs: 0, opened: 0 };
  const context = await browser.newContext({
    viewport: { width, height: 844 }, colorScheme: dark ? 'dark' : 'light', deviceScaleFactor: 1,
  });
  const page = await context.newPage();
  page.on('request', (request) => seen.requests.push(request.url()));
  page.on('console', (message) => seen.console.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => seen.errors.push(String(error)));
  page.on('dialog', (dialog) => { seen.dialogs += 1; dialog.dismiss(); });
  context.on('page', () => { seen.opened += 1; });
  const begin = Date.now();
  await page.goto(url, { waitUntil: 'load' });
  seen.ms = Date.now() - begin;
  Object.assign(seen, await page.evaluate(() => {
    return {
      pwned: Boolean(window.pwned), title: document.title,
      width: document.documentElement.scrollWidth, shown: window.innerWidth,
      height: document.documentElement.scrollHeight,
      scripts: document.scripts.length,
      links: [...document.links].map((link) => link.href),
    };
  }));
  if (folder) {
    await page.screenshot({ path: join(folder, `${name}.png`), fullPage: seen.height < 8000 });
  }
  if (accessible) {
    await page.evaluate(axe);
    const result = await page.evaluate(() => window.axe.run());
    seen.axe = result.violations.map(found);
  }
  await context.close();
  return seen;
}

const { folder, views } = JSON.parse(readFileSync(0, 'utf8'));
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
  // root has no sandbox; the rest keeps it from asking the network by itself
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--disable-component-update',
    '--disable-background-networking', '--disable-sync', '--no-first-run'],
});
try {
  for (const view of views) console.log(JSON.stringify(await look(browser, folder, view)));
} finally {
  await browser.close();
}
