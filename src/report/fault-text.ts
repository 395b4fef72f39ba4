import { formatDuration, formatInstant } from '../lib/duration.ts';
import type { FaultRecord } from '../rundir/cluster-log.ts';
import type { NodeExit } from './record.ts';
import type { StoredFault } from './verdict-file.ts';

/** One line: which fault, on whom, when, and the evidence that it bit. */
export function describeFault(fault: FaultRecord): string {
  const name = `fault ${fault.fault + 1}  ${fault.kind}:${fault.shape}`;
  if (fault.outcome === 'skipped') return `${name}  not injected: the run ended before`;
  if (fault.outcome === 'unresolved') {
    const why = fault.voters === undefined ? 'no leader was known' : 'too few voted';
    return `${name}  not injected: ${why}`;
  }
  const { election, victimOperations } = fault;
  const { fail, info, delayed = 0 } = victimOperations;
  const seen = [
    `${fail + info} of its operations did not succeed`,
    delayed > 0 ? `${delayed} had to wait for it` : undefined,
    ...describeLinks(fault),
    ...describeRequests(fault),
    ...(fault.hook ?? []).map(({ words, code }) => `${words[0]} ended with ${code ?? 'nothing'}`),
    election === null
      ? undefined
      : `${election.node} took over in term ${election.term} (was ${election.termBefore})`,
    ...fault.processes
      .filter(({ pidBefore, pidAfter }) => pidBefore !== pidAfter)
      .map(
        ({ node, pidBefore, pidAfter }) => `${node} came back, pid ${pidBefore} then ${pidAfter}`,
      ),
  ].filter((part) => part !== undefined);
  return (
    `${name} ${onVictims(fault.victims)}  ${formatInstant(fault.startedNs)} to ` +
    `${formatInstant(fault.healedNs)}: ${seen.join(', ')}`
  );
}

/** ` on n1, n2`; empty when nobody knows whom it hits: a script's own business. */
export function onVictims(victims: readonly string[]): string {
  return victims.length === 0 ? '' : ` on ${victims.join(', ')}`;
}

type Injected = Extract<FaultRecord, { outcome: 'injected' }>;

/** Of a fault by which the cluster itself was changed: what came of it. */
function describeRequests({ requests = [], members }: Injected): readonly string[] {
  return requests.map(({ asked, outcome, led, startedNs, endedNs }) => {
    const took = formatDuration(endedNs - startedNs);
    const names = [asked].flat().map(String).join(', ');
    const what = members === undefined ? `${names} to lead` : `${names} to vote`;
    if (outcome.type !== 'done') return `asked for ${what}: ${outcome.type} (${outcome.error})`;
    if (led !== undefined) return `${names} led term ${led.term} after ${took}`;
    return `${names} voted after ${took}`;
  });
}

/** What the links counted, as far as it says something of this kind of fault. */
function describeLinks({ links, required }: Injected): readonly string[] {
  if (links === undefined) return [];
  const { delayedBytes = 0, resets = 0, connections = 0 } = links;
  if (required.includes('connections-reset')) {
    return [`${resets} connections reset, ${connections} made`];
  }
  if (required.includes('slowed')) return [`${links.links} links slow, ${delayedBytes} bytes late`];
  return [`${links.links} links cut, ${links.forwardedBytes} bytes through`];
}

/** `partition:leader-minority of n1, n5, 13.848 s to 17.710 s`. */
export function describeFaultInForce({
  kind,
  shape,
  victims,
  startTime,
  healTime,
}: StoredFault): string {
  const name = shape === null ? kind : `${kind}:${shape}`;
  const of = victims.length === 0 ? '' : ` of ${victims.join(', ')}`;
  const until = healTime === null ? 'the end' : formatInstant(healTime);
  return `${name}${of}, ${formatInstant(startTime)} to ${until}`;
}

/** All that were in force, or that there was none. */
export function describeFaultsInForce(faults: readonly StoredFault[]): string {
  return faults.length === 0
    ? 'no fault was in force'
    : `during ${faults.map(describeFaultInForce).join(' and ')}`;
}

export function describeExit({ node, atNs, signal, code }: NodeExit): string {
  return `node ${node} ended by itself at ${formatInstant(atNs)}: ${signal ?? `exit ${code}`}`;
}
