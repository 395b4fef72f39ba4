/**
 * A run that starts a fault by script, says the guardian's pid on stdout, and waits for its own end.
 * Arguments: script, log file.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { endpointsCluster } from '../endpoints-cluster.ts';
import { Hooks } from '../hooks.ts';

const [script = '', logFile = '', waitsFor = 'start'] = process.argv.slice(2);
const hooks = await Hooks.open({
  scripts: [script],
  cluster: endpointsCluster(['http://127.0.0.1:1']),
  seed: '7',
  limitNs: 60_000_000_000,
  logFile,
  clock: { now: () => performance.now() * 1e6, sleep: async () => {} },
  signal: new AbortController().signal,
});
const starting = hooks.start(script, '4711');
if (waitsFor === 'start') await starting;
process.stdout.write(`${hooks.guardianPid}\n`);
await sleep(60_000);
