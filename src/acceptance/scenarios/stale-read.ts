import { gong, temporary } from '../gong.ts';
import { must, type Scenario } from '../scenario.ts';

const HALF_A_SECOND_NS = 500_000_000;

/** The textbook case: a leader cut off with a minority answers from what it has. */
export const staleRead: Scenario = {
  name: 'stale-read',
  promise: 'stale reads at a cut-off leader are found, named and explained, five of five',
  async run({ isShort, id, say }) {
    await using results = await temporary();
    for (let round = 1; round <= (isShort ? 1 : 5); round++) {
      const args = 'run --nodes 5 --read-mode stale --nemesis partition:leader-minority --json';
      const ended = await gong(
        [...args.split(' '), '--duration', '30s', '--results-dir', results.path],
        { id },
      );
      must(ended.code === 1, `ended with ${ended.code}\n${ended.stderr}`);
      const { verdict } = JSON.parse(ended.stdout);
      const { worst, total } = verdict.stale;
      must(worst !== null, 'no stale read was proved');
      const [fault] = worst.duringFaults;
      const server = worst.read.servedBy;
      must(fault?.shape === 'leader-minority', `not during the cut: ${JSON.stringify(worst)}`);
      must(fault.victims.includes(server), `${server} was not cut off`);
      must(
        !fault.victims.includes(worst.overwrittenBy.servedBy),
        'the write that was missed was not made on the other side',
      );
      must(worst.staleByNs >= HALF_A_SECOND_NS, `only ${worst.staleByNs} ns stale`);
      say(`${total} stale reads, the worst: ${worst.sentence}`);
      say(`  served by ${server}, cut off with ${fault.victims.join(' and ')}`);
    }
  },
};
