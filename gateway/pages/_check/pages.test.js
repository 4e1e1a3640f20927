// The pages in the browsers of those who use them. Run by `make pages`, which starts the server and the phones.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { begin, browser, call, Person, Phone, seeing, world } from './world.js';

const holder = 3, stranger = 4, third = 5;
const handOver = `${new URL(world.app).origin}/#`; // where the server was told that an app is
const counterDocument = { kind: 'counter', service: 'registration', purpose: 'register' };

let chromium;
before(async () => { chromium = await browser(); });
after(() => chromium.close());

// counter has a clerk before the page of a session that was just begun.
async function counter(options) {
  const begun = await begin('counter', counterDocument);
  const clerk = await Person.arrive(chromium, options);
  await clerk.visit('counter', `${begun.session}.${begun.asker_token}.${begun.qr_key}`);
  return { begun, clerk };
}

// scanned has a phone open what the clerk's screen shows. A code is good for five seconds, in which a busy machine may not get
// so far; then the next one is scanned, as a person would.
async function scanned(clerk, person) {
  await clerk.sees(/请对方扫码|Have the code scanned/);
  await clerk.page.waitForFunction(() => document.querySelector('#qr path').hasAttribute('d'));
  const phone = new Phone(person);
  for (let left = 3; ; left--) {
    const text = await clerk.scan();
    assert.ok(text?.startsWith(`${world.url}/s#`), text);
    const opened = await phone.open(text.slice(text.indexOf('#') + 1), 'counter');
    if (opened.status === 200) return { phone, text, code: opened.code };
    assert.ok(left > 0, JSON.stringify(opened));
  }
}

test('counter: scanned, the digits read out, confirmed on both sides', async () => {
  const { clerk } = await counter();
  await clerk.page.locator('#about', { hasText: '不动产登记 · 登记' }).waitFor({ timeout: 10_000 });
  await clerk.audit('counter, waiting');
  await clerk.picture('counter');
  await clerk.page.reload(); // which goes on
  const { phone, text, code } = await scanned(clerk, holder);
  const citizen = await Person.arrive(chromium);
  await citizen.visit('s', text.slice(text.indexOf('#') + 1));
  await citizen.sees('请用持证人 App 扫码');
  await citizen.audit('a code that was scanned by a camera');
  await citizen.visit('s', phone.fragment);
  await citizen.sees('已打开');
  assert.equal(await citizen.page.locator('#digits').textContent(), code);
  await citizen.audit('the phone, digits');
  await citizen.picture('digits');
  await clerk.sees('请输入对方手机上的数字');
  await clerk.audit('counter, digits');
  await clerk.press('digits-in', 'x');
  await clerk.page.keyboard.press('Enter');
  assert.match(await clerk.page.locator('#code-problem').textContent(), /两位数字/);
  await clerk.page.keyboard.press('Backspace');
  await clerk.page.keyboard.type(code);
  await clerk.page.keyboard.press('Enter');
  await clerk.sees('号码对上了');
  await phone.answer(holder);
  await Promise.all([clerk.sees('通过：是本人'), citizen.sees('完成：已确认是本人')]);
  await clerk.audit('counter, confirmed');
  await clerk.picture('confirmed');
  await citizen.audit('the phone, confirmed');
  await Promise.all([clerk.leave(), citizen.leave()]);
});

test('counter: somebody else before the phone is not confirmed, by long polls where streams do not come through', async () => {
  const { clerk } = await counter();
  await clerk.page.route('**/events', (route) => route.abort());
  await clerk.page.reload();
  const { phone, code } = await scanned(clerk, holder);
  await clerk.sees('请输入对方手机上的数字');
  await clerk.page.fill('#digits-in', code);
  await clerk.page.click('#code button');
  for (let tries = 0; tries < 3 && (await phone.answer(stranger)).outcome === 'live'; tries++);
  await clerk.sees('未通过：没有确认是本人');
  await clerk.audit('counter, not confirmed');
  await clerk.leave();
});

test('counter: wrong digits end it, in English', async () => {
  const { clerk } = await counter({ locale: 'en-GB' });
  await clerk.page.locator('#about', { hasText: 'Registration of real estate · register' }).waitFor({ timeout: 10_000 });
  const { code } = await scanned(clerk, holder);
  await clerk.sees('Type the digits of the phone');
  await clerk.page.fill('#digits-in', code === '00' ? '01' : '00');
  await clerk.page.keyboard.press('Enter');
  await clerk.sees('Wrong digits');
  await clerk.leave();
});

test('counter: a clerk cancels by the keyboard', async () => {
  const { clerk } = await counter();
  await clerk.sees('请对方扫码');
  await clerk.press('cancel', 'Enter');
  await clerk.sees('已取消');
  await clerk.leave();
});

