import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { UserError } from '../../lib/user-error.ts';
import { TUNABLES } from './config.ts';
import { describeSettings, gatherSettings, settingsHelp, variableOf } from './settings.ts';

let directory = '';
beforeAll(() => {
  directory = fs.mkdtempSync(path.join(os.tmpdir(), 'gong-settings-'));
});
afterAll(() => fs.rmSync(directory, { recursive: true }));

function file(text: string): string {
  const name = path.join(directory, 'node.json');
  fs.writeFileSync(name, text);
  return name;
}

/** What a user is told. */
function refusalOf(sources: Partial<Parameters<typeof gatherSettings>[0]>): string {
  try {
    gatherSettings({ environment: {}, flags: [], ...sources });
  } catch (error) {
    if (error instanceof UserError) return `${error.kind}: ${error.message}; ${error.why}`;
    throw error;
  }
  return 'accepted';
}

test('--set wins over the environment, that over the file, that over the default', () => {
  const name = file(`{
    // slower than the network
    "raft.heartbeatInterval": "60ms",
    "raft.maxEntriesPerAppend": 32,
    "raft.fsync": "interval",
    "raft.readMode": "stale"
  }`);
  const settings = gatherSettings({
    file: name,
    environment: { GONG_RAFT_FSYNC: 'never', GONG_RAFT_READ_MODE: 'stale', PATH: '/bin' },
    flags: [['raft.readMode', 'linearizable']],
  });
  expect(settings.tunables).toMatchObject({
    heartbeatIntervalNs: 60_000_000,
    maxEntriesPerAppend: 32,
    fsync: 'never',
    readMode: 'linearizable',
    maxInflightAppends: 16,
  });
  expect(describeSettings(settings)).toMatchObject({
    'raft.heartbeatInterval': { value: '60ms', source: `file ${name}, line 3`, default: '100ms' },
    'raft.fsync': { value: 'never', source: 'environment GONG_RAFT_FSYNC', default: 'always' },
    'raft.readMode': { value: 'linearizable', source: '--set' },
    'raft.maxInflightAppends': { value: '16', source: 'default' },
  });
});

test('every setting has a variable of its own, is described and is in the help', () => {
  expect(variableOf('raft.heartbeatInterval')).toBe('GONG_RAFT_HEARTBEAT_INTERVAL');
  const variables = TUNABLES.map(({ name }) => variableOf(name));
  expect(new Set(variables).size).toBe(TUNABLES.length);
  const environment = Object.fromEntries(
    TUNABLES.map(({ fallback }, i) => [variables[i] ?? '', fallback]),
  );
  const described = describeSettings(gatherSettings({ environment, flags: [] }));
  expect(Object.keys(described)).toEqual(TUNABLES.map(({ name }) => name));
  for (const [i, { name }] of TUNABLES.entries()) {
    expect(described[name]).toMatchObject({ source: `environment ${variables[i]}` });
    expect(settingsHelp()).toContain(name);
  }
});

test('a wrong value names its source and what it should be', () => {
  const name = file('{\n "raft.maxInflightAppends": "many"}');
  expect(refusalOf({ file: name })).toMatch(
    /usage: raft.maxInflightAppends=many .*node.json, line 2.*whole number from 1 to 4096/,
  );
  expect(refusalOf({ environment: { GONG_RAFT_FSYNC: 'maybe' } })).toMatch(
    /raft.fsync=maybe .*environment GONG_RAFT_FSYNC.*always, interval, never/,
  );
  expect(refusalOf({ flags: [['raft.nonsense', '1']] })).toMatch(
    /raft.nonsense is not known \(--set\)/,
  );
});

test('what a later source replaces must be valid as well', () => {
  const name = file('{"raft.fsync": "maybe"}');
  expect(refusalOf({ file: name, flags: [['raft.fsync', 'always']] })).toMatch(/node.json, line 1/);
});

test('a variable with the prefix of settings that names none is a typing error', () => {
  expect(refusalOf({ environment: { GONG_RAFT_HEARTBEAT: '1s' } })).toMatch(
    /GONG_RAFT_HEARTBEAT, which is no setting; .*GONG_RAFT_HEARTBEAT_INTERVAL/,
  );
});

test.each([
  ['{', /is not JSON/],
  ['[]', /holds no object/],
  ['{"raft.fsync": "never", "raft.fsync": "always"}', /says raft.fsync twice/],
  ['{"raft.fsync": null}', /raft.fsync a value of no known kind \(line 1\)/],
  ['{"raft.fsync": {"mode": "never"}}', /no known kind/],
  ['{"raft.electionTimeout": "100..150ms"}', /too short for the heartbeat/],
  ['{"raft.maxBodyBytes": "1KiB"}', /fits into a body/],
  ['{"raft.batchDelay": "1s"}', /as long as raft.requestTimeout/],
])('the settings file %s is refused', (text, why) => {
  expect(refusalOf({ file: file(text) })).toMatch(why);
});

test('a settings file that is not there is named', () => {
  expect(refusalOf({ file: path.join(directory, 'absent.json') })).toMatch(
    /absent.json cannot be read; .*ENOENT/,
  );
});
