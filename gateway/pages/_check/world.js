// The world of the test: the server, the parties, the phones, and browsers that are watched.
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { AxeBuilder } from '@axe-core/playwright';
import jsqr from 'jsqr';
import { chromium } from 'playwright-core';
import { PNG } from 'pngjs';
import { keep } from './picture.js';

export const world = JSON.parse(process.env.ZHENNI_WORLD);
const pictures = process.env.ZHENNI_PICTURES; // a folder for them, or none
const phoneSize = { width: 390, height: 844 };
const largestPicture = 60 * 1024;

export const browser = () => chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium', args: process.getuid() === 0 ? ['--no-sandbox'] : [],
});

// seeing is a browser whose camera sees what a file has.
export const seeing = () => chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: [
    '--use-fake-ui-for-media-stream', '--use-fake-device-for-media-stream', `--use-file-for-fake-video-capture=${world.camera}`,
    ...(process.getuid() === 0 ? ['--no-sandbox'] : []),
  ],
});

// call asks the server and returns the status and the document of its answer.
export async function call(method, path, { token, key, body } = {}) {
  const headers = {};
  if (token) headers['Session-Token'] = token;
  if (key) headers.Authorization = `Bearer ${world.keys[key]}`;
  if (body) headers['Content-Type'] = 'application/json';
  const response = await fetch(world.url + path, { method, headers, body: body && JSON.stringify(body) });
  return { status: response.status, ...(await response.json()) };
}

// begin has a party begin a session.
export async function begin(party, document) {
  const begun = await call('POST', '/v1/sessions', { key: party, body: document });
  assert.equal(begun.status, 201, JSON.stringify(begun));
  return begun;
}

let samples = 0;

// Phone is that of a person, in one seat.
export class Phone {
  constructor(person) {
    this.person = person;
    this.credential = world.credentials[person];
    this.token = randomBytes(32).toString('base64url');
  }

  // possession signs that the device of the credential is there.
  async possession(transaction, party, capture) {
    const body = JSON.stringify({ person: this.person, credential: this.credential, transaction, party, capture });
    const response = await fetch(`${world.phones}/possession`, { method: 'POST', body });
    assert.ok(response.ok);
    return response.text();
  }

  async open(fragment, party) {
    const [session, seat, token] = fragment.split('.');
    this.path = `/v1/sessions/${session}/seats/${seat}`;
    this.fragment = `${session}.${seat}.${this.token}`;
    const evidence = await this.possession(`session.${session}.${seat}.open`, party, this.token);
    return call('POST', `${this.path}/open`, { token, body: { credential: this.credential, phone: this.token, evidence } });
  }

  // ask begins a session in which the person of the phone asks another one.
  async ask() {
    const transaction = `person.${randomBytes(8).toString('hex')}`;
    const evidence = await this.possession(transaction, 'person', this.token);
    return call('POST', '/v1/person-sessions', { body: { credential: this.credential, phone: this.token, evidence, transaction, name: world.name } });
  }

  // history is what the app hands to the page of the holder's history.
  async history() {
    const nonce = randomBytes(8).toString('hex');
    return `${this.credential}.${nonce}.${await this.possession(`inbox.${nonce}`, 'holder', Buffer.from(nonce).toString('base64url'))}`;
  }

  // answer shows the face of a person.
  async answer(person, more = {}) {
    const face = await (await fetch(`${world.phones}/face/${person}/${++samples}`)).text();
    return call('POST', `${this.path}/answer`, { token: this.token, body: { probe_float32: face, ...more } });
  }
}

// Person is somebody with a browser. What their browser should not have to say, they collect.
export class Person {
  static async arrive(browser, { locale = 'zh-CN', ...options } = {}) {
    const person = new Person();
    person.context = await browser.newContext({ locale, viewport: phoneSize, timezoneId: 'Asia/Shanghai', ...options });
    person.trouble = [];
    person.page = await person.context.newPage();
    const { page, trouble } = person;
    const homes = [world.url, new URL(world.app).origin];
    page.on('pageerror', (err) => trouble.push(`error: ${err.message}`));
    page.on('console', (message) => { if (/Content Security Policy|Trusted|Refused to/i.test(message.text())) trouble.push(message.text()); });
    page.on('request', (request) => {
      const address = new URL(request.url());
      if (address.protocol !== 'blob:' && !homes.includes(address.origin)) trouble.push(`asks ${address.origin}`);
      if (address.search || address.hash && !request.isNavigationRequest()) trouble.push(`tells ${address}`);
    });
    await page.addInitScript(() => addEventListener('securitypolicyviolation', (e) => console.error(`Content Security Policy: ${e.violatedDirective} ${e.blockedURI}`)));
    return person;
  }

