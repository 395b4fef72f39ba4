import fs from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { badName, banned, breach, type ImportOf, wallOf, WALLS } from './tidy/walls.ts';

const ROOT = path.resolve(import.meta.dirname, '..');
const TOP_LEVEL = ['src', 'checker', 'workloads', 'nemesis', 'results'];
const TOP_FILES = [
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  'README.md',
  'CHANGELOG.md',
  'LICENSE',
];
const SELF = ['src/tidy.test.ts', 'src/tidy/walls.ts'];

const files = TOP_LEVEL.flatMap((top) =>
  fs.existsSync(path.join(ROOT, top)) && top !== 'results'
    ? fs.readdirSync(path.join(ROOT, top), { recursive: true, withFileTypes: true })
    : [],
)
  .filter((entry) => entry.isFile() && /\.(ts|mjs)$/.test(entry.name))
  .map((entry) => path.relative(ROOT, path.join(entry.parentPath, entry.name)));
const text = new Map(files.map((file) => [file, fs.readFileSync(path.join(ROOT, file), 'utf8')]));
const edges = files.flatMap((file) => importsOf(file, text.get(file) ?? ''));

/** Static and dynamic imports, re-exports, and files named by `new URL('./x.ts', import.meta.url)`. */
function importsOf(from: string, source: string): ImportOf[] {
  const found: ImportOf[] = [];
  const statements =
    /(?:import|export)\s+(type\s)?[^'";]*?from\s*'([^']+)'|import\s*\(\s*'([^']+)'|import\s+'([^']+)'|new URL\('([^']+\.(?:ts|mjs))', import\.meta\.url/g;
  for (const match of source.matchAll(statements)) {
    const specifier = match[2] ?? match[3] ?? match[4] ?? match[5];
    if (specifier === undefined) continue;
    const isRelative = specifier.startsWith('.');
    const to = isRelative ? path.join(path.dirname(from), specifier) : specifier;
    found.push({ from, to, isType: match[1] !== undefined, isStarted: match[5] !== undefined });
  }
  return found;
}

test('every import stays within the walls of the house', () => {
  const breaches = edges
    .filter(({ from }) => !SELF.includes(from))
    .map(breach)
    .filter((found) => found !== undefined);
  expect(breaches).toEqual([]);
  expect(edges.length).toBeGreaterThan(100);
});

test('planted defects are out of reach but for the search, the command line and tests', () => {
  const inReach = WALLS.map(({ room }) => room).filter(
    (room) =>
      breach({ from: `${room}/x.ts`, to: 'src/raft/defects/index.ts', isType: false }) ===
      undefined,
  );
  expect(inReach.toSorted()).toEqual(['src/acceptance', 'src/cli', 'src/hunt', 'src/raft/defects']);
  // Whatever the node that users run imports, and what that imports in turn.
  const reached = new Set(['src/raft/node/main.ts']);
  for (const file of reached) {
    for (const { from, to } of edges) if (from === file) reached.add(to);
  }
  expect(reached).toContain('src/raft/core/rules.ts');
  expect([...reached].filter((file) => file.startsWith('src/raft/defects'))).toEqual([]);
});

test('cores read no clock, start no timer, draw no randomness; nobody silences the compiler', () => {
  const found = files
    .filter((file) => !SELF.includes(file))
    .flatMap((file) => banned(file, text.get(file) ?? ''));
  expect(found).toEqual([]);
});

test('names say what a file holds', () => {
  expect(files.map(badName).filter((found) => found !== undefined)).toEqual([]);
});

test('no file is dead: each is imported, started by name, or a test', () => {
  const named = new Set(edges.map(({ to }) => to));
  const manifest = fs.readFileSync(path.join(ROOT, 'package.json'), 'utf8');
  const dead = files.filter(
    (file) =>
      !named.has(file) &&
      !file.endsWith('.test.ts') &&
      !file.includes('/testdata/') &&
      !manifest.includes(file),
  );
  expect(dead).toEqual([]);
});

test('the top level holds what DESIGN fixes and nothing else', () => {
  const present = fs
    .readdirSync(ROOT)
    .filter((name) => !name.startsWith('.') && !['node_modules', 'dist'].includes(name));
  expect(present.filter((name) => ![...TOP_LEVEL, ...TOP_FILES].includes(name))).toEqual([]);
});

test('every room of the table that exists has files, and every file a room', () => {
  for (const file of files.filter((name) => !SELF.includes(name))) {
    expect(wallOf(file), file).toBeDefined();
  }
});

// The test of the test: an import that breaks a wall is found.
test.each<[string, string, RegExp]>([
  ['checker/index.ts', 'src/lib/assert.ts', /imports src\/lib/],
  ['src/raft/core/core.ts', 'node:fs', /is a core/],
  ['src/raft/core/core.ts', 'undici', /is a core/],
  ['src/raft/core/core.ts', 'src/raft/driver/wal.ts', /imports src\/raft\/driver/],
  ['src/raft/node/main.ts', 'src/raft/defects/index.ts', /imports src\/raft\/defects/],
  ['src/raft/defects/index.ts', 'src/raft/node/files.ts', /imports src\/raft\/node/],
  ['src/raft/defects/index.ts', 'node:fs', /is a core/],
  ['src/harness/interpreter/interpreter.ts', 'node:fs', /is a core/],
  ['src/harness/run.ts', 'src/clusters/local/launch.ts', /imports src\/clusters/],
  ['src/harness/run.ts', 'src/cli/main.ts', /command line/],
  ['src/judge/judge.ts', 'checker/engines/wgl.ts', /round the door/],
  ['src/statistics/x.ts', 'undici', /is a core/],
  ['nemesis/kill.ts', 'src/clusters/local/launch.ts', /imports src\/clusters/],
  ['src/targets/raft/client.ts', 'src/raft/core/core.ts', /imports src\/raft\/core/],
  ['src/lib/prng.ts', 'src/lib/testing/x.ts', /belongs to tests/],
  ['src/attic/x.ts', 'src/lib/assert.ts', /no room/],
  ['src/contracts/client.ts', 'checker/index.ts', /more than types/],
])('a breach is found: %s imports %s', (from, to, message) => {
  expect(breach({ from, to, isType: false })).toMatch(message);
});

test.each<[string, string]>([
  ['src/raft/core/x.ts', 'const t = Date.now();'],
  ['src/raft/driver/x.ts', 'setTimeout(f, 1);'],
  ['workloads/x.ts', 'Math.random()'],
  ['src/cli/x.ts', ['// @ts', 'ignore'].join('-')],
  ['src/cli/x.ts', ['// TO', 'DO later'].join('')],
])('a ban is found: %s with %s', (file, source) => {
  expect(banned(file, source)).toHaveLength(1);
});

test('what is allowed passes: shells may use node, cores may use their neighbours', () => {
  expect(WALLS.length).toBeGreaterThan(10);
  for (const [from, to] of [
    ['src/raft/node/http.ts', 'node:http'],
    ['src/raft/driver/wal.ts', 'src/raft/core/types.ts'],
    ['src/harness/run.ts', 'src/harness/interpreter/interpreter.ts'],
    ['src/targets/raft/index.ts', 'src/raft/node/config.ts'],
    ['src/cli/run.ts', 'src/clusters/local/launch.ts'],
  ] as const) {
    expect(breach({ from, to, isType: false })).toBeUndefined();
  }
});
