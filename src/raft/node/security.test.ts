import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { UserError } from '../../lib/user-error.ts';
import { isLoopback, readSecurity, type SecurityFlags } from './security.ts';
import { certificateFile } from './testing/identities.ts';

let directory = '';
beforeAll(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'gong-security-'));
});
afterAll(() => fs.rmSync(directory, { recursive: true }));

function tokenFile(text: string): string {
  const file = path.join(directory, 'token');
  fs.writeFileSync(file, text);
  return file;
}

function refusalOf(flags: Partial<SecurityFlags>): string {
  try {
    readSecurity({ host: '127.0.0.1', insecure: false, ...flags });
  } catch (error) {
    if (error instanceof UserError) return `${error.message}; ${error.why}`;
    throw error;
  }
  return 'accepted';
}

test.each([
  ['127.0.0.1', true],
  ['127.8.9.1', true],
  ['::1', true],
  ['0:0:0:0:0:0:0:1', true],
  ['::ffff:127.0.0.1', true],
  ['localhost', true],
  ['0.0.0.0', false],
  ['::', false],
  ['10.0.0.1', false],
  ['128.0.0.1', false],
  ['::2', false],
  ['fe80::1', false],
  ['::ffff:10.0.0.1', false],
  ['localhost.example.com', false],
])('%s is of this machine only: %s', (host, is) => {
  expect(isLoopback(host)).toBe(is);
});

test('beyond this machine a node wants a token, certificates, or to be told that it may be open', () => {
  expect(refusalOf({ host: '0.0.0.0' })).toMatch(/needs --token-file.*could read, write and vote/);
  expect(refusalOf({ host: '0.0.0.0', insecure: true })).toBe('accepted');
  const file = tokenFile('0123456789abcdef\n');
  expect(refusalOf({ host: '0.0.0.0', tokenFile: file })).toBe('accepted');
  const tls = {
    tlsCert: certificateFile('n1.pem'),
    tlsKey: certificateFile('n1.key'),
    tlsCa: certificateFile('ca.pem'),
  };
  expect(refusalOf({ host: '0.0.0.0', ...tls })).toBe('accepted');
});

test.each([
  [' ', /holds no token/],
  ['two words of a token', /holds no token/],
  ['ümläute-sind-kein-ascii', /holds no token/],
  ['0123456789abcde', /short token.*at least 16/],
])('the token file %o is refused, and what it holds is not told', (text, why) => {
  const refusal = refusalOf({ tokenFile: tokenFile(text) });
  expect(refusal).toMatch(why);
  expect(refusal.split(' ')).not.toContain(text);
});

test('certificates that do not belong together are refused', () => {
  const files = { tlsCert: certificateFile('n1.pem'), tlsCa: certificateFile('ca.pem') };
  expect(refusalOf({ ...files, tlsKey: certificateFile('n2.key') })).toMatch(
    /do not make an identity; .*mismatch/,
  );
  expect(refusalOf({ ...files, tlsKey: certificateFile('absent.key') })).toMatch(/cannot be read/);
});
