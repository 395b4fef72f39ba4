import { type Configuration, isJoint, isSameSet, isVoter, members } from './configuration.ts';
import { encodeConfiguration } from './configuration-codec.ts';
import { appendOwn, type CatchUp, configurationOf, type CoreState } from './state.ts';
import type { ChangeRefusal, Entry, Input, NodeId, RequestId } from './types.ts';

/**
 * Membership changes (Raft §6; thesis §4.2.1, §4.3), one at a time:
 *
 * 1. Who is new learns: it is sent the log, and does not vote.
 * 2. When all of them are close behind, `C_old,new` is appended: decisions need both majorities.
 * 3. When that is committed, `C_new` is appended, by whoever leads then.
 * 4. When that is committed, who is not in it has left; a leader that is not steps down.
 *
 * Each configuration counts for a node as soon as it is in its log. When new members do not catch up,
 * the change is given up before it was one: they learn no more, and nobody else has voted. When the
 * leader is lost before step 2, they stay learners until the next change, which drops them or goes on
 * with them.
 */

/** Rounds in which new members may catch up, before the change is given up. Thesis §4.2.1. */
const CATCH_UP_ROUNDS_MAX = 10;

export function onChangeConfiguration(
  state: CoreState,
  { id, voters, addresses }: Extract<Input, { readonly type: 'change-configuration' }>,
): void {
  const why = refusalOf(state, voters);
  if (why !== undefined) return refuse(state, id, why);
  const current = configurationOf(state);
  const known = new Map([...current.addresses, ...addresses]);
  const learners = voters.filter((voter) => !current.voters.includes(voter));
  if (learners.length === 0) return decide(state, id, voters, known);
  append(state, { ...current, learners, addresses: known });
  state.catchUp = {
    id,
    voters,
    deadlineNs: state.nowNs + state.config.catchUpTimeoutNs,
    round: 1,
    roundBeganNs: state.nowNs,
    targetIndex: state.log.lastIndex,
  };
}

function refusalOf(state: CoreState, voters: readonly NodeId[]): ChangeRefusal | undefined {
  if (state.role !== 'leader') return 'not-leader';
  if (voters.length === 0 || new Set(voters).size !== voters.length) return 'bad-voters';
  if (state.catchUp !== undefined) return 'change-under-way';
  const { configurations, commitIndex, log, rules } = state;
  const mayBegin = rules.mayBeginChange({
    configuration: configurations.current,
    configurationIndex: configurations.currentIndex,
    commitIndex,
    currentTerm: state.hard.term,
    committedTerm: log.termAt(commitIndex),
  });
  if (mayBegin) return undefined;
  return log.termAt(commitIndex) === state.hard.term ? 'change-under-way' : 'too-early';
}

function refuse(state: CoreState, id: RequestId, why: ChangeRefusal): void {
  state.out.changes.push({ type: 'refused', id, why });
}

/** Leader, in every step, when it knows what is committed: takes the next step of a change. */
export function manageConfiguration(state: CoreState): void {
  const { configurations, commitIndex, rules } = state;
  const { current, currentIndex } = configurations;
  if (isJoint(current)) {
    if (rules.mayEndJoint({ configurationIndex: currentIndex, commitIndex })) {
      append(state, { ...current, outgoing: [], learners: [] });
    }
    return;
  }
  if (state.catchUp !== undefined && currentIndex <= commitIndex) catchUp(state, state.catchUp);
}

/**
 * The log grows while it is sent, so that it is caught up with in rounds, each what came during the
 * last. A round that is shorter than an election timeout leaves nothing that anybody would notice.
 * Thesis §4.2.1.
 */
function catchUp(state: CoreState, change: CatchUp): void {
  const { nowNs, config, progress } = state;
  const { current } = state.configurations;
  const isBehind = current.learners.some(
    (learner) => (progress.get(learner)?.matchIndex ?? 0) < change.targetIndex,
  );
  if (isBehind) {
    if (nowNs >= change.deadlineNs) giveUp(state, change);
    return;
  }
  if (nowNs - change.roundBeganNs < config.electionTimeout.minNs) {
    state.catchUp = undefined;
    return decide(state, change.id, change.voters, current.addresses);
  }
  if (change.round === CATCH_UP_ROUNDS_MAX) return giveUp(state, change);
  change.round += 1;
  change.roundBeganNs = nowNs;
  change.targetIndex = state.log.lastIndex;
}

function giveUp(state: CoreState, { id }: CatchUp): void {
  state.catchUp = undefined;
  append(state, { ...configurationOf(state), learners: [] });
  refuse(state, id, 'behind');
}

/** Appends the entry on which the change depends from now on: `C_old,new`, where the voters change. */
function decide(
  state: CoreState,
  id: RequestId,
  voters: readonly NodeId[],
  addresses: ReadonlyMap<NodeId, string>,
): void {
  const current = configurationOf(state);
  const isSame = isSameSet(voters, current.voters);
  const outgoing = isSame ? [] : current.voters;
  const { index, term } = append(state, { voters, outgoing, learners: [], addresses });
  state.out.changes.push({ type: 'appended', id, index, term });
}

function append(state: CoreState, configuration: Configuration): Entry {
  const { addresses } = configuration;
  const all = members(configuration);
  const kept = new Map([...addresses].filter(([node]) => all.includes(node)));
  const data = encodeConfiguration({ ...configuration, addresses: kept });
  return appendOwn(state, { kind: 'configuration', data });
}

/** Whether this node may ask for votes. */
export function mayStand({ config, configurations, commitIndex, rules }: CoreState): boolean {
  const { current, currentIndex } = configurations;
  return rules.mayStand({
    isVoter: isVoter(current, config.id),
    wasVoter: isVoter(configurations.previous, config.id),
    configurationIndex: currentIndex,
    commitIndex,
  });
}

/**
 * Leader: the configuration without it is committed, as it has told everybody in the step in which
 * it was. Until then it manages a cluster of which it is no part, and does not count itself (§6).
 */
export function mustLeave({ config, configurations, commitIndex, rules }: CoreState): boolean {
  return rules.mustLeave({
    isVoter: isVoter(configurations.current, config.id),
    configurationIndex: configurations.currentIndex,
    commitIndex,
  });
}
