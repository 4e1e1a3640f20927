// Pictures of pages that are small enough to be kept: PNG of a few colours.
import { writeFileSync } from 'node:fs';
import { crc32, deflateSync } from 'node:zlib';
import { PNG } from 'pngjs';

const colours = 24; // of a page, the smoothed edges of its letters included

// keep writes a screenshot with its commonest colours, each other one as the nearest of them, and returns the size in bytes.
export function keep(path, screenshot) {
  const { width, height, data } = PNG.sync.read(screenshot);
  const pixels = new Uint32Array(width * height).map((_, i) => data.readUIntBE(4 * i, 3));
  const counts = new Map();
  for (const p of pixels) counts.set(p, (counts.get(p) ?? 0) + 1);
  const palette = [...counts].sort((a, b) => b[1] - a[1]).slice(0, colours).map(([p]) => p);
  const nearest = new Map([...counts.keys()].map((p) => [p, closest(palette, p)]));
  const rows = Buffer.alloc(height * (width + 1)); // each row behind the number of its filter, which is none
  pixels.forEach((p, i) => { rows[Math.floor(i / width) * (width + 1) + 1 + i % width] = nearest.get(p); });
  const head = Buffer.alloc(13);
  head.writeUInt32BE(width, 0);
  head.writeUInt32BE(height, 4);
  head.set([8, 3], 8); // eight bits, of a palette
  const file = Buffer.concat([
    Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'), chunk('IHDR', head),
    chunk('PLTE', Buffer.from(palette.flatMap(channels))), chunk('IDAT', deflateSync(rows, { level: 9 })), chunk('IEND', Buffer.alloc(0)),
  ]);
  writeFileSync(path, file);
  return file.length;
}

const channels = (p) => [p >> 16, (p >> 8) & 255, p & 255];

function closest(palette, p) {
  const distances = palette.map((q) => channels(q).reduce((sum, c, i) => sum + (c - channels(p)[i]) ** 2, 0));
  return distances.indexOf(Math.min(...distances));
}

function chunk(name, content) {
  const named = Buffer.concat([Buffer.from(name, 'latin1'), content]);
  const [length, sum] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(content.length);
  sum.writeUInt32BE(crc32(named));
  return Buffer.concat([length, named, sum]);
}
