// The page of a clerk: a code to scan that is another one each second, the digits that the phone shows, the result.
import { Asker } from './asker.js';
import { ask, clock, tell } from './live.js';
import { attempt, byId, digits, inLanguage, saidIf, show, write } from './page.js';
import { screenCode } from './code.js';
import { draw as drawCode } from './qr.js';

const asker = new Asker('counter', /^([0-9a-f]{32})\.([\w-]{43})(?:\.([\w-]{43}))?$/);
const pause = (ms) => new Promise((done) => { setTimeout(done, ms); });

let drawn = 0; // the second that is on the screen

// drawScan shows the code of this second.
async function drawScan() {
  const second = Math.floor(clock.now() / 1000);
  if (byId('scan').hidden || clock.offset === null || second === drawn) return;
  drawn = second;
  drawCode(byId('qr'), `${location.origin}/s#${asker.id}.0.${await screenCode(asker.more, second)}`);
}

// learnTime hears the time of the server a few times, which writes it in whole seconds.
async function learnTime() {
  for (let i = 0; i < 4; i++) {
    await ask('GET', asker.path, asker.token);
    await pause(270);
  }
}

digits(byId('code'), (code) => attempt(async () => asker.hear(await tell('POST', `${asker.path}/code`, asker.token, { code }))));
asker.start(({ session, live, more: key }) => {
  show(byId('about'), Boolean(session));
  if (session) write(byId('about'), `${inLanguage(session.service_zh, session.service_en) || session.service} · ${saidIf(`purpose.${session.purpose}`, session.purpose)}`);
  show(byId('scan'), live && !session.opened && Boolean(key));
  show(byId('code'), live && session.opened > 0 && Boolean(session.code_wanted));
  drawScan();
});
if (!asker.gone) {
  setInterval(drawScan, 200);
  learnTime().catch(() => {}); // what matters of it, the page hears as it follows the session
}
