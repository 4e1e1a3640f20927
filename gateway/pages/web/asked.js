// What every page of whoever is asked shows of a session: who asks and what for, and how it stands.
import { byId, inLanguage, money, say, saidIf, show, when } from './page.js';

// Ends and states, each with its tone. A person is told of their own credential what who asks is not.
const tones = { completed: 'no', refused: 'stop', timeout: 'stop', wrong_code: 'no', credential_unusable: 'no', cancelled: 'stop', quorum_failed: 'no' };
const settled = { confirmed: 'yes', not_confirmed: 'no', declined: 'stop', credential_unusable: 'no' };

// standing is the tone and the text of a session for the person in a seat.
export function standing(session) {
  if (session.outcome === 'completed' && session.confirmed) return ['yes', 'seat.completed'];
  if (session.outcome !== 'live') return [tones[session.outcome] ?? 'stop', session.outcome === 'completed' ? 'seat.not_confirmed' : `seat.end.${session.outcome}`];
  if (settled[session.state]) return [settled[session.state], `seat.${session.state}`];
  return ['wait', session.state === 'opened' ? 'seat.opened' : 'seat.waiting'];
}

// rows are what a session says of itself, a key of a text and what stands beside it.
function rows(s) {
  const asker = s.party_name || s.party;
  const list = s.kind === 'person' ? [['seat.who', s.asker || say('seat.verified')]] : [['seat.who', asker]];
  list.push(['seat.service', inLanguage(s.service_zh, s.service_en) || s.service], ['seat.purpose', saidIf(`purpose.${s.purpose}`, s.purpose)]);
  if (s.payment) {
    list.push(['seat.payee', s.payment.payee], ['seat.amount', money(s.payment.amount, s.payment.currency)], ['seat.reference', s.payment.reference]);
  }
  if (s.due) list.push(['seat.due', when(s.due)]);
  list.push(['seat.shares', say(s.kind === 'person' ? 'seat.shares.person' : 'seat.shares.yes_no')]);
  return list;
}

// drawAsked writes who asks and what for; null is no session.
export function drawAsked(session) {
  const list = byId('asked');
  show(list, Boolean(session));
  if (!session) return;
  list.replaceChildren(...rows(session).flatMap(([key, value]) => {
    const [name, text] = [document.createElement('dt'), document.createElement('dd')];
    name.textContent = say(key);
    text.textContent = value;
    return [name, text];
  }));
}
