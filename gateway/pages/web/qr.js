// QR codes (ISO/IEC 18004): byte mode, versions 1–10, error correction level M.

// Of each version: error correction codewords of a block, and the data codewords of its blocks.
const versions = [
  [10, [16]], [16, [28]], [26, [44]], [18, [32, 32]], [24, [43, 43]], [16, [27, 27, 27, 27]], [18, [31, 31, 31, 31]],
  [22, [38, 38, 39, 39]], [22, [36, 36, 36, 37, 37]], [26, [43, 43, 43, 43, 44]],
];

// Where the alignment patterns of each version are centred, in both directions.
const alignments = [[], [6, 18], [6, 22], [6, 26], [6, 30], [6, 34], [6, 22, 38], [6, 24, 42], [6, 26, 46], [6, 28, 50]];

const masks = [
  (x, y) => (x + y) % 2 === 0, (x, y) => y % 2 === 0, (x) => x % 3 === 0, (x, y) => (x + y) % 3 === 0,
  (x, y) => (Math.floor(y / 2) + Math.floor(x / 3)) % 2 === 0, (x, y) => (x * y) % 2 + (x * y) % 3 === 0,
  (x, y) => ((x * y) % 2 + (x * y) % 3) % 2 === 0, (x, y) => ((x + y) % 2 + (x * y) % 3) % 2 === 0,
];

// encode returns the modules of a code as rows of booleans, dark is true. A text longer than 213 bytes is a RangeError.
export function encode(text) {
  const bytes = new TextEncoder().encode(text);
  const version = versions.findIndex(([, blocks], v) => sum(blocks) * 8 >= 4 + countBits(v) + bytes.length * 8);
  if (version < 0) throw new RangeError('the text is too long for a code');
  const grid = new Grid(version);
  grid.drawPatterns();
  grid.drawData(interleave(codewords(bytes, version), version));
  return grid.masked();
}

const sum = (numbers) => numbers.reduce((a, b) => a + b, 0);
const countBits = (version) => (version < 9 ? 8 : 16);

// codewords returns mode, length, bytes and padding.
function codewords(bytes, version) {
  const capacity = sum(versions[version][1]);
  const bits = [];
  const put = (value, n) => { for (let i = n - 1; i >= 0; i--) bits.push((value >>> i) & 1); };
  put(4, 4);
  put(bytes.length, countBits(version));
  for (const b of bytes) put(b, 8);
  put(0, Math.min(4, capacity * 8 - bits.length));
  put(0, (8 - bits.length % 8) % 8);
  const words = [];
  for (let i = 0; i < bits.length; i += 8) words.push(parseInt(bits.slice(i, i + 8).join(''), 2));
  for (let pad = 0xec; words.length < capacity; pad ^= 0xec ^ 0x11) words.push(pad);
  return words;
}

// interleave adds the error correction and takes a codeword of each block in turn.
function interleave(words, version) {
  const [correction, lengths] = versions[version];
  const divisor = generator(correction);
  let from = 0;
  const data = lengths.map((n) => words.slice(from, from += n));
  const checks = data.map((block) => remainder(block, divisor));
  const turns = (blocks, longest) => Array.from({ length: longest }, (_, i) => blocks.filter((b) => i < b.length).map((b) => b[i])).flat();
  return [...turns(data, Math.max(...lengths)), ...turns(checks, correction)];
}

// multiply is that of GF(2⁸) modulo x⁸+x⁴+x³+x²+1.
function multiply(a, b) {
  let product = 0;
  for (let i = 7; i >= 0; i--) {
    product = (product << 1) ^ ((product >>> 7) * 0x11d);
    product ^= ((b >>> i) & 1) * a;
  }
  return product;
}

// generator is the Reed–Solomon generator of a degree, its leading 1 left out.
function generator(degree) {
  const g = new Array(degree).fill(0);
  g[degree - 1] = 1;
  for (let i = 0, root = 1; i < degree; i++, root = multiply(root, 2)) {
    for (let j = 0; j < degree; j++) g[j] = multiply(g[j], root) ^ (j + 1 < degree ? g[j + 1] : 0);
  }
  return g;
}

function remainder(block, divisor) {
  const rest = new Array(divisor.length).fill(0);
  for (const b of block) {
    const factor = b ^ rest.shift();
    rest.push(0);
    divisor.forEach((d, i) => { rest[i] ^= multiply(d, factor); });
  }
  return rest;
}

// bch appends the remainder of a value by a polynomial of a degree.
function bch(value, degree, polynomial) {
  let rest = value;
  for (let i = 0; i < degree; i++) rest = (rest << 1) ^ ((rest >>> (degree - 1)) * polynomial);
  return (value << degree) | rest;
}

class Grid {
  constructor(version) {
    this.version = version;
    this.size = 21 + 4 * version;
    this.dark = Array.from({ length: this.size }, () => new Array(this.size).fill(false));
    this.fixed = Array.from({ length: this.size }, () => new Array(this.size).fill(false));
  }

