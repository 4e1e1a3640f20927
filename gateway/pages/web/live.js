// What a page and the server tell each other: requests under a token, the session as it changes, and the time.

// Refused is an answer that is a problem (RFC 9457).
export class Refused extends Error {
  constructor(status, problem) {
    super(problem.code ?? String(status));
    this.status = status;
    this.code = problem.code ?? '';
  }
}

// clock is the server's. Whatever time the server names has passed when it is heard, so the latest of them is the nearest, and the
// clock is never ahead of the server's.
export const clock = {
  offset: null,
  now() { return Date.now() + (this.offset ?? 0); },
  heard(response) {
    const date = Date.parse(response.headers.get('Date') ?? '');
    if (!Number.isNaN(date)) this.offset = Math.max(this.offset ?? -Infinity, date - Date.now());
  },
};

// ask does one request of the API with a token; '' is none.
export async function ask(method, path, token, { body, headers = {}, signal } = {}) {
  const fields = { ...headers };
  if (token) fields['Session-Token'] = token;
  if (body !== undefined) fields['Content-Type'] = 'application/json';
  const response = await fetch(path, {
    method, headers: fields, body: body === undefined ? undefined : JSON.stringify(body), signal,
    cache: 'no-store', credentials: 'omit', redirect: 'error', referrerPolicy: 'no-referrer',
  });
  clock.heard(response);
  if (response.ok || response.status === 304) return response;
  throw new Refused(response.status, await response.json().catch(() => ({})));
}

// tell does one request and returns the document of its answer.
export async function tell(method, path, token, body) {
  return (await ask(method, path, token, { body })).json();
}

const firstWord = 5_000; // a stream that says nothing at all is held up on the way
const silence = 45_000; // the server says every 15 seconds that it is there
const longestPause = 15_000;

// follow calls hear with a session as it is and whenever it changes, until it has its outcome. It goes by a stream, and where that does
// not come through by long polls. lost is called with whether there is no connection. What is refused for good is thrown: a page
// whose token is of no use any more has nothing to follow.
export async function follow(path, token, hear, lost = () => {}) {
  let has = '', failures = 0, streams = 2;
  const heard = (name, document) => {
    has = name;
    lost(false);
    hear(document);
    return document.outcome !== 'live';
  };
  for (; ;) {
    try {
      if (await (streams > 0 ? stream : poll)(path, token, has, heard)) return;
      failures = 0;
      lost(false);
    } catch (err) {
      if (err instanceof Refused && err.status < 500 && err.status !== 429) throw err;
      streams--;
      failures++;
      lost(true);
    }
    await pause(Math.min(longestPause, 250 * 2 ** failures) * (0.5 + Math.random() / 2));
  }
}

// linger goes on by long polls after the end of a session, for a time in which more may come.
export async function linger(path, token, hear, time) {
  let has = '';
  const heard = (name, document) => {
    has = name;
    hear(document);
  };
  for (const until = Date.now() + time; Date.now() < until; await pause(1000)) {
    await poll(path, token, has, heard).catch(() => pause(5000));
  }
}

const pause = (ms) => new Promise((done) => { setTimeout(done, ms); });

// poll asks once for what is another than what the page has, and waits for it.
async function poll(path, token, has, heard) {
  const headers = { Prefer: 'wait=25' };
  if (has) headers['If-None-Match'] = `"${has}"`;
  const response = await ask('GET', path, token, { headers, signal: AbortSignal.timeout(silence) });
  if (response.status === 304) return false;
  return heard((response.headers.get('ETag') ?? '').replaceAll('"', ''), await response.json());
}

// stream reads events (HTML, Server-sent events) until the last of them. EventSource would do, could it send the token.
async function stream(path, token, has, heard) {
  const quiet = new AbortController();
  let timer = setTimeout(() => quiet.abort(), firstWord);
  const awake = () => {
    clearTimeout(timer);
    timer = setTimeout(() => quiet.abort(), silence);
  };
  try {
    const response = await ask('GET', `${path}/events`, token, { headers: has ? { 'Last-Event-ID': has } : {}, signal: quiet.signal });
    const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
    for (let text = ''; ;) {
      const { value, done } = await reader.read();
      if (done) return false;
      awake();
      const events = (text + value).split('\n\n');
      text = events.pop();
      for (const event of events.map(fields)) {
        if (event.data && heard(event.id, JSON.parse(event.data))) return true;
      }
    }
  } finally {
    clearTimeout(timer);
    quiet.abort();
  }
}

// fields are those of one event.
export function fields(event) {
  return Object.fromEntries(event.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]));
}