test('payment: who is asked sees what for, and declines by the keyboard', async () => {
  const begun = await begin('school', {
    kind: 'payment', service: 'fee', purpose: 'pay', payee: '第一小学', amount: 128050, currency: 'CNY', reference: '2026 秋 三年级二班',
  });
  const payer = await Person.arrive(chromium);
  await payer.visit('s', begun.links[0]);
  await payer.sees('请先看清楚');
  const asked = await payer.page.locator('#asked').innerText();
  for (const text of ['第一小学', '学费', '付款', '1,280.50', '三年级二班']) assert.ok(asked.includes(text), `${text} is not in ${asked}`);
  assert.equal(await payer.page.locator('#app').getAttribute('href'), `${handOver}${begun.links[0]}`);
  await payer.audit('payment');
  await payer.picture('payment');
  await payer.press('refuse-title', 'Enter');
  await payer.press('decline', 'Enter');
  await payer.sees('已拒绝');
  await payer.audit('payment, declined');
  await payer.leave();
});

test('group: each approver sees who asks and until when, and nobody how another answered', async () => {
  const credentials = [holder, stranger, third].map((person) => world.credentials[person]);
  const begun = await begin('counter', { ...counterDocument, kind: 'group', credentials, quorum: 2, expires_in_s: 7200 });
  const [first, second] = await Promise.all([Person.arrive(chromium), Person.arrive(chromium, { locale: 'en-GB' })]);
  await first.visit('s', begun.links[0]);
  await second.visit('s', begun.links[1]);
  await first.sees('请先看清楚');
  await first.audit('group');
  await first.picture('approver');
  const [holders, strangers] = [new Phone(holder), new Phone(stranger)];
  await holders.open(begun.links[0], 'counter');
  await first.sees('已在手机上打开'); // the link is of no use any more
  await first.audit('group, opened elsewhere');
  await first.visit('s', holders.fragment);
  await first.sees('已打开');
  await holders.answer(holder);
  await first.sees('你的回答：是本人');
  await second.sees('Read this first');
  await strangers.open(begun.links[1], 'counter');
  await second.visit('s', strangers.fragment);
  await strangers.answer(stranger);
  await second.sees('Done: it is you');
  await first.sees('完成：已确认是本人');
  await Promise.all([first.leave(), second.leave()]);
});

// served skips a test where the server does not have a route.
async function served(t, path) {
  if ((await call('POST', path, { body: {} })).status !== 404) return true;
  t.skip(`this server has no ${path}`);
  return false;
}

// asked has a person before their page, who asks another one, and that one before the page of the link.
async function asked() {
  const begun = await new Phone(holder).ask();
  assert.equal(begun.status, 201, JSON.stringify(begun));
  const [a, b] = await Promise.all([Person.arrive(chromium), Person.arrive(chromium)]);
  await a.visit('person', `${begun.session}.${begun.asker_token}.${begun.links[0].split('.')[2]}`);
  await a.sees('等待对方打开');
  const link = await a.page.locator('#link').textContent();
  await b.visit('s', link.slice(link.indexOf('#') + 1));
  await b.sees('请先看清楚');
  return { a, b, link, fragment: begun.links[0] };
}

test('真你: the digits read out and typed in, confirmed, shown once what was agreed to, asked back', async (t) => {
  if (!await served(t, '/v1/person-sessions')) return;
  const { a, b, link, fragment } = await asked();
  await a.page.click('#send summary');
  assert.equal(await a.scan(), link);
  await a.audit('person, waiting');
  await a.page.click('#send summary');
  await a.picture('person');
  const said = await b.page.locator('#asked').innerText();
  assert.ok(said.includes('*') && !said.includes(world.name), said);
  for (const name of ['name', 'selfie']) assert.equal(await b.page.locator(`[name=${name}]`).count(), 0);
  assert.equal(await b.page.locator('#app').getAttribute('href'), `${handOver}${fragment}`);
  await b.audit('asked by a person');
  await b.picture('asked');
  const phone = new Phone(stranger);
  const opened = await phone.open(fragment, 'person');
  assert.equal(opened.status, 200, JSON.stringify(opened));
  await b.sees('已在手机上打开');
  await b.visit('s', phone.fragment);
  await a.sees('请读出数字');
  await a.audit('person, digits');
  await b.press('digits-in', '5');
  await b.audit('asked by a person, digits');
  await b.page.fill('#digits-in', await a.page.locator('#digits').textContent());
  await b.press('digits-in', 'Enter');
  await a.sees('号码对上了');
  const done = await phone.answer(stranger, { share: ['name', 'selfie'], name: world.name, selfie: world.selfie });
  assert.equal(done.outcome, 'completed', JSON.stringify(done));
  await Promise.all([a.sees('确认：是真的 TA'), b.sees('完成：已确认是本人')]);
  await a.press('show', 'Enter');
  await a.page.waitForFunction(() => document.querySelector('#selfie').naturalWidth === 120);
  assert.ok((await a.page.locator('#shared-name').textContent()).includes('*'));
  await a.audit('person, shown once');
  await a.picture('shown');
  await b.press('ask-back', 'Enter');
  await b.page.locator('#back').waitFor();
  await a.page.locator('#back-app').waitFor();
  await b.page.click('#refuse-title');
  await b.page.check('[name=block]');
  await b.audit('asked by a person, complaining');
  await b.press('decline', 'Enter');
  await b.page.locator('#refuse').waitFor({ state: 'hidden' });
  await a.page.reload();
  await a.sees('确认：是真的 TA');
  await a.page.locator('#was').waitFor(); // and no other time
  await Promise.all([a.leave(), b.leave()]);
});

