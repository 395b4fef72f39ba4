import { MICROSECOND, MILLISECOND, SECOND } from '../lib/duration.ts';
import type { Random } from '../lib/prng.ts';
import type { NodeProfile, SimProfile } from '../sim/profile.ts';
import { chance, logUniform, rangeNs, weighted } from './draws.ts';

const MEBIBYTE = 1024 * 1024;

/**
 * The machines, the network and the tunables of a seed. Timing keeps what Raft asks for (§5.6,
 * broadcast time ≪ election timeout), so that liveness may be asked of every seed; how far it keeps it
 * is drawn, from hardly to amply.
 *
 * @param asked - what is not left to the seed
 */
export function drawProfile(random: Random, asked?: { readonly driftPpmMax: number }): SimProfile {
  const latency = rangeNs(random.fork('latency'), {
    minNs: 100 * MICROSECOND,
    maxNs: 8 * MILLISECOND,
    spread: 6,
  });
  const disks = random.fork('disk');
  const sync = rangeNs(disks, { minNs: 50 * MICROSECOND, maxNs: 8 * MILLISECOND, spread: 8 });
  const read = rangeNs(disks, { minNs: 10 * MICROSECOND, maxNs: MILLISECOND, spread: 4 });
  const driftPpmMax = asked?.driftPpmMax ?? drawDrift(random.fork('drift'));
  // There and back, and the disk of the slower half on the way.
  const broadcastNs = 2 * latency.maxNs + sync.maxNs;
  return {
    disk: { read, sync, write: rangeNs(disks, { minNs: 1000, maxNs: 200_000, spread: 4 }) },
    latency,
    bufferBytes: random.fork('buffers').pick([256, 4096, 65_536]),
    driftPpmMax,
    clientLatency: rangeNs(random.fork('clients'), {
      minNs: 100 * MICROSECOND,
      maxNs: 5 * MILLISECOND,
      spread: 3,
    }),
    turnNs: logUniform(random.fork('turn'), 5 * MICROSECOND, 500 * MICROSECOND),
    restartNs: rangeNs(random.fork('restart'), {
      minNs: MILLISECOND,
      maxNs: SECOND,
      spread: 3,
    }),
    node: {
      ...drawTunables(random.fork('tunables'), { broadcastNs, driftPpmMax }),
      ...drawLog(random.fork('snapshots')),
      ...drawElections(random.fork('elections')),
      ...drawBatchDelay(random.fork('batch delay')),
    },
  };
}

function drawTunables(
  random: Random,
  { broadcastNs, driftPpmMax }: { readonly broadcastNs: number; readonly driftPpmMax: number },
): Omit<NodeProfile, 'segmentBytesMax'> {
  const heartbeatIntervalNs = logUniform(random, 30 * MILLISECOND, 200 * MILLISECOND);
  // The slowest clock's heartbeats, one of them a little late, by the fastest clock.
  const apart = (1e6 + driftPpmMax) / (1e6 - driftPpmMax);
  const least = Math.ceil(apart * (heartbeatIntervalNs * 1.5 + 2 * broadcastNs));
  const minNs = logUniform(random, least, 5 * least);
  // Narrow draws split votes.
  const spread = chance(random, 0.3) ? 1.02 + 0.2 * random.float() : 1.3 + 1.7 * random.float();
  return {
    electionTimeout: { minNs, maxNs: Math.ceil(minNs * spread) },
    heartbeatIntervalNs,
    maxEntriesPerAppend: random.pick([1, 2, 4, 16, 64]),
    maxBytesPerAppend: random.pick([64, 1024, 65_536]),
    maxInflightAppends: random.pick([1, 2, 4, 8, 16]),
    requestTimeoutNs: logUniform(random, 200 * MILLISECOND, 5 * SECOND),
    // Hardly longer than an operation, longer than a fault, or longer than most runs.
    sessionExpiryNs: MILLISECOND * Math.round(logUniform(random.fork('sessions'), 500, 60_000)),
  };
}

/**
 * How the log is kept: in segments that roll at every batch, now and then, or never; with snapshots, often so
 * many that something else happens while one is taken, sent or installed.
 */
function drawLog(random: Random): Pick<NodeProfile, 'segmentBytesMax' | 'snapshots'> {
  const segments = random.fork('segments');
  // Nothing is removed then: of thousands of small files each start would read every one.
  if (chance(random, 0.1)) return { segmentBytesMax: segments.pick([65_536, 64 * MEBIBYTE]) };
  const threshold = logUniform(random, 20, 500);
  return {
    segmentBytesMax: weighted(segments, [
      [1, 1],
      [2, 512],
      [3, 4096],
      [2, 65_536],
      [2, 64 * MEBIBYTE],
    ]),
    snapshots: {
      threshold,
      // From none at all to so many that the snapshot before is as good as the last one.
      trailing: chance(random, 0.2) ? 0 : logUniform(random, 1, 2 * threshold),
      sliceBytes: random.pick([256, 1024, 65_536]),
      chunkBytes: random.pick([64, 512, 4096, 65_536]),
      windowBytes: random.pick([64, 1024, 16_384, 262_144]),
    },
  };
}

/** Without what keeps elections calm, now and then: it must be safe without. */
function drawElections(random: Random): Pick<NodeProfile, 'preVote' | 'checkQuorum'> {
  return { preVote: chance(random, 0.85), checkQuorum: chance(random, 0.85) };
}

/** Mostly none, as nodes have it: far below the least time that a request may take. */
function drawBatchDelay(random: Random): Pick<NodeProfile, 'batchDelayNs'> {
  if (chance(random, 0.85)) return {};
  return { batchDelayNs: logUniform(random, 100 * MICROSECOND, 20 * MILLISECOND) };
}

/** Clocks that are right, as wrong as machines' are, or so wrong that whoever trusts them is caught. */
function drawDrift(random: Random): number {
  return weighted(random, [
    [2, 0],
    [3, logUniform(random, 10, 500)],
    [3, logUniform(random, 1000, 300_000)],
  ]);
}
