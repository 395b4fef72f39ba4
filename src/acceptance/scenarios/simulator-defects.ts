import { readFile } from 'node:fs/promises';
import { gong, temporary } from '../gong.ts';
import { must, type Scenario } from '../scenario.ts';

const WALL_SECONDS_MAX = 60;
/** What is left of a failing schedule, at most. */
const SHARE_MAX = 0.25;

interface Size {
  readonly faults: number;
  readonly operations: number;
  readonly events: number;
}

/** The search proves its power, and that it does not cry wolf. */
export const simulatorDefects: Scenario = {
  name: 'simulator-defects',
  promise:
    'each planted bug is found within a minute and shrunk to a quarter; without one nothing is',
  async run({ isShort, id, say }) {
    await using results = await temporary();
    const where = ['--results-dir', results.path];
    // In the short form the machine may have much else to do: it takes its time, and none is judged.
    const patience = isShort ? ['--duration', '15m'] : [];
    const all = await gong(['sim', '--defects', ...patience, '--json', ...where], { id });
    must(all.code === 0, `exit ${all.code}: ${all.stdout}${all.stderr}`);
    const rows = all.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line));
    must(rows.length >= 6, `${rows.length} defects were hunted`);
    for (const { defect, invariant, seed, simTimeNs, wallNs } of rows) {
      must(invariant !== null, `${defect} was not found`);
      must(isShort || wallNs < WALL_SECONDS_MAX * 1e9, `${defect} took ${wallNs / 1e9} s`);
      const args = ['--defect', defect, '--seed', seed, '--sim-time', `${simTimeNs}ns`, '--json'];
      const run = await gong(['sim', ...args, ...where], { id });
      must(run.code === 1, `exit ${run.code} of ${defect} with seed ${seed}: ${run.stderr}`);
      const { failure } = JSON.parse(run.stdout);
      must(failure.violation.invariant === invariant, `it broke ${failure.violation.invariant}`);
      const { before, after, file }: { before: Size; after: Size; file: string } = failure.shrunk;
      const share = (of: (size: Size) => number): number => of(after) / Math.max(1, of(before));
      const events = share((size) => size.events);
      const schedule = share((size) => size.faults + size.operations);
      must(events <= SHARE_MAX, `${defect}: ${after.events} of ${before.events} events are left`);
      must(schedule <= SHARE_MAX, `${defect}: ${schedule} of its schedule is left`);
      const replay = await gong(
        ['sim', '--schedule', file, '--defect', defect, '--no-shrink', '--json', ...where],
        { id },
      );
      const replayed = JSON.parse(replay.stdout);
      must(replay.code === 1, `exit ${replay.code} of the shrunk schedule of ${defect}`);
      must(
        replayed.failure.violation.invariant === invariant,
        `shrunk, it broke ${replayed.failure.violation.invariant}`,
      );
      const trace = await readFile(failure.trace, 'utf8');
      must(trace.trimEnd().includes(`VIOLATION of ${invariant}`), 'the trace ends with it');
      say(
        `${defect}: ${invariant}, seed ${seed}, ${(wallNs / 1e9).toFixed(1)} s; ` +
          `${before.events} events, ${before.faults} faults, ${before.operations} operations -> ` +
          `${after.events}, ${after.faults}, ${after.operations}`,
      );
    }
    const duration = isShort ? '10s' : '600s';
    const clean = await gong(['sim', '--duration', duration, '--json', ...where], { id });
    must(clean.code === 0, `without a defect: exit ${clean.code}: ${clean.stdout}${clean.stderr}`);
    const { seeds, simulatedNs } = JSON.parse(clean.stdout);
    say(`without one, ${seeds} seeds, ${Math.round(simulatedNs / 1e9)} s simulated: nothing`);
  },
};
