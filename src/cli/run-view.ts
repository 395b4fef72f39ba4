import type { WriteStream } from 'node:tty';
import type { Progress } from '../harness/progress.ts';
import { formatDuration } from '../lib/duration.ts';
import { onVictims } from '../report/index.ts';
import { bar, LiveBlock, type Screen } from './live-block.ts';
import type { RunStage } from './run.ts';
import { describeBacklog, describeProgress } from './run-text.ts';

const BAR_COLUMNS = 24;

const STAGES: Readonly<Record<RunStage, string>> = {
  up: 'starting the cluster',
  settle: 'waiting for the cluster to settle',
  run: 'clients begin',
  heal: 'healed; waiting for the cluster to settle',
  'final-reads': 'final reads at every node',
  down: 'stopping the cluster',
  judge: 'judging what is left of the history',
  report: 'writing the results',
};

/** What a person sees while a run goes on. */
export interface RunView {
  /** A message that stays. */
  say(text: string): void;
  progress(progress: Progress): void;
  stage(stage: RunStage): void;
  /** From here on nothing is drawn; messages still come through. A second call does nothing. */
  close(): void;
  /** How often progress is worth showing, nanoseconds; undefined for the harness's own choice. */
  readonly progressIntervalNs?: number;
}

/** A block that is drawn in place on a terminal; plain lines everywhere else. */
export function makeRunView(stream: Screen & Pick<WriteStream, 'isTTY'>): RunView {
  return stream.isTTY ? blockView(stream) : lineView(stream);
}

function lineView(screen: Screen): RunView {
  return {
    say: (text) => void screen.write(text),
    progress: (progress) => void screen.write(describeProgress(progress)),
    stage: (stage) => {
      if (stage === 'judge') screen.write(`${STAGES[stage]}\n`);
    },
    close: () => {},
  };
}

function blockView(screen: Screen): RunView {
  const block = new LiveBlock(screen);
  let isOpen = true;
  let lines: readonly string[] = [];
  const draw = (next: readonly string[]): void => {
    lines = next;
    if (isOpen) block.draw(lines);
  };
  return {
    progressIntervalNs: 1_000_000_000,
    say: (text) => {
      block.say(text);
      if (lines.length > 0) draw(lines);
    },
    progress: (progress) => draw(progressLines(progress)),
    stage: (stage) => draw([`  ${STAGES[stage]}`]),
    close: () => {
      isOpen = false;
      lines = [];
      block.erase();
    },
  };
}

/** The block while clients run: four short lines, the most wanted first. */
export function progressLines(progress: Progress): readonly string[] {
  const { elapsedNs, totalNs, okPerSecond, p50Ns, p99Ns, counts, leader, term } = progress;
  const { activeFault: fault } = progress;
  const share = totalNs > 0 ? elapsedNs / totalNs : 0;
  const faultText =
    fault === undefined
      ? 'no fault'
      : `fault ${fault.kind}:${fault.shape}${onVictims(fault.victims)}`;
  // A store need not have a leader.
  const leadership =
    leader === undefined && term === 0 ? '' : `leader ${leader ?? '?'}   term ${term}   `;
  // Without a single answer there are no quantiles.
  const latency =
    okPerSecond > 0
      ? `p50 ${formatDuration(p50Ns)}   p99 ${formatDuration(p99Ns)}`
      : 'nothing succeeds';
  return [
    `  ${bar(share, BAR_COLUMNS)}  ${whole(elapsedNs)} of ${whole(totalNs)} s${describeBacklog(progress)}`,
    `  ${Math.round(okPerSecond)} ok/s   ${latency}`,
    `  ok ${counts.ok}   fail ${counts.fail}   info ${counts.info}`,
    `  ${leadership}${faultText}`,
  ];
}

function whole(ns: number): string {
  return String(Math.round(ns / 1e9));
}
