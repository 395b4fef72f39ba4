import { isVoter } from './configuration.ts';
import { configurationOf, type CoreState, otherVoters, send, type Transfer } from './state.ts';
import type { Input, NodeId, TransferEnd } from './types.ts';

/** Somebody wants another leader. Thesis §3.10. */
export function onTransfer(
  state: CoreState,
  { id, to: asked }: Extract<Input, { type: 'transfer' }>,
): void {
  const refuse = (why: string): void => {
    state.out.transfers.push({ id, type: 'refused', why });
  };
  if (state.role !== 'leader') return refuse('this node does not lead');
  const to = asked ?? mostUpToDate(state);
  if (to === undefined) return refuse('no other voter is heard');
  if (to === state.config.id) {
    return void state.out.transfers.push({ id, type: 'done', leader: to });
  }
  if (!isVoter(configurationOf(state), to)) return refuse(`${to} is no voter`);
  if (state.transfer !== undefined) return refuse('another transfer is under way');
  state.transfer = {
    id,
    to,
    term: state.hard.term,
    deadlineNs: state.nowNs + state.config.electionTimeout.minNs,
    isAsked: false,
  };
}

/** Of the voters that were heard within an election timeout who has most of the log; the last one heard. */
function mostUpToDate(state: CoreState): NodeId | undefined {
  const sinceNs = state.nowNs - state.config.electionTimeout.minNs;
  return otherVoters(state)
    .flatMap((voter) => state.progress.get(voter) ?? [])
    .filter(({ heardNs }) => heardNs > sinceNs)
    .toSorted((a, b) => b.matchIndex - a.matchIndex || b.heardNs - a.heardNs)[0]?.peer;
}

/** This leader leaves, and nobody need wait for an election timeout to notice. Thesis §3.10, §4.2.2. */
export function askSuccessor(state: CoreState): void {
  const to = mostUpToDate(state);
  const match = to === undefined ? undefined : state.progress.get(to)?.matchIndex;
  if (to === undefined || match !== state.log.lastIndex) return;
  timeoutNow(state, to);
}

/** At the end of every step, by whichever role, until it is known who leads or time is up. */
export function settleTransfer(state: CoreState): void {
  const { transfer } = state;
  if (transfer === undefined) return;
  const end = endOf(state, transfer);
  if (end !== undefined) {
    state.transfer = undefined;
    state.out.transfers.push(end);
    return;
  }
  if (state.role !== 'leader' || transfer.isAsked) return;
  const match = state.progress.get(transfer.to)?.matchIndex;
  if (match !== state.log.lastIndex) return;
  transfer.isAsked = true;
  timeoutNow(state, transfer.to);
}

/**
 * SAFETY (thesis §3.10, §6.4.1): from here on no lease in this term, whatever comes of it: the target
 * may hear this late, and its votes do not wait for a minimum election timeout.
 */
function timeoutNow(state: CoreState, to: NodeId): void {
  state.handedOverTerm = state.hard.term;
  send(state, to, { type: 'timeout-now', term: state.hard.term });
}

/** Undefined while it goes on. */
function endOf(
  state: CoreState,
  { id, to, term, deadlineNs, isAsked }: Transfer,
): TransferEnd | undefined {
  const { leader } = state;
  const leads = state.role === 'leader' && state.hard.term === term;
  if (!leads && leader === to) return { id, type: 'done', leader };
  if (!leads && leader !== undefined) return { id, type: 'refused', why: `${leader} was elected` };
  if (leads && !isVoter(configurationOf(state), to)) {
    return { id, type: 'refused', why: `${to} is no voter any more` };
  }
  if (state.nowNs < deadlineNs) return undefined;
  if (isAsked) return { id, type: 'unknown', why: `${to} was asked to stand, and is not heard of` };
  const why = leads ? `${to} was not up to date in time` : 'this node does not lead any more';
  return { id, type: 'refused', why };
}

/** It takes no proposals, and no read by its lease. */
export function isHandingOver(state: CoreState): boolean {
  return state.transfer !== undefined || state.handedOverTerm === state.hard.term;
}
