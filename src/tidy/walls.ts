/**
 * The walls between the rooms: who may import whom (the table of DESIGN). A room is the longest
 * prefix of a file's path that stands in the table.
 */
export interface Wall {
  readonly room: string;
  /** Rooms it may import from, beside itself. `*` means every room. */
  readonly imports: readonly string[];
  /** May use `node:` and npm packages, timers, clocks and randomness. */
  readonly isShell: boolean;
  /** npm packages that a core may use all the same. */
  readonly packages?: readonly string[];
  /** May use what tests of these rooms use. */
  readonly usesTests?: boolean;
  /** Only types cross this wall. */
  readonly typesOnly?: boolean;
}

const RAFT = ['src/raft/core', 'src/raft/kv', 'src/raft/driver'] as const;

export const WALLS: readonly Wall[] = [
  { room: 'checker', imports: [], isShell: false },
  { room: 'src/lib', imports: [], isShell: false },
  {
    room: 'src/statistics',
    imports: [],
    isShell: false,
    packages: ['hdr-histogram-js'],
  },
  { room: 'src/contracts', imports: ['src/lib', 'checker'], isShell: false, typesOnly: true },
  { room: 'src/generator', imports: ['src/contracts', 'src/lib', 'checker'], isShell: false },
  {
    room: 'workloads',
    imports: ['src/contracts', 'src/generator', 'src/lib', 'checker'],
    isShell: false,
  },
  { room: 'nemesis', imports: ['src/contracts', 'src/generator', 'src/lib'], isShell: false },
  { room: 'src/raft/core', imports: ['src/lib'], isShell: false },
  { room: 'src/raft/kv', imports: ['src/lib'], isShell: false },
  { room: 'src/raft/driver', imports: ['src/raft/core', 'src/raft/kv', 'src/lib'], isShell: false },
  // What the operations of a history are in the words of the store: for clients, real and simulated.
  {
    room: 'src/raft/client',
    imports: ['src/raft/kv', 'src/contracts', 'src/lib', 'checker'],
    isShell: false,
  },
  { room: 'src/raft/node', imports: [...RAFT, 'src/lib'], isShell: true },
  { room: 'src/raft/defects', imports: [...RAFT, 'src/lib'], isShell: false },
  // Programs of their own: a node with another disk.
  {
    room: 'src/raft/defects/process',
    imports: [...RAFT, 'src/raft/node', 'src/lib'],
    isShell: true,
  },
  // Gives the parts of a node what nobody should.
  {
    room: 'src/raft/fuzz',
    imports: [...RAFT, 'src/raft/node', 'src/lib'],
    isShell: true,
    usesTests: true,
  },
  {
    room: 'src/sim',
    imports: [...RAFT, 'src/raft/client', 'src/contracts', 'src/lib', 'checker'],
    isShell: false,
  },
  {
    room: 'src/hunt',
    imports: [
      'src/sim',
      ...RAFT,
      'src/raft/defects',
      'src/contracts',
      'src/generator',
      'workloads',
      'nemesis',
      'src/harness/interpreter',
      'src/judge',
      'checker',
      'src/rundir',
      'src/statistics',
      'src/lib',
    ],
    isShell: true,
  },
  { room: 'src/rundir', imports: ['src/contracts', 'checker', 'src/lib'], isShell: true },
  { room: 'src/judge', imports: ['checker', 'src/rundir', 'src/lib'], isShell: true },
  { room: 'src/clusters', imports: ['src/contracts', 'src/lib'], isShell: true },
  { room: 'src/targets', imports: ['src/contracts', 'src/lib'], isShell: true },
  {
    room: 'src/targets/raft',
    imports: [
      'src/contracts',
      'src/lib',
      'checker',
      'src/raft/client',
      'src/raft/node/config.ts',
      'src/targets',
    ],
    isShell: true,
  },
  {
    room: 'src/harness/interpreter',
    imports: ['src/contracts', 'src/generator', 'checker', 'src/lib'],
    isShell: false,
  },
  {
    room: 'src/harness',
    imports: [
      'src/contracts',
      'src/generator',
      'checker',
      'src/judge',
      'src/rundir',
      'src/statistics',
      'src/lib',
      'src/harness/interpreter',
    ],
    isShell: true,
  },
  {
    room: 'src/report',
    imports: ['src/contracts', 'checker', 'src/rundir', 'src/statistics', 'src/lib'],
    isShell: true,
  },
  { room: 'src/bench', imports: ['src/contracts', 'src/lib'], isShell: true },
  { room: 'src/bench/driver', imports: [...RAFT, 'src/bench', 'src/lib'], isShell: true },
  {
    room: 'src/bench/raft',
    imports: [
      'src/clusters/local/ports.ts',
      'src/raft/node/config.ts',
      'src/statistics',
      'src/bench',
      'src/lib',
    ],
    isShell: true,
  },
  {
    room: 'src/bench/sim',
    imports: ['src/hunt', 'src/bench', 'src/lib'],
    isShell: true,
  },
  { room: 'src/cli', imports: ['*'], isShell: true },
  // Outside of the house: they look at it from where a user stands.
  { room: 'src/acceptance', imports: ['*'], isShell: true },
  { room: 'src/tidy', imports: [], isShell: true },
];

