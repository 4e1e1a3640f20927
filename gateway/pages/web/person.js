// The page of a person who asks another one: the link to send, the digits to read out, the result, and once what was consented to.
import { Asker } from './asker.js';
import { linger, tell } from './live.js';
import { attempt, byId, once, say, show, write } from './page.js';
import { draw as drawCode } from './qr.js';

const asker = new Asker('person', /^([0-9a-f]{32})\.([\w-]{43})(?:\.([\w-]{43}))?$/);
const link = asker.more ? `${location.origin}/s#${asker.id}.0.${asker.more}` : '';

const afterwards = 5 * 60_000; // for so long somebody who was asked is waited for to ask back

let copied = false, seen = false;

function draw({ session, live }) {
  const waiting = live && !session.opened;
  show(byId('send'), waiting && Boolean(link));
  write(byId('copied'), copied ? say('person.copied') : '');
  show(byId('read'), live && Boolean(session.code) && !session.code_right);
  if (live && session.code) write(byId('digits'), session.code);
  show(byId('show'), Boolean(session?.shared_waiting) && !seen);
  show(byId('was'), Boolean(session?.shared?.length) && !session.shared_waiting && !seen);
  show(byId('back'), Boolean(session?.back));
  if (session?.back) byId('back-app').href = `zhenni-holder:${session.back}`;
}

// showOnce fetches what the other person agreed to show. It is in this page alone, and gone with it.
async function showOnce() {
  const { name, selfie } = await tell('GET', `${asker.path}/shared`, asker.token);
  seen = true;
  show(byId('shared'), true);
  show(byId('shared-name-row'), Boolean(name));
  write(byId('shared-name'), name ?? '');
  if (selfie) {
    const picture = Uint8Array.from(atob(selfie), (c) => c.charCodeAt(0));
    byId('selfie').src = URL.createObjectURL(new Blob([picture], { type: 'image/jpeg' }));
    byId('selfie').alt = say('person.selfie');
    show(byId('selfie'), true);
  }
  asker.drawAll();
  byId('shared').focus();
}

if (link) {
  write(byId('link'), link);
  drawCode(byId('qr'), link);
}
once(byId('copy'), async () => {
  await navigator.clipboard.writeText(link);
  copied = true;
  asker.drawAll();
});
byId('show').addEventListener('click', () => attempt(showOnce));
await asker.start(draw);
if (!asker.gone) await linger(asker.path, asker.token, (session) => asker.hear(session), afterwards);