  // visit opens an address and sees that what it carried is taken out of it.
  async visit(page, fragment) {
    await this.page.goto('about:blank');
    await this.page.goto(`${world.url}/${page}#${fragment}`);
    await this.page.waitForSelector('html[data-ready]');
    assert.equal(this.page.url(), `${world.url}/${page}`);
  }

  // sees waits until the state says a text.
  async sees(text) {
    await this.page.locator('#state-word', { hasText: text }).waitFor({ timeout: 10_000 }).catch(async () => {
      assert.equal(await this.page.locator('#state-word').textContent(), text);
    });
  }

  // audit holds the page as it is to what everybody can use, in the other language and dark, then in its own and light. Contrast
  // is of a scheme and names are of a language, so that two of the four say it all.
  async audit(name) {
    for (const scheme of ['dark', 'light']) {
      await this.page.emulateMedia({ colorScheme: scheme });
      await this.page.click('#language');
      const what = `${name}, ${await this.page.locator('html').getAttribute('lang')}, ${scheme}`;
      const { violations } = await new AxeBuilder({ page: this.page }).analyze();
      assert.deepEqual(violations.map((v) => [v.impact, v.id, v.nodes.map((n) => n.target.join(' '))]), [], what);
      await this.measure(what);
    }
  }

  // measure sees that nothing is cut off or too small to be hit, on the smallest phone and with large text.
  async measure(what) {
    for (const [width, size] of [[320, '100%'], [390, '200%'], [390, '100%']]) {
      await this.page.setViewportSize({ width, height: phoneSize.height });
      await this.page.evaluate((fontSize) => { document.documentElement.style.fontSize = fontSize; }, size);
      const wrong = await this.page.evaluate(() => {
        const wide = document.documentElement.scrollWidth > innerWidth ? ['scrolls sideways'] : [];
        const small = [...document.querySelectorAll('button, input:not([type=checkbox]), summary, .box, a')]
          .filter((e) => e.checkVisibility() && (e.getBoundingClientRect().height < 44 || e.getBoundingClientRect().width < 44));
        return wide.concat(small.map((e) => `small: ${e.id || e.textContent}`));
      });
      assert.deepEqual(wrong, [], `${what}, ${width} px, text ${size}`);
    }
  }

  // picture keeps what the page looks like, where pictures are wanted.
  async picture(name) {
    if (!pictures) return;
    const path = join(pictures, `page-${name}.png`);
    await this.page.evaluate(() => { document.activeElement?.blur(); scrollTo(0, 0); });
    const size = keep(path, await this.page.screenshot({ fullPage: true }));
    assert.ok(size <= largestPicture, `${path}: ${size} bytes`);
  }

  // scan reads the code that is on the screen.
  async scan() {
    const { data, width, height } = PNG.sync.read(await this.page.locator('#qr').screenshot());
    return jsqr(new Uint8ClampedArray(data), width, height)?.data;
  }

  // press goes by the keyboard to what has an id, and presses a key there.
  async press(id, key) {
    for (let i = 0; i < 30; i++) {
      if (await this.page.evaluate((want) => document.activeElement?.id === want, id)) {
        const outline = await this.page.evaluate(() => getComputedStyle(document.activeElement).outlineStyle);
        assert.notEqual(outline, 'none', `where the focus is can not be seen: ${id}`);
        await this.page.keyboard.press(key);
        return;
      }
      await this.page.keyboard.press('Tab');
    }
    assert.fail(`the keyboard does not come to ${id}`);
  }

  async leave() {
    assert.deepEqual(this.trouble, []);
    await this.context.close();
  }
}
