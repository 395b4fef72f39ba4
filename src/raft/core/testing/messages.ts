import {
  type AppendEntries,
  type AppendResponse,
  type Input,
  logIndex,
  type Message,
  nodeId,
  type RequestVote,
  term,
  type VoteResponse,
} from '../types.ts';

/** A message from that server arrives. */
export function from(sender: string, message: Message): Input {
  return { type: 'message', from: nodeId(sender), message };
}

/** A client asks for a command whose data is its number. */
export function command(id: number): Input {
  return { type: 'propose', id, data: Uint8Array.of(id) };
}

/** A client asks for these voters. */
export function change(id: number, ...voters: readonly string[]): Input {
  const named = voters.map((voter) => nodeId(voter));
  return { type: 'change-configuration', id, voters: named, addresses: new Map() };
}

export function requestVote(
  at: number,
  lastTerm: number,
  lastIndex: number,
  preVote = false,
): RequestVote {
  return {
    type: 'request-vote',
    preVote,
    term: term(at),
    lastLog: { term: term(lastTerm), index: logIndex(lastIndex) },
  };
}

export function vote(at: number, granted: boolean, preVote = false): VoteResponse {
  return { type: 'vote-response', preVote, term: term(at), granted };
}

/** @param prev - index and term */
export function append(
  at: number,
  prev: [number, number],
  rest: Partial<AppendEntries>,
): AppendEntries {
  return {
    type: 'append-entries',
    term: term(at),
    prev: { index: logIndex(prev[0]), term: term(prev[1]) },
    entries: [],
    leaderCommit: logIndex(0),
    round: 0,
    ...rest,
  };
}

export function acknowledge(at: number, matchIndex: number, round = 0): AppendResponse {
  return {
    type: 'append-response',
    term: term(at),
    round,
    result: { success: true, matchIndex: logIndex(matchIndex) },
  };
}
