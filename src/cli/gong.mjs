#!/usr/bin/env node
// The door. Plain JavaScript, because the machine's own Node may be too old to read TypeScript:
// then the runtime that the project pins takes over (DESIGN 10), as a child with the same terminal.
const OLDEST_MAJOR = 26;

const BUG = 70;
const USAGE = 64;

if (Number.parseInt(process.versions.node, 10) >= OLDEST_MAJOR) {
  await keepCompiled();
  // Node ends with 1 when a module does not load, and 1 means "violation".
  await import('./main.ts').catch(cannotLoad);
} else {
  await runPinned();
}

/** @param {NodeJS.ErrnoException} error */
function cannotLoad(error) {
  const isInstalled = error.code === 'ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING';
  process.stderr.write(
    isInstalled
      ? 'GONG-E002  Gong cannot run from inside node_modules\n' +
          '  why   it runs from its sources, and Node reads no TypeScript there\n' +
          "  fix   run it from a clone: npm ci, then npx gong in the clone's folder\n"
      : `GONG-E070  a bug in Gong: it does not load: ${error.message}\n` +
          '  why   a file of Gong is missing or damaged\n' +
          "  fix   npm ci in Gong's folder; if that does not help, please report it\n",
  );
  process.exit(isInstalled ? USAGE : BUG);
}

/**
 * Modules are kept as Node compiled them, types stripped: loading them anew takes longer than judging most
 * histories. Beside the packages, in the place that is made for such things; where it cannot be written,
 * everything works as before. `NODE_COMPILE_CACHE` and `NODE_DISABLE_COMPILE_CACHE` have their way.
 */
async function keepCompiled() {
  const { accessSync, constants } = await import('node:fs');
  const { enableCompileCache } = await import('node:module');
  const { fileURLToPath } = await import('node:url');
  const packages = fileURLToPath(new URL('../../node_modules', import.meta.url));
  try {
    accessSync(packages, constants.W_OK);
  } catch {
    return;
  }
  enableCompileCache(`${packages}/.cache/gong`);
}

async function runPinned() {
  const { createRequire } = await import('node:module');
  const { fileURLToPath } = await import('node:url');
  const require = createRequire(import.meta.url);
  const names = [
    `node-${process.platform}-${process.arch}`,
    `node-bin-${process.platform}-${process.arch}`,
  ];
  let runtime;
  for (const name of names) {
    try {
      runtime = require.resolve(`${name}/bin/node`);
      break;
    } catch {
      // Not installed: another platform's, or optional dependencies were left out.
    }
  }
  if (runtime === undefined) {
    process.stderr.write(
      `GONG-E001  Node ${process.versions.node} is too old\n` +
        `  why   Gong needs Node ${OLDEST_MAJOR} or newer, and none of ${names.join(', ')} is installed\n` +
        `  fix   run npm ci in Gong's folder (without --omit=optional), or install Node ${OLDEST_MAJOR}\n`,
    );
    process.exit(USAGE);
  }
  const door = fileURLToPath(import.meta.url);
  const args = [...process.execArgv, ...flagsFor(process.argv[2]), door, ...process.argv.slice(2)];
  if (await canReplace(runtime)) process.execve(runtime, [runtime, ...args], process.env);
  await runChild(runtime, args);
}

/**
 * Simulations keep every core busy by themselves. What the runtime would compile on threads of its own it
 * only takes away from them: two threads on two cores pass 1.2 times as much simulated time without.
 *
 * @param {string | undefined} verb
 * @returns {readonly string[]}
 */
function flagsFor(verb) {
  return verb === 'sim' ? ['--no-concurrent-recompilation'] : [];
}

/**
 * Newer Nodes can become the other runtime: the same process, no second one that waits. They abort where
 * that fails, so what it needs must be there; who lacks it is told why by the other way.
 *
 * @param {string} runtime
 */
async function canReplace(runtime) {
  if (typeof process.execve !== 'function') return false;
  const { accessSync, constants } = await import('node:fs');
  const loaders = { x64: '/lib64/ld-linux-x86-64.so.2', arm64: '/lib/ld-linux-aarch64.so.1' };
  try {
    accessSync(runtime, constants.X_OK);
    if (process.platform === 'linux') accessSync(loaders[process.arch]);
    return true;
  } catch {
    return false;
  }
}

/**
 * @param {string} runtime
 * @param {readonly string[]} args
 */
async function runChild(runtime, args) {
  const { spawn } = await import('node:child_process');
  const { constants } = await import('node:os');
  const child = spawn(runtime, args, {
    // The fourth is a line of life: when this process is killed, the child sees it close and ends.
    stdio: ['inherit', 'inherit', 'inherit', 'ipc'],
  });
  // A signal sent to this pid alone must reach the child. A terminal's Ctrl-C reaches it twice
  // then; it takes two within a second for one.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
    process.on(signal, () => child.kill(signal));
  }
  child.on('error', (error) => {
    process.stderr.write(`GONG-E001  the pinned runtime does not start: ${error.message}\n`);
    process.exit(75);
  });
  child.on('exit', (code, signal) => {
    // Not by killing itself: the listeners above would take the signal, and 0 would be left.
    process.exit(signal === null ? (code ?? BUG) : 128 + constants.signals[signal]);
  });
}
