import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';
import { claimPorts } from '../../clusters/local/ports.ts';
import { defined } from '../../lib/assert.ts';
import { EtcdNodes, etcdVersion } from './etcd-nodes.ts';
import { GongNodes } from './gong-nodes.ts';

const ROOT = path.resolve(import.meta.dirname, '../../..');
export const RESULTS: string = path.join(ROOT, 'results');
/** Two for each of three nodes, twice, and the bare server's. */
const PORTS = 13;

/** Both clusters on one disk, on ports below the ephemeral ones; gone with their data on disposal. */
export interface Clusters extends AsyncDisposable {
  readonly gong: GongNodes;
  /** Undefined where it is not installed. */
  readonly etcd: EtcdNodes | undefined;
  readonly directory: string;
  readonly sparePort: number;
}

/** A program that was told to stop leaves no directory; its processes end by themselves. */
function removeOnExit(directory: string): () => void {
  const remove = (): void => rmSync(directory, { recursive: true, force: true });
  process.on('exit', remove);
  return () => {
    process.off('exit', remove);
    remove();
  };
}

/** Ctrl-C ends the program as an error does: with its processes and its data. */
export function endOnSignals(): void {
  process.on('SIGINT', () => process.exit(130));
  process.on('SIGTERM', () => process.exit(143));
}

/**
 * @param require - that etcd is there (`GONG_REQUIRE=etcd`)
 * @throws Error when it is required and is not there, or a cluster does not come up
 */
export async function bringUp(options: {
  readonly execArgv?: readonly string[];
  readonly say: (line: string) => void;
}): Promise<Clusters> {
  const version = etcdVersion();
  if (version === undefined) {
    const isRequired = (process.env['GONG_REQUIRE'] ?? '').split(',').includes('etcd');
    if (isRequired) throw new Error('etcd is not installed, and GONG_REQUIRE names it');
    options.say('SKIPPED: etcd is not installed (Debian: etcd-server), so nothing is compared');
  }
  await using cleanup = new AsyncDisposableStack();
  const { ports } = cleanup.use(await claimPorts(PORTS));
  mkdirSync(RESULTS, { recursive: true });
  const directory = mkdtempSync(path.join(RESULTS, 'bench-raft-'));
  cleanup.defer(removeOnExit(directory));
  const gong = cleanup.use(
    await GongNodes.start({
      directory: path.join(directory, 'gong'),
      ports: ports.slice(0, 6),
      ...(options.execArgv === undefined ? {} : { execArgv: options.execArgv }),
    }),
  );
  const etcd =
    version === undefined
      ? undefined
      : cleanup.use(
          await EtcdNodes.start({
            directory: path.join(directory, 'etcd'),
            ports: ports.slice(6, 12),
          }),
        );
  const owned = cleanup.move();
  return {
    gong,
    etcd,
    directory,
    sparePort: defined(ports[12], 'claimed'),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
