import { instantsText, labelOf, type Bar, type Timeline } from './explained.ts';
import { printable, shortened } from './markdown.ts';
import { writeXml, type XmlElement } from './xml.ts';

const MARGIN = 16;
const LANE_HEIGHT = 44;
const BAR_HEIGHT = 22;
/** Of one character of a label, at 12 px, of the widest of the fonts that it may be shown in. */
const CHARACTER = 7.25;
const GAP_MIN = 34;
const AXIS_HEIGHT = 84;
/** What the turned instant of the last event needs. */
const LAST_INSTANT = 66;
const LABEL_MAX = 40;

const COLOURS = {
  text: '#1f2328',
  faint: '#6e7781',
  rule: '#d0d7de',
  strong: '#cfe3fb',
  strongEdge: '#2f6fbf',
  weakEdge: '#8c959f',
  culprit: '#ffd8d3',
  culpritEdge: '#cf222e',
  own: '#eaeef2',
} as const;

/**
 * A timeline as a picture: plain SVG, no script, no font, no link. A lane for each process, a bar from each
 * invocation to its completion; what may take effect at any time, or never, is hatched and dashed up to the
 * end. Events stand in their order, with their instants below.
 */
export function timelineSvg(timeline: Timeline, title: string): string {
  const { lanes, instants } = timeline;
  const titles = Math.max(...lanes.map((lane) => lane.title.length)) * CHARACTER;
  const left = MARGIN + Math.ceil(titles) + 14;
  const places = placesOf(timeline, left);
  const last = places.at(-1) ?? left;
  const weakRoom = Math.max(
    0,
    ...lanes.flatMap(({ bars }) =>
      bars
        .filter(({ end }) => end === undefined)
        .map((bar) => (places[bar.begin] ?? left) + widthOf(bar) - last),
    ),
  );
  const right = last + Math.max(24, weakRoom);
  const legend = legendOf(lanes.flatMap(({ bars }) => bars));
  const texts = Math.max(title.length, legend.length) * CHARACTER;
  const width = Math.ceil(Math.max(right, last + LAST_INSTANT, MARGIN + texts) + MARGIN);
  const top = MARGIN + 24;
  const bottom = top + lanes.length * LANE_HEIGHT;
  const height = bottom + AXIS_HEIGHT;
  return writeXml({
    name: 'svg',
    attributes: {
      xmlns: 'http://www.w3.org/2000/svg',
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
      'font-family': 'ui-monospace, SFMono-Regular, Menlo, Consolas, monospace',
      'font-size': 12,
      role: 'img',
    },
    children: [
      { name: 'title', text: printable(title) },
      { name: 'defs', children: [hatch()] },
      rectangle({ x: 0, y: 0, width, height, fill: '#ffffff' }),
      text({ x: MARGIN, y: MARGIN + 10, fill: COLOURS.text, 'font-weight': 600 }, title),
      ...places.map((x) => rule(x, top, bottom)),
      ...lanes.flatMap((lane, i) => {
        const y = top + i * LANE_HEIGHT;
        return [
          text({ x: MARGIN, y: y + 26, fill: COLOURS.faint }, lane.title),
          ...lane.bars.flatMap((bar) => barOf(bar, places, y + 11, right)),
        ];
      }),
      ...axis(instants, places, bottom),
      text({ x: MARGIN, y: height - 10, fill: COLOURS.faint, 'font-size': 11 }, legend),
    ],
  });
}

function legendOf(bars: readonly Bar[]): string {
  const parts = ['in the order of events, not to scale'];
  if (bars.some(({ isCulprit }) => isCulprit)) parts.push('red: fits nowhere');
  if (bars.some(({ end }) => end === undefined)) parts.push('dashed: at any time, or never');
  if (bars.some(({ operation }) => operation.isOwn)) parts.push('grey: what came before');
  return parts.join(' · ');
}

/** The x of each event: every bar has room for its label. */
function placesOf({ lanes, instants }: Timeline, left: number): readonly number[] {
  const ending = new Map<number, Bar>();
  for (const { bars } of lanes) {
    for (const [i, bar] of bars.entries()) {
      const next = bars[i + 1];
      if (bar.end !== undefined) ending.set(bar.end, bar);
      else if (next !== undefined) ending.set(next.begin, bar);
    }
  }
  const places: number[] = [];
  for (let place = 0; place < instants.length; place++) {
    const before = places.at(-1);
    const bar = ending.get(place);
    const room = bar === undefined ? 0 : (places[bar.begin] ?? left) + widthOf(bar);
    places.push(Math.max(before === undefined ? left : before + GAP_MIN, room));
  }
  return places;
}

function widthOf(bar: Bar): number {
  return Math.ceil(shown(bar).length * CHARACTER) + 16;
}

function shown(bar: Bar): string {
  return shortened(printable(labelOf(bar)), LABEL_MAX);
}

function barOf(
  bar: Bar,
  places: readonly number[],
  y: number,
  right: number,
): readonly XmlElement[] {
  const x = places[bar.begin] ?? 0;
  const end = bar.end === undefined ? right : (places[bar.end] ?? right);
  const isWeak = bar.end === undefined;
  const colours = bar.operation.isOwn
    ? { fill: COLOURS.own, stroke: COLOURS.faint }
    : bar.isCulprit
      ? { fill: COLOURS.culprit, stroke: COLOURS.culpritEdge }
      : { fill: COLOURS.strong, stroke: COLOURS.strongEdge };
  const weak = { fill: 'url(#hatch)', stroke: COLOURS.weakEdge, 'stroke-dasharray': '5 4' };
  return [
    rectangle({
      x,
      y,
      width: end - x,
      height: BAR_HEIGHT,
      rx: 4,
      'stroke-width': bar.isCulprit ? 2 : 1,
      ...(isWeak ? weak : colours),
    }),
    text({ x: x + 8, y: y + 15, fill: COLOURS.text }, shown(bar)),
  ];
}

/** Instants below their events, turned so that they have room. */
function axis(
  instants: readonly (number | undefined)[],
  places: readonly number[],
  y: number,
): readonly XmlElement[] {
  return instantsText(instants).map((instant, i) => {
    const x = places[i] ?? 0;
    const at = `${x + 4},${y + 12}`;
    return text(
      {
        x: x + 4,
        y: y + 12,
        transform: `rotate(35 ${at})`,
        fill: COLOURS.faint,
        'font-size': 10,
      },
      instant,
    );
  });
}

function hatch(): XmlElement {
  return {
    name: 'pattern',
    attributes: {
      id: 'hatch',
      width: 8,
      height: 8,
      patternUnits: 'userSpaceOnUse',
      patternTransform: 'rotate(45)',
    },
    children: [
      rectangle({ x: 0, y: 0, width: 8, height: 8, fill: '#ffffff' }),
      rectangle({ x: 0, y: 0, width: 2, height: 8, fill: '#e7ebef' }),
    ],
  };
}

function rule(x: number, top: number, bottom: number): XmlElement {
  return {
    name: 'line',
    attributes: { x1: x, y1: top, x2: x, y2: bottom + 4, stroke: COLOURS.rule },
  };
}

function rectangle(attributes: NonNullable<XmlElement['attributes']>): XmlElement {
  return { name: 'rect', attributes };
}

function text(attributes: NonNullable<XmlElement['attributes']>, content: string): XmlElement {
  return { name: 'text', attributes, text: printable(content) };
}
