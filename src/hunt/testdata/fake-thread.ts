// A thread of the pool whose seeds say what becomes of them: `ok`, `fail`, `slow-fail`, `hang`, `die`, `throw`.
import { parentPort } from 'node:worker_threads';
import { noCounts } from '../../sim/coverage.ts';
import type { FromThread, ToThread } from '../pool-messages.ts';
import type { SeedOutcome } from '../run-seed.ts';

const port = parentPort;
const send = (message: FromThread): void => port?.postMessage(message);

function outcome(seed: string, isFailure: boolean): SeedOutcome {
  const violation = { invariant: 'planted', section: '', sentence: seed, atNs: 1, nodes: [] };
  return {
    seed,
    violation: isFailure ? violation : undefined,
    simulatedNs: 1_000,
    cpuNs: 10,
    events: 100,
    operations: 1,
    coverage: noCounts(),
    liveness: {
      requests: 2,
      failedRequests: 1,
      elections: 1,
      needlessElections: 0,
      leaderlessNsMax: 5,
    },
    undecided: 0,
    digest: seed,
  };
}

port?.on('message', ({ seed }: ToThread) => {
  const what = seed.replace(/^\d+-/, '');
  switch (what) {
    case 'hang':
      // As a run that never comes to its end: the thread hears nothing.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
      return;
    case 'die':
      return process.exit(3);
    case 'throw':
      return send({ type: 'threw', error: 'Error: planted' });
    case 'slow-fail':
      setTimeout(() => send({ type: 'ended', outcome: outcome(seed, true) }), 300);
      return;
    default:
      send({ type: 'ended', outcome: outcome(seed, what === 'fail') });
  }
});
