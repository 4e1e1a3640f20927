// The page of whoever is asked: who asks and what for, before anything is done; then how it stands. A browser holds no credential,
// so it hands over to the holder's app; an app that opened the session may show this page too, under the token of its phone.
import { drawAsked, standing } from './asked.js';
import { clock, follow, Refused, tell } from './live.js';
import {
  attempt, byId, carried, digits, left, once, say, show, start, state, write,
} from './page.js';
import { draw as drawCode } from './qr.js';

const given = carried('seat', /^([0-9a-f]{32})\.(\d{1,2})\.([\w-]{43}|[\w-]{22})$/);
const [id, seat, token] = given ?? [];
const path = `/v1/sessions/${id}/seats/${seat}`;
const scanned = token?.length === 22; // what a code on a screen proves, good for seconds and for the app alone

let session = null, gone = given === null, lost = false, phone = false, complained = false;

const live = () => session?.outcome === 'live';

function drawState() {
  if (scanned) state('wait', 'seat.scanned');
  else if (gone) state('stop', session ? 'seat.elsewhere' : 'gone');
  else if (!session) state('wait', 'loading');
  else state(...standing(session));
}

// drawHandover links to the app, which alone asks what the person lets see.
function drawHandover() {
  byId('app').href = `${byId('app').dataset.app}${given ? given.join('.') : ''}`;
  const waiting = !gone && (scanned || live() && session.state === 'waiting');
  show(byId('handover'), waiting);
  show(byId('other-device'), waiting && !scanned);
}

// drawPhone shows what only the phone in the seat has: digits to read out or to type in.
function drawPhone() {
  const opened = live() && !gone && session.state === 'opened';
  show(byId('read'), opened && Boolean(session.code));
  if (opened && session.code) write(byId('digits'), session.code);
  show(byId('code'), opened && Boolean(session.code_wanted));
}

// drawDecline offers to decline, and of a person who asks to complain, which the phone that opened the session may do afterwards too.
function drawDecline() {
  const asked = live() && !gone && ['waiting', 'opened'].includes(session.state);
  const person = session?.kind === 'person' && phone && !gone && !complained;
  show(byId('refuse'), asked || person);
  show(byId('complain'), person);
  write(byId('decline'), say(asked ? 'seat.decline' : 'seat.complain'));
  write(byId('refuse-title'), say(asked ? 'seat.decline.title' : 'seat.complain'));
  show(byId('ask-back'), session?.kind === 'person' && phone && !gone && !session.back);
  show(byId('back'), Boolean(session?.back));
  if (session?.back) byId('back').href = `/person#${session.back.session}.${session.back.asker_token}`;
}

function draw() {
  drawState();
  drawAsked(session);
  drawHandover();
  drawPhone();
  drawDecline();
  show(byId('advice-person'), session?.kind === 'person');
  show(byId('advice-payment'), session?.kind === 'payment');
  write(byId('lost'), lost ? say('lost') : '');
  drawTime();
}

function drawTime() {
  show(byId('time'), live() && !gone);
  if (live()) write(byId('time'), left(session.deadline, clock.now()));
}

// hear takes the session as it is. A link is of no use any more once a phone has opened the session: then somebody goes on there.
async function hear(document) {
  const opened = session?.state === 'waiting' && document.state !== 'waiting' && document.outcome === 'live';
  phone ||= !session && document.state !== 'waiting' && document.state !== 'declined';
  session = document;
  draw();
  if (!opened) return;
  try {
    await tell('GET', path, token);
    phone = true;
  } catch (err) {
    gone ||= err instanceof Refused;
  }
  draw();
}

async function decline() {
  const also = [...document.querySelectorAll('#complain input:checked')].map((box) => box.name);
  const body = also.length ? { also } : undefined;
  await hear(await tell('POST', `${path}/decline`, token, body));
  complained = also.length > 0;
  draw();
  byId('state').focus();
}

async function askBack() {
  const begun = await tell('POST', `${path}/ask-back`, token, {});
  session = { ...session, back: { session: begun.session, asker_token: begun.asker_token } };
  draw();
  byId('back').focus();
}

byId('refuse').addEventListener('submit', (event) => event.preventDefault());
once(byId('decline'), decline);
once(byId('ask-back'), askBack);
digits(byId('code'), (code) => attempt(async () => hear(await tell('POST', `${path}/code`, token, { code }))));
if (given && !scanned) drawCode(byId('qr'), `${location.origin}/s#${given.join('.')}`);
start('seat.title', draw);
if (given && !scanned) {
  setInterval(drawTime, 250);
  follow(path, token, hear, (now) => { lost = now; draw(); }).catch(() => {
    gone = true;
    draw();
  });
}
