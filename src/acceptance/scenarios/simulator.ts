import { gong, temporary } from '../gong.ts';
import { must, type Scenario } from '../scenario.ts';

/** Many seeds of five nodes with everything on, and nothing breaks. */
export const simulator: Scenario = {
  name: 'simulator',
  promise:
    'hundreds of seeds of simulated faults break no invariant and meet all that they are for',
  async run({ isShort, id, say }) {
    await using results = await temporary();
    const [seeds, simTime] = isShort ? ['1..40', '30s'] : ['1..500', '120s'];
    const run = await gong(
      ['sim', '--seeds', seeds, '--sim-time', simTime, '--nodes', '5', '--json'].concat([
        '--results-dir',
        results.path,
      ]),
      { id },
    );
    must(run.code === 0, `exit ${run.code}: ${run.stdout}${run.stderr}`);
    const found = JSON.parse(run.stdout);
    must(found.seeds === (isShort ? 40 : 500), `${found.seeds} seeds came to their end`);
    must(found.failure === null && found.undecided === 0, 'nothing broke, all was decided');
    const counters = Object.entries<number>(found.coverage);
    must(counters.length >= 40, `${counters.length} counters of coverage`);
    const zero: readonly string[] = found.neverMet;
    if (!isShort) must(zero.length === 0, `never met: ${zero.join(', ')}`);
    const seconds = found.simulatedNs / 1e9;
    say(
      `${found.seeds} seeds, ${Math.round(seconds)} s simulated in ${run.seconds.toFixed(0)} s ` +
        `(${Math.round(found.simulatedNs / found.cpuNs)} per CPU second), ${found.operations} operations`,
    );
    say(`${counters.length - zero.length} of ${counters.length} coverage counters met`);
    const rare = counters.toSorted(([, a], [, b]) => a - b).slice(0, 5);
    say(`rarest: ${rare.map(([name, count]) => `${name} ${count}`).join(', ')}`);
  },
};
