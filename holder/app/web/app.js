// The holder's app: a link is looked at before anything is done, then opened, and answered with a picture of the camera. What is
// signed and sent is the business of the process behind the page.
import { drawAsked, standing } from '/pages/-/asked.js';
import { clock, follow, Refused, tell } from '/pages/-/live.js';
import {
  attempt, byId, digits, left, once, say, show, start, state, write,
} from '/pages/-/page.js';
import '/texts.js';

const store = 'zhenni.app';
const longestSide = 1600; // of a picture in which the model finds the face itself
const selfieSide = 480, selfieQuality = 0.8; // of what who asks may see, of at most 64 KiB

// arrived is what the address carried: the key of the app, or a link. Anybody may have written it.
const arrived = location.hash.slice(1);
if (arrived) history.replaceState(null, '', '/');
addEventListener('hashchange', () => location.reload());
const invitation = arrived.includes('.') ? arrived : '';
const keys = [/^[A-Z2-7]{26}$/.test(arrived) ? arrived : '', localStorage.getItem(store) ?? ''].filter(Boolean);
let key = keys[0] ?? '';

let about = null, session = null, ours = false, lost = false, following = 0;

function boxes() {
  return document.querySelectorAll('#consent input[type=checkbox]');
}

const live = () => session?.outcome === 'live';

function drawState() {
  if (!about) state('stop', key ? 'loading' : 'app.locked');
  else if (!session) state('wait', 'app.empty');
  else if (live() && ours && session.state === 'opened') state('wait', session.code_wanted ? 'app.code' : session.transaction ? 'app.answer' : 'app.wait');
  else state(...standing(session));
}

function draw() {
  const opened = live() && ours && session.state === 'opened';
  drawState();
  drawAsked(session);
  show(byId('invitation'), Boolean(about) && !session);
  show(byId('advice'), live());
  show(byId('open'), live() && !ours && session.state === 'waiting');
  show(byId('read'), opened && Boolean(session.code));
  if (opened && session.code) write(byId('digits'), session.code);
  show(byId('code'), opened && Boolean(session.code_wanted));
  const answering = opened && !session.code_wanted && Boolean(session.transaction);
  if (answering) write(byId('tries'), say('app.tries', { count: session.tries_left }));
  show(byId('camera'), answering);
  show(byId('consent'), session?.kind === 'person');
  show(byId('naming'), ticked('name'));
  answering ? look() : rest();
  show(byId('decline'), live() && ['waiting', 'opened'].includes(session.state));
  show(byId('another'), Boolean(session) && !live());
  write(byId('lost'), lost ? say('lost') : '');
  drawTime();
}

function drawTime() {
  show(byId('time'), live());
  if (live()) write(byId('time'), left(session.deadline, clock.now()));
}

// seat is the address of what the page shows. Whatever it asks for is of that seat, or is refused.
const seat = () => `/seats/${session.session}.${session.seat}`;

// hear shows a session, unless the page shows another one meanwhile.
function hear(document) {
  if (session && (document.session !== session.session || document.seat !== session.seat)) return;
  ours ||= document.state !== 'waiting';
  session = document;
  draw();
}

// goOn follows the session of a seat up to its end.
async function goOn(path) {
  const mine = ++following;
  await follow(path, key, (document) => { if (mine === following) hear(document); }, (now) => { lost = now; draw(); });
}

// The camera is on while a picture is asked for, and no longer.
const video = byId('video');
let seeing = null;

function look() {
  seeing ??= attempt(async () => {
    const stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'user', width: { ideal: 1280 }, height: { ideal: 720 } } })
      .catch(() => { throw new Refused(0, { code: 'camera' }); });
    if (!seeing) return stop(stream);
    video.srcObject = stream;
    await video.play();
  });
}

function stop(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}

function rest() {
  seeing = null;
  stop(video.srcObject);
  video.srcObject = null;
}

// frame is the part of the picture that the model takes, in the size it takes; one that finds the face itself takes all of it.
function frame(source, width, height) {
  const canvas = document.createElement('canvas');
  const shrunk = Math.min(1, longestSide / Math.max(width, height));
  [canvas.width, canvas.height] = about.width ? [about.width, about.height] : [Math.round(width * shrunk), Math.round(height * shrunk)];
  const scale = Math.min(width / canvas.width, height / canvas.height);
  const [w, h] = [canvas.width * scale, canvas.height * scale];
  const context = canvas.getContext('2d');
  context.imageSmoothingQuality = 'high';
  context.drawImage(source, (width - w) / 2, (height - h) / 2, w, h, 0, 0, canvas.width, canvas.height);
  return new Promise((done) => { canvas.toBlob(done, 'image/png'); });
}

