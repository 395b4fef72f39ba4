// gong with faults that are not what they claim: node planted-nemesis.ts DECEIT run --nemesis …
import type { Cluster } from '../contracts/cluster.ts';
import type { Nemesis, NemesisShape, ResolvedFault } from '../contracts/nemesis.ts';
import { EXIT } from '../cli/exit-codes.ts';
import { flushed } from '../cli/flush.ts';
import { runProgram } from '../cli/program.ts';
import { nemeses } from '../../nemesis/index.ts';

const [deceit = '', ...argv] = process.argv.slice(2);
process.on('uncaughtException', () => process.exit(EXIT.bug));

const nothing = { [Symbol.asyncDispose]: async () => undefined };
const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function stopAll(cluster: Cluster): Promise<void> {
  for (const node of cluster.nodes) await cluster.processes?.pause(node);
}

async function continueAll(cluster: Cluster): Promise<void> {
  for (const node of cluster.nodes) await cluster.processes?.resume(node);
}

/** The fault as it should be, and something else when it has healed. */
function afterwards(own: Nemesis, act: (cluster: Cluster) => Promise<void>): Nemesis['inject'] {
  return async (cluster, fault, shape) => {
    const injected = await own.inject(cluster, fault, shape);
    return {
      async [Symbol.asyncDispose]() {
        await injected[Symbol.asyncDispose]();
        void act(cluster);
      },
    };
  };
}

function withShapes(
  own: Nemesis,
  resolve: (shape: NemesisShape) => NemesisShape['resolve'],
): Nemesis {
  return { ...own, shapes: own.shapes.map((shape) => ({ ...shape, resolve: resolve(shape) })) };
}

/** Cuts off a follower, and says that it leads. */
const misled =
  (shape: NemesisShape): NemesisShape['resolve'] =>
  (view, random): ResolvedFault | undefined => {
    const follower = view.nodes.find((node) => node !== view.leader);
    return view.leader === undefined
      ? undefined
      : shape.resolve({ ...view, leader: follower }, random);
  };

const DECEITS: Readonly<Record<string, (own: Nemesis) => Nemesis>> = {
  'does-nothing': (own) => ({ ...own, inject: async () => nothing }),
  'finds-nobody': (own) => withShapes(own, () => () => undefined),
  'hits-a-follower': (own) => withShapes(own, misled),
  'heals-nothing': (own) => ({
    ...own,
    async inject(cluster, fault, shape) {
      await own.inject(cluster, fault, shape);
      return nothing;
    },
    healAll: async () => undefined,
  }),
  'stops-everybody': (own) => ({
    ...own,
    async inject(cluster) {
      await stopAll(cluster);
      return { [Symbol.asyncDispose]: () => continueAll(cluster) };
    },
  }),
  'stops-everybody-afterwards': (own) => ({
    ...own,
    inject: afterwards(own, async (cluster) => {
      await stopAll(cluster);
      await later(2_500);
      await continueAll(cluster);
    }),
  }),
  'stops-everybody-later': (own) => ({
    ...own,
    inject: afterwards(own, async (cluster) => {
      await later(2_000);
      await stopAll(cluster);
    }),
  }),
};

const deceive = DECEITS[deceit];
if (deceive === undefined) throw new Error(`no deceit ${deceit}`);
const planted = new Map([...nemeses].map(([kind, own]) => [kind, deceive(own)]));
const code = await runProgram(argv, { nemeses: planted });
await flushed();
process.exit(code);
