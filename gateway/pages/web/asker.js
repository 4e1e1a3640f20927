// Whoever asks: their page follows the session by the token of its asker.
import { clock, follow, tell } from './live.js';
import { byId, carried, left, once, say, show, start, state, write } from './page.js';

// The tones of the ends that confirm nobody.
const ends = { refused: 'stop', timeout: 'stop', wrong_code: 'no', cancelled: 'stop', quorum_failed: 'no' };

export class Asker {
  // page names the page, in its texts too; pattern matches the id, the token and what else the address carries.
  constructor(page, pattern) {
    this.page = page;
    const given = carried(page, pattern);
    [this.id, this.token, this.more] = given ?? [];
    this.path = `/v1/sessions/${this.id}`;
    this.session = null;
    this.gone = given === null;
    this.lost = false;
  }

  get live() { return this.session?.outcome === 'live'; }

  // start draws the page and follows the session to its end; draw shows what is the page's own, whenever something has changed.
  async start(draw) {
    this.draw = draw;
    once(byId('cancel'), async () => this.hear(await tell('POST', `${this.path}/cancel`, this.token)));
    start(`${this.page}.title`, () => this.drawAll());
    if (this.gone) return;
    setInterval(() => this.drawTime(), 250);
    try {
      await follow(this.path, this.token, (session) => this.hear(session), (lost) => { this.lost = lost; this.drawAll(); });
    } catch {
      this.gone = true;
      this.session = null;
      this.drawAll();
    }
  }

  hear(session) {
    this.session = session;
    this.drawAll();
  }

  drawAll() {
    const s = this.session;
    if (this.gone) state('stop', 'gone');
    else if (!s) state('wait', 'loading');
    else this.drawState(s);
    show(byId('cancel'), this.live);
    write(byId('lost'), this.lost ? say('lost') : '');
    this.draw(this);
    this.drawTime();
  }

  drawState({ outcome, confirmed, opened, code, code_wanted: wanted, code_right: right }) {
    if (outcome === 'completed') state(confirmed ? 'yes' : 'no', `${this.page}.${confirmed ? 'confirmed' : 'not_confirmed'}`);
    else if (outcome !== 'live') state(ends[outcome] ?? 'stop', `ask.${outcome}`);
    else if (!opened) state('wait', `${this.page}.waiting`);
    else if (wanted || code && !right) state('wait', `${this.page}.code`);
    else state('wait', right ? 'ask.answering' : `${this.page}.opened`);
  }

  drawTime() {
    show(byId('time'), this.live);
    if (this.live) write(byId('time'), left(this.session.deadline, clock.now()));
  }
}
