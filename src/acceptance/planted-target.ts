// A store in gong's own process that is not what it claims to be: the read mode says how not.
import type { Answer, Invocation, TargetDefinition } from '../targets/kit.ts';

type Value = Invocation['value'];

const LATENCY_MS = 5;
const WAIT_MS_MAX = 500;
const later = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const data = new Map<string, Value>();

/** Undefined where it does what it should. */
type Twisted = Answer | undefined | Promise<Answer | undefined>;

const DECEITS: Readonly<Record<string, (operation: Invocation) => Twisted>> = {
  /** None: the workload is what proves little. */
  sound: () => undefined,
  'no-cas': ({ f }) => (f === 'cas' ? { type: 'fail', error: 'not today' } : undefined),
  /** A CAS that could be applied waits until somebody has written another value: no lie, no use. */
  'refuses-cas': async ({ f, key = '', value }) => {
    if (f !== 'cas') return undefined;
    const [from] = Array.isArray(value) ? value : [];
    for (let waitedMs = 0; data.get(key) === from; waitedMs += LATENCY_MS) {
      if (waitedMs > WAIT_MS_MAX) return { type: 'fail', error: 'nobody writes' };
      await later(LATENCY_MS);
    }
    return undefined;
  },
};

function serve({ f, key = '', value }: Invocation): Answer {
  const current = data.get(key) ?? null;
  if (f === 'read') return { type: 'ok', value: current };
  if (f === 'write') {
    data.set(key, value);
    return { type: 'ok', value };
  }
  const [from, to] = Array.isArray(value) ? value : [];
  if (from !== current || to === undefined) return { type: 'ok', applied: false };
  data.set(key, to);
  return { type: 'ok', applied: true };
}

export const target: TargetDefinition = {
  functions: ['read', 'write', 'cas'],
  readModes: Object.keys(DECEITS),
  promises: () => ({ consistency: 'linearizable' }),
  probe: async () => ({}),
  connect: (_url, { readMode }) => ({
    async invoke(operation) {
      await later(LATENCY_MS);
      const twisted = DECEITS[readMode]?.(operation);
      // What is not awaited happens at once, between two turns of anybody else.
      return (twisted instanceof Promise ? await twisted : twisted) ?? serve(operation);
    },
  }),
};
