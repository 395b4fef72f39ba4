import { type Measured, measureRow } from '../../bench/checker/ladder.ts';
import { ladder } from '../../bench/checker/rows.ts';
import { DOOR, temporary } from '../gong.ts';
import { marked } from '../processes.ts';
import { must, type Scenario } from '../scenario.ts';

/** So many times faster than Porcupine's stored figure, wherever it needs more than a tenth of a second. */
const FACTOR = 5;
const PORCUPINE_SECONDS_MIN = 0.1;
/** What Porcupine was given before it counted as having given up. */
const PORCUPINE_SECONDS_MAX = 60;

/**
 * The long form judges times, so it wants a machine with little else to do. The short form asks for the
 * verdicts of smaller rows alone.
 */
export const checkerLadder: Scenario = {
  name: 'checker-ladder',
  promise: 'generated histories up to a million operations are decided right, within their limits',
  async run({ id, isShort, say }) {
    await using directory = await temporary();
    const rows = ladder(1).filter(({ options, isOpen }) =>
      isShort ? options.operations <= 10_000 && !isOpen : true,
    );
    const broken: string[] = [];
    for (const row of rows) {
      const measured = await measureRow(row, {
        command: [process.execPath, DOOR],
        directory: directory.path,
        rounds: isShort || row.isOpen ? 1 : 5,
        budget: '60s,2GiB',
        env: marked(id),
      });
      say(shown(measured));
      const { verdict } = measured;
      const isRight = verdict === String(row.valid) || (row.isOpen && verdict === 'unknown');
      must(isRight, `${row.name}: ${verdict}`);
      if (isShort) continue;
      const { limit, porcupineSeconds = 0 } = row;
      if (limit !== undefined && measured.seconds >= limit.seconds) {
        broken.push(`${row.name}: ${measured.seconds.toFixed(2)} s, limit ${limit.seconds} s`);
      }
      if (limit !== undefined && measured.mebibytes >= limit.mebibytes) {
        broken.push(`${row.name}: ${measured.mebibytes.toFixed(0)} MiB of ${limit.mebibytes}`);
      }
      if (porcupineSeconds <= PORCUPINE_SECONDS_MIN || row.isOpen) continue;
      const least = Math.min(porcupineSeconds, PORCUPINE_SECONDS_MAX) / FACTOR;
      if (measured.decideSeconds > least) {
        broken.push(
          `${row.name}: decided in ${measured.decideSeconds.toFixed(3)} s, not ${least} s`,
        );
      }
    }
    must(broken.length === 0, broken.join('; '));
  },
};

function shown(measured: Measured): string {
  const { row, verdict, engine, seconds, decideSeconds, mebibytes } = measured;
  return (
    `${row}: ${verdict} by ${engine}, ${seconds.toFixed(2)} s whole, ` +
    `${decideSeconds.toFixed(3)} s deciding, ${mebibytes.toFixed(0)} MiB`
  );
}
