// The page of a holder: who asked about their credential. The app opens it with what its device has signed, which is good for a
// minute and for reading alone.
import { Refused, tell } from './live.js';
import { attempt, byId, carried, once, say, saidIf, show, start, state, when, write } from './page.js';

const given = carried('me', /^([0-9a-f]{32})\.([a-z0-9_-]{1,58})\.([\w-]+\.[\w-]+\.[\w-]+)$/);
const [credential, nonce, evidence] = given ?? [];

const entries = [];
let next = '', loaded = false, over = given === null, since = '', gaps = 0;

// tone is that of what was answered: what is neither yes nor no was not answered.
const tone = { match: 'yes', no_match: 'no' };

function row(entry) {
  const item = document.createElement('li');
  const [what, verdict, time] = ['p', 'p', 'time'].map((name) => document.createElement(name));
  what.textContent = [entry.party, entry.service, entry.purpose && saidIf(`purpose.${entry.purpose}`, entry.purpose)].filter(Boolean).join(' · ');
  verdict.className = 'verdict';
  verdict.dataset.tone = tone[entry.outcome] ?? 'stop';
  verdict.textContent = saidIf(`me.${entry.outcome}`, say('me.unanswered'));
  time.dateTime = entry.time;
  time.textContent = when(entry.time);
  item.append(what, verdict, time);
  return item;
}

function draw() {
  if (over && !loaded) state('stop', 'me.over');
  else if (!loaded) state('wait', 'loading');
  else state('wait', entries.length ? 'me.list' : 'me.none', { count: entries.length });
  byId('entries').replaceChildren(...entries.map(row));
  write(byId('since'), loaded && since ? say(gaps ? 'me.since.gaps' : 'me.since', { time: when(since) }) : '');
  show(byId('older'), Boolean(next) && !over);
  write(byId('ended'), over && loaded && next ? say('me.again') : '');
}

// load reads the newest questions, or those behind the last that are shown.
async function load() {
  const body = { credential, nonce, evidence };
  if (next) body.cursor = next;
  try {
    const page = await tell('POST', '/v1/holder/history', '', body);
    entries.push(...page.entries);
    [next, since, gaps, loaded] = [page.next ?? '', page.since, page.gaps.length, true];
  } catch (err) {
    if (!(err instanceof Refused) || err.status >= 500) throw err;
    over = true;
  }
  draw();
}

once(byId('older'), load);
start('me.title', draw);
if (given) attempt(load);
