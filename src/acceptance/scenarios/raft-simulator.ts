import { gong, temporary } from '../gong.ts';
import { must, type Scenario } from '../scenario.ts';

/** What the whole of Raft must have been seen to do. */
const PARTS = {
  membership: ['joint-committed', 'learner-caught-up', 'leader-removed-itself'],
  snapshots: ['snapshot-taken', 'snapshot-installed', 'segment-removed'],
  transfers: ['transfer-completed', 'transfer-aborted'],
  leases: ['lease-read-served', 'lease-lapsed-fell-back', 'follower-read-served'],
  sessions: ['session-opened', 'session-expired', 'session-retry-answered'],
} as const;

/** Every size of cluster, members that change, snapshots, transfers, leases, sessions; and clocks beyond their bound. */
export const raftSimulator: Scenario = {
  name: 'raft-simulator',
  promise:
    'a thousand seeds of the whole of Raft break nothing and meet all that they are for; leases ' +
    'are caught where clocks drift beyond their bound',
  async run({ isShort, id, say }) {
    await using results = await temporary();
    const where = ['--json', '--results-dir', results.path];
    const [count, simTime] = isShort ? [40, '30s'] : [1000, '120s'];
    const range = ['sim', '--seeds', `1..${count}`, '--sim-time', simTime];
    const run = await gong([...range, ...where], { id });
    must(run.code === 0, `exit ${run.code}: ${run.stdout}${run.stderr}`);
    const found = JSON.parse(run.stdout);
    must(found.seeds === count, `${found.seeds} seeds came to their end`);
    must(found.failure === null && found.undecided === 0, 'nothing broke, all was decided');
    const coverage: Readonly<Record<string, number>> = found.coverage;
    const zero: readonly string[] = found.neverMet;
    say(
      `${count} seeds, ${Math.round(found.simulatedNs / 1e9)} s simulated in ` +
        `${run.seconds.toFixed(0)} s, ${found.operations} operations; never met: ${zero.join(', ') || 'nothing'}`,
    );
    for (const [part, counters] of Object.entries(PARTS)) {
      for (const name of counters) {
        const seen = coverage[name];
        must(seen !== undefined, `there is no counter ${name}`);
        must(isShort || seen > 0, `${part}: ${name} was never met`);
      }
      say(`${part}: ${counters.map((name) => `${name} ${coverage[name]}`).join(', ')}`);
    }
    must(isShort || zero.length === 0, `never met: ${zero.join(', ')}`);

    const beyond = await gong(
      ['sim', '--seeds', '1..1000', '--drift-beyond-bound', '--no-shrink', ...where],
      { id },
    );
    must(beyond.code === 1, `beyond the bound: exit ${beyond.code}: ${beyond.stdout}`);
    const { failure, seeds } = JSON.parse(beyond.stdout);
    const { invariant, sentence } = failure.violation;
    const isLease = ['lease-exclusive', 'read-reflects-acknowledged', 'linearizability'];
    must(isLease.includes(invariant), `what broke beyond the bound is ${invariant}`);
    say(`beyond the bound of drift, after ${seeds} seeds: ${invariant}: ${sentence}`);
  },
};
