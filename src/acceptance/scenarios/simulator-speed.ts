import { start } from '../gong.ts';
import { must, type Scenario } from '../scenario.ts';

/** Simulated seconds per CPU second for five nodes. The aim is 300. */
const RATE_MIN = 150;
/** What a second core must bring. */
const GAIN_MIN = 1.6;

/** How fast simulated time passes. */
export const simulatorSpeed: Scenario = {
  name: 'simulator-speed',
  promise:
    'five nodes with faults, invariants and judge: 150 simulated seconds per CPU second, 1.6 times that on two cores',
  async run({ isShort, id, say }) {
    // As `npm run bench:sim` does, and gong's own door.
    const flags = ['--no-concurrent-recompilation'];
    const args = [...flags, 'src/bench/sim/main.ts', '--json', ...(isShort ? ['--short'] : [])];
    const run = await start(args, { id }).ended;
    must(run.code === 0, `exit ${run.code}: ${run.stderr}`);
    const { rows, threads } = JSON.parse(run.stdout);
    for (const row of rows) say(JSON.stringify(row));
    say(JSON.stringify(threads));
    const five = rows.find(({ nodes }: { nodes: number }) => nodes === 5);
    // A timing decides nothing where others share the machine.
    if (isShort) return;
    must(
      five.simulatedPerCpu >= RATE_MIN,
      `${five.simulatedPerCpu} simulated seconds per CPU second`,
    );
    must(threads.gain >= GAIN_MIN, `two threads bring ${threads.gain}`);
  },
};