// ticked reports whether a person lets see something who asks.
function ticked(name) {
  return session?.kind === 'person' && [...boxes()].some((box) => box.name === name && box.checked);
}

// selfie is the picture as who asks sees it, base64 of a JPEG.
async function selfie(source, width, height) {
  const scale = Math.min(1, selfieSide / Math.max(width, height));
  const canvas = document.createElement('canvas');
  [canvas.width, canvas.height] = [Math.round(width * scale), Math.round(height * scale)];
  canvas.getContext('2d').drawImage(source, 0, 0, canvas.width, canvas.height);
  return canvas.toDataURL('image/jpeg', selfieQuality).split(',')[1];
}

// share hands over what is ticked, for the answer that comes next; what was shared before for one that never came is then gone.
async function share(path, source, width, height) {
  const consent = {};
  if (ticked('name') && !(consent.name = byId('name').value.trim())) {
    byId('name').focus();
    throw new Refused(0, { code: 'name' });
  }
  if (ticked('selfie')) consent.selfie = await selfie(source, width, height);
  if (session.kind === 'person') await tell('POST', `${path}/share`, key, consent);
}

// present answers with a picture, and what is consented to.
async function present(from, source, width, height) {
  const path = seat();
  await share(path, source, width, height);
  await answer(path, from, await frame(source, width, height));
}

// answer sends a picture to the process behind the page, and says whether the camera took it.
async function answer(path, from, picture) {
  const headers = { 'Session-Token': key, 'Content-Type': picture.type, 'Capture-Source': from };
  const response = await fetch(`${path}/answer`, { method: 'POST', headers, body: picture, cache: 'no-store', redirect: 'error' });
  if (!response.ok) throw new Refused(response.status, await response.json().catch(() => ({})));
  hear(await response.json());
  byId('state').focus();
}

async function take() {
  if (!video.videoWidth) throw new Refused(0, { code: 'camera' });
  await present('camera', video, video.videoWidth, video.videoHeight);
}

async function choose() {
  const [file] = byId('picture').files;
  if (!file) return;
  const bitmap = await createImageBitmap(file).catch(() => { throw new Refused(0, { code: 'picture_unreadable' }); });
  await present('file', bitmap, bitmap.width, bitmap.height);
  byId('picture').value = '';
}

// ask looks at who asks by a link. What one asker was let see says nothing of the next.
async function ask(link) {
  following++;
  const asked = await tell('POST', '/look', key, { invitation: link });
  [session, ours] = [null, false];
  for (const box of boxes()) box.checked = false;
  byId('name').value = '';
  hear(asked);
  if (ours) await goOn(seat());
}

// enter asks with the key that the address carried, else with the one that this browser has; the one that is taken is kept.
async function enter() {
  for (const one of keys) {
    try {
      about = await tell('GET', '/about', one);
      localStorage.setItem(store, key = one);
      return;
    } catch (err) {
      if (err.code !== 'app_key' || one === keys.at(-1)) throw err;
    }
  }
}

for (const box of boxes()) box.addEventListener('change', draw);
byId('invitation').addEventListener('submit', (event) => {
  event.preventDefault();
  attempt(() => ask(byId('link').value.trim()));
});
once(byId('open'), async () => {
  const path = seat();
  hear(await tell('POST', `${path}/open`, key, { party: session.party }));
  byId('state').focus();
  goOn(path).catch(() => {});
});
once(byId('take'), take);
byId('picture').addEventListener('change', () => attempt(choose));
once(byId('decline'), async () => {
  hear(await tell('POST', `${seat()}/decline`, key, {}));
  byId('state').focus();
});
once(byId('another'), async () => {
  following++;
  [session, ours] = [null, false];
  byId('link').value = '';
  draw();
  byId('link').focus();
});
digits(byId('code'), (code) => attempt(async () => hear(await tell('POST', `${seat()}/code`, key, { code }))));
start('app.title', draw);
setInterval(drawTime, 250);
attempt(async () => {
  if (!key) return;
  await enter();
  if (about.width) video.style.aspectRatio = `${about.width} / ${about.height}`;
  byId('guide').toggleAttribute('hidden', !about.width || about.width !== about.height); // an SVG has no property for it
  draw();
  if (invitation) await ask(invitation);
  else if (about.seat) await goOn(`/seats/${about.seat}`);
}).finally(() => { if (!about) state('stop', 'app.locked'); });
