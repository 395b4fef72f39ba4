import type { AdminOutcome, Members } from '../../contracts/cluster.ts';
import { nodeId, type NodeId } from '../../contracts/names.ts';
import type { TargetAdmin } from '../../contracts/target.ts';
import { MILLISECOND } from '../../lib/duration.ts';
import { NeverSentError } from '../http/http-client.ts';
import { isRecord } from './definition.ts';
import { errorText, oneLine, shown } from './error-text.ts';
import type { UserCode } from './user-code.ts';

/** How much longer than its limit a request may take before it is given up. */
const GRACE_MS = 250;

/** The admin of a target file, held to the contract: what it does amiss is an outcome that nobody knows. */
export function guardedAdmin(admin: TargetAdmin, code: UserCode): TargetAdmin {
  const within = <T>(timeoutNs: number, act: () => T | Promise<T>): Promise<T> =>
    code.within(timeoutNs / MILLISECOND + GRACE_MS, act);
  return {
    ...(admin.members === undefined
      ? {}
      : {
          members: async (url: string, timeoutNs: number) => {
            const told = await within(timeoutNs, () => admin.members?.(url, timeoutNs)).catch(
              () => undefined,
            );
            return membersOf(told);
          },
        }),
    ...(admin.changeMembers === undefined
      ? {}
      : {
          changeMembers: (url: string, voters: readonly NodeId[], timeoutNs: number) =>
            outcome(() =>
              within(timeoutNs, () => admin.changeMembers?.(url, [...voters], timeoutNs)),
            ),
        }),
    ...(admin.transferLeadership === undefined
      ? {}
      : {
          transferLeadership: (url: string, to: NodeId, timeoutNs: number) =>
            outcome(() => within(timeoutNs, () => admin.transferLeadership?.(url, to, timeoutNs))),
        }),
  };
}

async function outcome(ask: () => Promise<unknown>): Promise<AdminOutcome> {
  let told: unknown;
  try {
    told = await ask();
  } catch (error) {
    const isUnsent = error instanceof Error && error.name === NeverSentError.name;
    return { type: isUnsent ? 'refused' : 'unknown', error: errorText(error) };
  }
  const { type, error } = isRecord(told) ? told : {};
  if (type === 'done') return { type };
  if ((type === 'refused' || type === 'unknown') && typeof error === 'string') {
    return { type, error };
  }
  return { type: 'unknown', error: `its admin returned ${oneLine(shown(told))}` };
}

/** What is no list of names counts as not told; nobody need tell of learners, or of what is left. */
function membersOf(told: unknown): Members | undefined {
  if (!isRecord(told)) return undefined;
  const { voters, outgoing = [], learners = [] } = told;
  const [v, o, l] = [voters, outgoing, learners].map(namesOf);
  if (v === undefined || o === undefined || l === undefined) return undefined;
  return { voters: v, outgoing: o, learners: l };
}

function namesOf(value: unknown): readonly NodeId[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const names = value.flatMap((one: unknown) => (typeof one === 'string' ? [nodeId(one)] : []));
  return names.length === value.length ? names : undefined;
}
