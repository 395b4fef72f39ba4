// A store in gong's own process that is not what it claims to be: the read mode says how not.
import type { Answer, Invocation, TargetDefinition } from '../targets/kit.ts';

type Value = Invocation['value'];

const LATENCY_MS = 5;
const data = new Map<string, Value>();

const DECEITS: Readonly<Record<string, (operation: Invocation) => Answer | undefined>> = {
  /** One operation is over before the next begins. */
  instant: () => undefined,
  'no-cas': ({ f }) => (f === 'cas' ? { type: 'fail', error: 'not today' } : undefined),
  'refuses-cas': ({ f }) => (f === 'cas' ? { type: 'ok', applied: false } : undefined),
  'reads-nothing': ({ f }) => (f === 'read' ? { type: 'ok', value: null } : undefined),
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
      if (readMode !== 'instant') await new Promise((resolve) => setTimeout(resolve, LATENCY_MS));
      return DECEITS[readMode]?.(operation) ?? serve(operation);
    },
  }),
};
