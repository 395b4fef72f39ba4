/**
 * A harness that brings a cluster up, says on stdout which processes there are, and waits for its
 * own end. Arguments: data directory, log directory, directory to hand over to the guardian, and
 * optionally a node to pause.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { nodeId } from '../../../contracts/names.ts';
import { defined } from '../../../lib/assert.ts';
import { launchLocalCluster } from '../launch.ts';
import { fakeTarget } from './fake-target.ts';

/** The one line on its stdout. */
export interface FakeHarnessLine {
  readonly supervisor: number;
  readonly nodes: readonly number[];
  readonly urls: readonly string[];
}

const [dataDir, logDir, temporary, paused] = process.argv.slice(2);
const cluster = await launchLocalCluster({
  target: fakeTarget,
  nodes: 3,
  dataDir: defined(dataDir, 'first argument'),
  logDir: defined(logDir, 'second argument'),
  settings: {},
  clusterId: 'guarded',
  removeOnExit: [defined(temporary, 'third argument')],
});
if (paused !== undefined) await cluster.processes.pause(nodeId(paused));
const line: FakeHarnessLine = {
  supervisor: defined(cluster.supervisorPid, 'it runs'),
  nodes: cluster.nodes.map((node) => defined(cluster.processes.pid(node), 'it runs')),
  urls: cluster.nodes.map((node) => cluster.url(node)),
};
process.stdout.write(`${JSON.stringify(line)}\n`);
await sleep(60_000);
