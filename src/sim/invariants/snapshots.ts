import { assertNever } from '../../lib/assert.ts';
import { crc32c } from '../../lib/crc32c.ts';
import { type Configuration, members } from '../../raft/core/configuration.ts';
import { decodeConfiguration, encodeConfiguration } from '../../raft/core/configuration-codec.ts';
import type { LogPosition, NodeId } from '../../raft/core/types.ts';
import type { SnapshotEvent } from '../../raft/driver/ports.ts';
import { isPart, positionOf, snapshotName } from '../../raft/driver/snapshot-format.ts';
import type { WalRecords } from '../../raft/driver/wal.ts';
import type { StateMachine } from '../../raft/kv/state-machine.ts';
import type { Committed } from './committed.ts';
import { named } from './log-view.ts';
import type { NodeView } from './node-view.ts';
import type { Report } from './report.ts';

/**
 * What Raft §7 asks of snapshots: each holds committed entries only, and the state that applying them
 * gives; a log lets go only of what a durable one holds; and a node that starts begins with the newest.
 */
export function makeSnapshotSafety(
  report: Report,
  committed: Committed,
  initial: Configuration,
): {
  /** So much of a file is durable under its name. */
  synced(view: NodeView, file: string, bytes: number, atNs: number): void;
  written(view: NodeView, records: readonly WalRecords[]): void;
  happened(view: NodeView, event: SnapshotEvent, disk: { readonly isDamaged: boolean }): void;
  /** The core said that this snapshot takes the place of its log. */
  installed(view: NodeView, last: LogPosition, configuration: Configuration | undefined): void;
} {
  /** What the state is at an index, by whoever was there first. */
  const states = new Map<number, { readonly node: NodeId; readonly digest: string }>();
  const mustBeCommitted = ({ node }: NodeView, last: LogPosition, does: string): void => {
    const known = committed.at(last.index);
    if (last.index === 0 || known?.term === last.term) return;
    const there = known === undefined ? 'nobody has committed any entry' : named(known);
    const sentence = `${node} ${does} a snapshot up to ${named(last)}, where ${there} is committed`;
    report('snapshot-of-committed', [node], sentence);
  };
  const mustBeTheState = ({ node }: NodeView, last: LogPosition, machine: StateMachine): void => {
    const digest = digestOf(machine);
    const known = states.get(last.index);
    if (known === undefined) states.set(last.index, { node, digest });
    if (known === undefined || known.digest === digest) return;
    const sentence =
      `the state of ${node} up to ${named(last)} is ${digest}, ` +
      `but that of ${known.node} was ${known.digest}`;
    report('snapshot-is-the-state', node === known.node ? [node] : [known.node, node], sentence);
  };
  return {
    synced(view, file, bytes, atNs) {
      if (bytes === 0 && isPart(file)) view.disk.partGone(atNs);
      const last = positionOf(file);
      if (last === undefined) return;
      if (view.disk.snapshotSynced(file, last, bytes, atNs)) mustBeCommitted(view, last, 'has');
    },
    written({ node, disk }, records) {
      for (const { base } of records) {
        const held = disk.snapshot?.index ?? 0;
        if (base === undefined || base.index <= held) continue;
        const sentence =
          `${node} lets its log begin behind ${named(base)}, ` +
          `but on its disk is ${held === 0 ? 'no snapshot' : `a snapshot up to ${held} only`}`;
        report('compacted-behind-snapshot', [node], sentence);
      }
    },
    happened(view, event, { isDamaged }) {
      switch (event.type) {
        case 'restored': {
          const newest = view.disk.snapshot;
          const { last, machine } = event;
          if (last !== undefined) {
            mustBeTheState(view, last, machine);
            // A power failure may have left a name of which no sync was told: it is there for good.
            if (view.disk.isCacheLost && view.disk.snapshotSynced(snapshotName(last), last, 1)) {
              mustBeCommitted(view, last, 'begins with');
            }
          }
          if (newest === undefined || isDamaged || (last?.index ?? 0) >= newest.index) return;
          const found = last === undefined ? 'none' : `one up to ${named(last)}`;
          const sentence = `${view.node} began with ${found} of its snapshots, but has one up to ${named(newest)}`;
          return report('snapshot-found-again', [view.node], sentence);
        }
        case 'begun':
        case 'installed':
          return mustBeTheState(view, event.last, event.machine);
        case 'taken':
        case 'abandoned':
        case 'sent':
        case 'damaged':
        case 'received':
        case 'segment-removed':
          return;
        default:
          return assertNever(event);
      }
    },
    installed(view, last, configuration) {
      mustBeCommitted(view, last, 'installs');
      // openraft#1808: a membership that is older than the snapshot makes another quorum.
      const inForce = configurationAt(committed, last.index, initial);
      if (configuration !== undefined && isSame(configuration, inForce)) return;
      const names = configuration === undefined ? 'no members' : members(configuration).join(' ');
      const sentence =
        `${view.node} installs a snapshot up to ${named(last)} with ${names}, ` +
        `where ${members(inForce).join(' ')} are in force`;
      report('snapshot-is-the-state', [view.node], sentence);
    },
  };
}

function configurationAt(
  committed: Committed,
  index: number,
  initial: Configuration,
): Configuration {
  for (let at = index; at > 0; at--) {
    const entry = committed.at(at);
    if (entry?.kind === 'configuration') return decodeConfiguration(entry.data);
  }
  return initial;
}

function isSame(a: Configuration, b: Configuration): boolean {
  const [one, other] = [encodeConfiguration(a), encodeConfiguration(b)];
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}

/** The bytes of a state depend on nothing else. */
function digestOf(machine: StateMachine): string {
  using frozen = machine.freeze();
  let [checksum, bytes] = [0, 0];
  for (;;) {
    const piece = frozen.next(65_536);
    if (piece === undefined) return `${bytes} bytes of checksum ${checksum.toString(16)}`;
    bytes += piece.length;
    checksum = (Math.imul(checksum, 31) + crc32c(piece)) >>> 0;
  }
}