  // set draws a module of a pattern, which no mask changes.
  set(x, y, dark) {
    if (x < 0 || y < 0 || x >= this.size || y >= this.size) return;
    this.dark[y][x] = dark;
    this.fixed[y][x] = true;
  }

  drawPatterns() {
    const last = this.size - 1;
    for (let i = 0; i < this.size; i++) {
      this.set(6, i, i % 2 === 0);
      this.set(i, 6, i % 2 === 0);
    }
    for (const [x, y] of [[3, 3], [last - 3, 3], [3, last - 3]]) this.drawSquares(x, y, 4, (d) => d !== 2 && d !== 4);
    const centres = alignments[this.version];
    const corner = (x, y) => x === 6 && y === 6 || x === 6 && y === last - 6 || x === last - 6 && y === 6;
    for (const x of centres) for (const y of centres) if (!corner(x, y)) this.drawSquares(x, y, 2, (d) => d !== 1);
    this.drawFormat(0);
    if (this.version >= 6) this.drawVersion();
  }

  // drawSquares draws squares around a centre, dark by how far out they are.
  drawSquares(x, y, radius, dark) {
    for (let dy = -radius; dy <= radius; dy++) {
      for (let dx = -radius; dx <= radius; dx++) this.set(x + dx, y + dy, dark(Math.max(Math.abs(dx), Math.abs(dy))));
    }
  }

  // drawFormat writes the level, which is 00 for M, and the mask.
  drawFormat(mask) {
    const bits = bch(mask, 10, 0x537) ^ 0x5412;
    const bit = (i) => ((bits >>> i) & 1) === 1;
    for (let i = 0; i < 15; i++) {
      const near = i < 6 ? i : i < 8 ? i + 1 : 14 - i; // around the corner, but for the lines of timing
      this.set(i < 8 ? 8 : i === 8 ? 7 : near, i < 8 ? near : 8, bit(i));
      this.set(i < 8 ? this.size - 1 - i : 8, i < 8 ? 8 : this.size - 15 + i, bit(i));
    }
    this.set(8, this.size - 8, true);
  }

  drawVersion() {
    const bits = bch(this.version + 1, 12, 0x1f25);
    for (let i = 0; i < 18; i++) {
      const a = this.size - 11 + i % 3, b = Math.floor(i / 3), dark = ((bits >>> i) & 1) === 1;
      this.set(a, b, dark);
      this.set(b, a, dark);
    }
  }

  // drawData goes up and down by columns of two, from the right; the column of timing is none.
  drawData(words) {
    let i = 0;
    for (let right = this.size - 1; right >= 1; right -= 2) {
      if (right === 6) right = 5;
      const up = ((right + 1) & 2) === 0;
      for (let row = 0; row < this.size; row++) {
        const y = up ? this.size - 1 - row : row;
        for (const x of [right, right - 1]) {
          if (this.fixed[y][x] || i >= words.length * 8) continue;
          this.dark[y][x] = ((words[i >>> 3] >>> (7 - (i & 7))) & 1) === 1;
          i++;
        }
      }
    }
  }

  // masked returns the rows under the mask that is the easiest to read.
  masked() {
    const candidates = masks.map((mask, number) => {
      this.drawFormat(number);
      return this.dark.map((row, y) => row.map((dark, x) => dark !== (!this.fixed[y][x] && mask(x, y))));
    });
    const penalties = candidates.map(penalty);
    return candidates[penalties.indexOf(Math.min(...penalties))];
  }
}

// penalty is how hard rows are to read: long runs, blocks, what looks like a corner, and an imbalance of dark and light.
function penalty(rows) {
  const size = rows.length, columns = rows.map((_, x) => rows.map((row) => row[x]));
  let points = 0, dark = 0;
  for (const line of [...rows, ...columns]) {
    const text = line.map(Number).join('');
    for (const [run] of text.matchAll(/0{5,}|1{5,}/g)) points += run.length - 2;
    for (const corner of ['10111010000', '00001011101']) {
      for (let at = text.indexOf(corner); at >= 0; at = text.indexOf(corner, at + 1)) points += 40;
    }
  }
  for (let y = 0; y < size; y++) {
    for (let x = 0; x < size; x++) {
      dark += rows[y][x];
      if (x && y && new Set([rows[y][x], rows[y - 1][x], rows[y][x - 1], rows[y - 1][x - 1]]).size === 1) points += 3;
    }
  }
  return points + 10 * Math.floor(Math.abs(dark * 20 / (size * size) - 10));
}

// quiet is the light margin of a code, in modules.
const quiet = 4;

// draw shows a text as a code in an svg element, which has one path.
export function draw(svg, text) {
  const rows = encode(text), side = rows.length + 2 * quiet;
  const squares = rows.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x + quiet} ${y + quiet}h1v1h-1z`] : [])));
  svg.setAttribute('viewBox', `0 0 ${side} ${side}`);
  svg.querySelector('path').setAttribute('d', squares.join(''));
}