test('真你: who is asked declines without an app', async (t) => {
  if (!await served(t, '/v1/person-sessions')) return;
  const { a, b } = await asked();
  await b.press('refuse-title', 'Enter');
  await b.press('decline', 'Enter');
  await Promise.all([a.sees('对方拒绝了'), b.sees('已拒绝')]);
  await a.audit('person, refused');
  await Promise.all([a.leave(), b.leave()]);
});

test('history: a holder sees who asked, for as long as what the app has signed is good', async (t) => {
  if (!await served(t, '/v1/holder/history')) return;
  const begun = await begin('counter', counterDocument), phone = new Phone(holder);
  await phone.open(begun.links[0], 'counter');
  await phone.answer(holder);
  const person = await Person.arrive(chromium);
  await person.visit('me', await phone.history());
  await person.page.locator('#entries li').first().waitFor();
  assert.ok((await person.page.locator('#entries').innerText()).includes('counter'));
  await person.audit('history');
  await person.picture('history');
  await person.visit('me', await new Phone(stranger).history().then((one) => one.replace(/^[0-9a-f]{32}/, world.credentials[holder])));
  await person.sees('请从持证人 App 重新打开'); // another's
  await person.leave();
});

test('a link that is none says so, without asking the server', async () => {
  const person = await Person.arrive(chromium);
  for (const page of ['counter', 's', 'person', 'me']) {
    await person.visit(page, 'x');
    await person.sees(page === 'me' ? '请从持证人 App 重新打开' : '这里没有可以继续的请求');
    await person.audit(`${page} of nothing`);
  }
  await person.leave();
});

test('holder app: the page hands over, and what the camera sees is the answer', async () => {
  const seer = await seeing();
  try {
    const { begun, clerk } = await counter();
    const holder = await Person.arrive(seer);
    await holder.page.goto(world.app);
    await holder.sees('没有正在进行的请求');
    await holder.audit('app, nobody asks');
    await holder.page.goto(`${handOver}${'A'.repeat(26)}`); // a key that somebody made up takes the place of none
    await holder.page.waitForFunction(() => location.hash === '');
    await holder.sees('没有正在进行的请求');
    await holder.visit('s', begun.links[0]);
    await holder.sees('请先看清楚');
    await holder.page.click('#app');
    await holder.page.waitForSelector('#open:not([hidden])');
    assert.equal(new URL(holder.page.url()).hash, '');
    await holder.audit('app, asked');
    await holder.page.click('#open');
    await holder.sees('请拍照');
    await clerk.page.fill('#digits-in', await holder.page.locator('#digits').innerText());
    await clerk.page.click('#code button');
    await holder.page.waitForFunction(() => document.getElementById('video').videoWidth > 0);
    await holder.audit('app, camera');
    await holder.picture('app');
    await holder.page.click('#take');
    await holder.sees('完成：已确认是本人');
    assert.equal(await holder.page.evaluate(() => document.getElementById('video').srcObject), null, 'the camera is still on');
    await clerk.sees('通过：是本人');
    await holder.audit('app, answered');
    await holder.leave();
    await clerk.leave();
  } finally {
    await seer.close();
  }
});

test('holder app: a person is shown what was agreed to, with the picture that was taken', async (t) => {
  if (!await served(t, '/v1/person-sessions')) return;
  const seer = await seeing();
  try {
    const begun = await new Phone(holder).ask();
    const a = await Person.arrive(chromium);
    await a.visit('person', `${begun.session}.${begun.asker_token}.${begun.links[0].split('.')[2]}`);
    const b = await Person.arrive(seer);
    await b.page.goto(world.app);
    await b.visit('s', begun.links[0]);
    await b.sees('请先看清楚');
    await b.page.click('#app');
    await b.page.click('#open');
    await b.sees('请输入两位数字');
    await a.sees('请读出数字');
    await b.page.fill('#digits-in', await a.page.locator('#digits').textContent());
    await b.press('digits-in', 'Enter');
    await b.page.waitForFunction(() => document.getElementById('video').videoWidth > 0);
    for (const name of ['name', 'selfie']) {
      assert.ok(!await b.page.isChecked(`[name=${name}]`), 'nothing is consented to unasked');
      await b.page.check(`[name=${name}]`);
    }
    await b.page.click('#take');
    await b.page.locator('#trouble', { hasText: '请写上姓名' }).waitFor();
    await b.page.fill('#name', world.name);
    await b.audit('app, consent');
    await b.page.click('#take');
    await Promise.all([a.sees('确认：是真的 TA'), b.sees('完成：已确认是本人')]);
    await a.press('show', 'Enter');
    await a.page.waitForFunction(() => document.querySelector('#selfie').naturalWidth === 480);
    assert.ok((await a.page.locator('#shared-name').textContent()).includes('*'));
    await b.leave();
    await a.leave();
  } finally {
    await seer.close();
  }
});
