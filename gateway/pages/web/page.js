// What all pages share: the language, what is written where, and what the address carried.
import { texts } from './text.js';

const languages = Object.keys(texts);

// language is the one that was chosen in this browser, else the first of the browser's that there is, else Chinese.
let language = [read(localStorage, 'language'), ...(navigator.languages ?? [])]
  .map((tag) => (tag ?? '').slice(0, 2).toLowerCase()).find((tag) => languages.includes(tag)) ?? 'zh';

// read and keep are of a store that a browser may forbid.
function read(store, key) {
  try { return store.getItem(`zhenni.${key}`); } catch { return null; }
}

function keep(store, key, value) {
  try { store.setItem(`zhenni.${key}`, value); } catch { /* the page works without */ }
}

export const byId = (id) => document.getElementById(id);

// say returns a text in the language of the page, with {name} replaced.
export function say(key, values = {}) {
  return (texts[language][key] ?? key).replace(/\{(\w+)\}/g, (_, name) => values[name] ?? '');
}

// saidIf returns the text of a key that not every value of an API has, else what stands for it.
export const saidIf = (key, otherwise) => texts[language][key] ?? otherwise;

// write shows a text in an element, and leaves one alone that has it: what is read out is what changed.
export function write(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

// show hides an element or not.
export function show(element, visible) {
  if (element.hidden === visible) element.hidden = !visible;
}

// inLanguage picks of two names the one for the page.
export const inLanguage = (zh, en) => (language === 'zh' ? zh : en) || zh || en || '';

export const number = (options) => new Intl.NumberFormat(language === 'zh' ? 'zh-CN' : 'en', options);

// when writes a time of the API as this machine's clock has it.
export function when(written) {
  const options = { month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit' };
  return new Intl.DateTimeFormat(language === 'zh' ? 'zh-CN' : 'en', options).format(new Date(written));
}

// money writes an amount in the smallest unit of its currency.
export function money(amount, currency) {
  const format = number({ style: 'currency', currency });
  return format.format(amount / 10 ** format.resolvedOptions().maximumFractionDigits);
}

// left writes how long it is until a time, as minutes and seconds; an hour and more is that time itself.
export function left(until, now) {
  const seconds = Math.max(0, Math.ceil((Date.parse(until) - now) / 1000));
  if (seconds >= 3600) return say('until', { time: when(until) });
  return say('left', { time: `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}` });
}

// start has a page speak its language: what stands fast at once, what draw shows now and whenever the language is changed.
export function start(title, draw) {
  const button = byId('language');
  const translate = () => {
    document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
    document.title = `${say(title)} · ${say('brand')}`;
    for (const element of document.querySelectorAll('[data-t]')) write(element, say(element.dataset.t));
    for (const element of document.querySelectorAll('[data-label]')) element.setAttribute('aria-label', say(element.dataset.label));
    const other = languages.find((tag) => tag !== language);
    button.lang = other;
    write(button, texts[other].language);
    draw();
  };
  button.addEventListener('click', () => {
    language = languages.find((tag) => tag !== language);
    keep(localStorage, 'language', language);
    translate();
  });
  translate();
  document.documentElement.dataset.ready = '';
}

// carried takes what stands behind the "#" of the address out of it, and keeps it for this tab. It returns its parts, or null where
// there is none of the pattern.
export function carried(page, pattern) {
  const written = location.hash.slice(1);
  if (written) {
    history.replaceState(null, '', location.pathname);
    keep(sessionStorage, page, written);
  }
  addEventListener('hashchange', () => location.reload()); // another link, opened in this tab
  return pattern.exec(written || (read(sessionStorage, page) ?? ''))?.slice(1) ?? null;
}

// icons are drawn beside the words of a state: neither colour nor shape says anything alone.
const icons = {
  wait: 'M12 6v6l4 2', yes: 'M7 12.5l3.5 3.5L17 8.5', no: 'M8 8l8 8M16 8l-8 8', stop: 'M7 12h10',
};

// state shows how a session stands: a tone of wait, yes, no and stop, a text for it and one that explains.
export function state(tone, key, values) {
  const panel = byId('state');
  panel.dataset.tone = tone;
  byId('state-icon').setAttribute('d', icons[tone]);
  write(byId('state-word'), say(key, values));
  write(byId('state-more'), say(`${key}.more`, values));
}

// digits has a form take two digits and hand them over; it says what is wrong with anything else.
export function digits(form, send) {
  const [input, problem] = [form.querySelector('input'), form.querySelector('.problem')];
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const code = input.value.trim();
    const fits = /^\d\d$/.test(code);
    input.setAttribute('aria-invalid', String(!fits));
    write(problem, fits ? '' : say('code.wrongform'));
    if (!fits) {
      input.focus();
      return;
    }
    input.value = '';
    await send(code);
  });
}

// once has a button do something that can not be done twice, and says where it failed.
export function once(button, act) {
  button.addEventListener('click', async () => {
    if (button.getAttribute('aria-disabled') === 'true') return;
    button.setAttribute('aria-disabled', 'true'); // which keeps the focus, as disabled would not
    await attempt(act);
    button.removeAttribute('aria-disabled');
  });
}

// attempt does something and says on the page where it failed.
export async function attempt(act) {
  const trouble = byId('trouble');
  write(trouble, '');
  try {
    await act();
  } catch (err) {
    write(trouble, saidIf(`refused.${err.code}`, say('refused')));
  }
}
