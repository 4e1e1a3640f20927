// What the pages compute, held to another decoder and to the server's own numbers. Run by `make pages`, beside a copy of web/.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import jsqr from 'jsqr';
import { screenCode } from './web/code.js';
import { clock, fields } from './web/live.js';
import { encode } from './web/qr.js';
import { texts } from './web/text.js';

// decode reads rows of modules as a camera would see them.
function decode(rows) {
  const scale = 4, quiet = 4, side = (rows.length + 2 * quiet) * scale;
  const pixels = new Uint8ClampedArray(side * side * 4).fill(255);
  for (let y = 0; y < side; y++) {
    for (let x = 0; x < side; x++) {
      if (rows[Math.floor(y / scale) - quiet]?.[Math.floor(x / scale) - quiet]) pixels.fill(0, (y * side + x) * 4, (y * side + x) * 4 + 3);
    }
  }
  return jsqr(pixels, side, side)?.data;
}

test('a code of every version is read as what was written', () => {
  const alphabet = 'https://zhenni.example:8443/s#0123456789abcdef.ABC_-xyz';
  const versions = new Set();
  const fullest = [14, 26, 42, 62, 84, 106, 122, 152, 180, 213]; // bytes, of each version
  for (const n of [1, ...fullest, ...fullest.slice(0, -1).map((most) => most + 1)]) {
    const text = Array.from({ length: n }, (_, i) => alphabet[(i * 7 + n) % alphabet.length]).join('');
    const rows = encode(text);
    versions.add(rows.length);
    assert.equal(decode(rows), text, `${n} bytes`);
  }
  assert.equal(versions.size, 10);
  assert.throws(() => encode('x'.repeat(214)), RangeError);
  assert.equal(decode(encode('真你')), '真你');
});

test('a screen proves what the server computes', async () => {
  const { key, codes } = JSON.parse(readFileSync(new URL('./screen.json', import.meta.url)));
  for (const { second, proof } of codes) assert.equal(await screenCode(key, second), proof);
});

test('both languages say the same things', () => {
  assert.deepEqual(Object.keys(texts.zh), Object.keys(texts.en));
  const placeholders = (text) => [...text.matchAll(/\{\w+\}/g)].map(([p]) => p).sort();
  for (const key of Object.keys(texts.zh)) {
    assert.ok(texts.zh[key] && texts.en[key], key);
    assert.deepEqual(placeholders(texts.zh[key]), placeholders(texts.en[key]), key);
  }
});

test('every text that a page asks for is there', () => {
  const files = ['asker', 'counter', 'person', 'seat', 'me', 'page'].map((name) => `${name}.js`).concat(['counter', 's', 'person', 'me'].map((name) => `${name}.html`));
  for (const file of files) {
    const source = readFileSync(new URL(`./web/${file}`, import.meta.url), 'utf8');
    for (const [, , key] of source.matchAll(/(say\(|state\('\w+', |data-t=|data-label=)['"]([\w.-]+)['"]/g)) {
      assert.ok(texts.zh[key], `${file}: ${key}`);
    }
    for (const [, key] of source.matchAll(/state\('\w+', '([\w.-]+)'/g)) assert.ok(texts.zh[`${key}.more`], `${file}: ${key}.more`);
  }
});

test('an event is read by its fields', () => {
  assert.deepEqual(fields('id: a-b\nevent: session\ndata: {"x":": "}'), { id: 'a-b', event: 'session', data: '{"x":": "}' });
});

test('the clock is never ahead of the server', () => {
  const answer = (date) => new Response('', { headers: { Date: new Date(date).toUTCString() } });
  const start = Math.floor(Date.now() / 1000) * 1000;
  clock.heard(answer(start - 60_000));
  assert.ok(clock.now() <= start - 59_000);
  clock.heard(answer(start - 50_000)); // a later answer is nearer
  clock.heard(answer(start - 70_000)); // an earlier one does not take it back
  assert.ok(clock.now() >= start - 50_000 - 5 && clock.now() <= start - 49_000);
});
