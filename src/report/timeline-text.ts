import { printable, shortened } from './markdown.ts';
import { labelOf, type Bar, type Timeline } from './explained.ts';

/** Columns between two events where nothing needs more. */
const GAP = 3;
/** Wider timelines number their bars. */
const WIDTH_MAX = 118;
const LABEL_MAX = 28;

/**
 * A timeline of characters: `|write 1|` for an operation from its invocation to its completion,
 * `|write 1 ~~~>` for one that may take effect at any time after, or never.
 */
export function timelineText(timeline: Timeline): readonly string[] {
  const named = drawn(timeline, (bar) => shortened(printable(labelOf(bar)), LABEL_MAX));
  const isWide = named.some((line) => line.length > WIDTH_MAX);
  return isWide ? drawn(timeline, ({ number }) => `#${number}`) : named;
}

function drawn({ lanes, instants }: Timeline, label: (bar: Bar) => string): readonly string[] {
  const columns = columnsOf({ lanes, instants }, label);
  const width = (columns.at(-1) ?? 0) + 1;
  const bars = lanes.flatMap((lane) => lane.bars);
  const until = Math.max(
    width,
    ...bars.map((bar) => (columns[bar.begin] ?? 0) + label(bar).length + 5),
  );
  const margin = Math.max(...lanes.map(({ title }) => title.length));
  return lanes.map(({ title, bars: its }) => {
    let line = '';
    for (const bar of its) {
      const begin = columns[bar.begin] ?? 0;
      const end = bar.end === undefined ? until : (columns[bar.end] ?? begin);
      const room = end - begin - 1;
      const text =
        bar.end === undefined
          ? `|${`${label(bar)} `.padEnd(room - 1, '~')}>`
          : `|${label(bar).padEnd(room, ' ')}|`;
      // A weak one goes on below what the same process did next.
      line = line.slice(0, begin).padEnd(begin) + text;
    }
    return `${title.padEnd(margin)}  ${line}`.trimEnd();
  });
}

/** The column of each event: its bar has room for its label. */
function columnsOf({ lanes, instants }: Timeline, label: (bar: Bar) => string): readonly number[] {
  const endingAt = new Map<number, Bar>();
  for (const { bars } of lanes) {
    for (const [i, bar] of bars.entries()) {
      if (bar.end !== undefined) endingAt.set(bar.end, bar);
      // The next of the same process begins behind the label of one that has no end.
      const next = bars[i + 1];
      if (bar.end === undefined && next !== undefined) endingAt.set(next.begin, bar);
    }
  }
  const columns: number[] = [];
  for (let place = 0; place < instants.length; place++) {
    const before = place === 0 ? 0 : (columns[place - 1] ?? 0) + GAP;
    const bar = endingAt.get(place);
    const room = bar === undefined ? 0 : (columns[bar.begin] ?? 0) + label(bar).length + 3;
    columns.push(Math.max(before, room - (bar?.end === undefined ? 0 : 2)));
  }
  return columns;
}