/** One `import` or `export … from` of a file, dynamic ones included. */
export interface ImportOf {
  /** Path from the repository's root, with `/`. */
  readonly from: string;
  /** The same for a file of the project; otherwise the package or `node:` module as written. */
  readonly to: string;
  readonly isType: boolean;
  /** A program that is started by its path, not imported: no wall. */
  readonly isStarted?: boolean;
}

export function wallOf(path: string): Wall | undefined {
  return WALLS.filter(({ room }) => path === room || path.startsWith(`${room}/`)).toSorted(
    (a, b) => b.room.length - a.room.length,
  )[0];
}

function isProjectFile(to: string): boolean {
  return to.endsWith('.ts') || to.endsWith('.mjs');
}

/** What is wrong with an import, or undefined. Tests may import what they like, within reason. */
export function breach(edge: ImportOf): string | undefined {
  const { from, to } = edge;
  const wall = wallOf(from);
  if (wall === undefined) return `${from} stands in no room of the table`;
  if (edge.isStarted === true) return undefined;
  if (wall.typesOnly === true && !edge.isType) return `${from} imports more than types from ${to}`;
  // What stands outside of the house tests it, too.
  const isTest =
    /\.test\.ts$|\/testing\/|\/testdata\//.test(from) || from.startsWith('src/acceptance/');
  const usesTests = isTest || wall.usesTests === true;
  if (!isProjectFile(to)) {
    const name = to.startsWith('node:') ? to : packageOf(to);
    const isAllowed = wall.isShell || isTest || (wall.packages ?? []).includes(name);
    return isAllowed ? undefined : `${from} is a core and imports ${to}`;
  }
  if (!usesTests && /\.test\.ts$|\/testing\/|\/testdata\//.test(to)) {
    return `${from} imports ${to}, which belongs to tests`;
  }
  const target = wallOf(to);
  if (target === undefined) return `${to} stands in no room of the table`;
  if (target.room === wall.room || isTest || wall.imports.includes('*')) return undefined;
  if (target.room === 'src/cli') return `${from} imports the command line`;
  const isAllowed = wall.imports.includes(target.room) || wall.imports.includes(to);
  if (!isAllowed) return `${from} (${wall.room}) imports ${to} (${target.room})`;
  if (target.room === 'checker' && to !== 'checker/index.ts') {
    return `${from} goes round the door of checker: ${to}`;
  }
  return undefined;
}

function packageOf(specifier: string): string {
  const parts = specifier.split('/');
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? specifier);
}

/** What a core must not say, with the reason. */
const BANS: readonly { readonly pattern: RegExp; readonly why: string }[] = [
  { pattern: /\bDate\.now\(|\bnew Date\(|\bperformance\.now\(/, why: 'reads a clock' },
  { pattern: /\bMath\.random\(|\bcrypto\.(random|getRandom)/, why: 'draws global randomness' },
  { pattern: /\bset(Timeout|Interval|Immediate)\(/, why: 'starts a timer' },
  { pattern: /(?<!\.)\bprocess\./, why: 'looks at the process' },
];

/** What no file of the project says. (Holes in types are the linter's.) */
const BANS_EVERYWHERE: readonly { readonly pattern: RegExp; readonly why: string }[] = [
  { pattern: /@ts-(ignore|nocheck|expect-error)/, why: 'silences the compiler' },
  { pattern: /\bexport default\b/, why: 'has a default export' },
  { pattern: /\b(TODO|FIXME|XXX)\b/, why: 'leaves something unfinished' },
  { pattern: /\.(skip|only|todo)\(/, why: 'leaves a test out' },
];

/** What is wrong with a file's text; comments count only for the bans that apply everywhere. */
export function banned(path: string, text: string): string[] {
  const found: string[] = [];
  const isTest = /\.test\.ts$|\/testing\/|\/testdata\//.test(path);
  const code = text.replaceAll(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '');
  if (wallOf(path)?.isShell === false && !isTest) {
    for (const { pattern, why } of BANS) if (pattern.test(code)) found.push(`${path} ${why}`);
  }
  for (const { pattern, why } of BANS_EVERYWHERE) {
    if (pattern.test(text)) found.push(`${path} ${why}`);
  }
  return found;
}

const NAMES_BANNED = /(^|\/)(utils?|helpers?|common|misc)(\.|\/|$)/;

/** What is wrong with a file's name: folders and files say what they hold, in kebab-case. */
export function badName(path: string): string | undefined {
  if (NAMES_BANNED.test(path)) return `${path} is a drawer: say what it holds`;
  const file = path.split('/').at(-1) ?? '';
  return /^[a-z0-9-]+(\.[a-z0-9-]+)*\.(ts|mjs)$/.test(file)
    ? undefined
    : `${path} is not kebab-case`;
}
