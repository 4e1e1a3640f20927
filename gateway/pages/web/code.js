// What a code on a screen proves.

const bytesOf = (text) => Uint8Array.from(atob(text.replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
const textOf = (bytes) => btoa(String.fromCharCode(...bytes)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');

// screenCode is the proof of a second of Unix time in base64url: the first 16 bytes of its HMAC-SHA256, the second in eight bytes
// big-endian, under the key of a session's screen.
export async function screenCode(key, second) {
  const message = new DataView(new ArrayBuffer(8));
  message.setBigUint64(0, BigInt(second));
  const secret = await crypto.subtle.importKey('raw', bytesOf(key), { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
  const mac = await crypto.subtle.sign('HMAC', secret, message);
  return textOf(new Uint8Array(mac, 0, 16));
}
