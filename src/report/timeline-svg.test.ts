import { expect, test } from 'vitest';
import type { ExplainedOperation, Timeline } from './explained.ts';
import { timelineSvg } from './timeline-svg.ts';

test('a label ends before its bar does, in the widest of the fonts it may be shown in', () => {
  const operation = (value: string): ExplainedOperation => ({
    id: 0,
    process: 0,
    f: 'read',
    key: 'k',
    description: `read of k → ${value}`,
    input: null,
    output: value,
    invokeTime: 0,
    returnTime: 1,
    returnIndex: 1,
    node: null,
    servedBy: null,
    isWeak: false,
    isOwn: false,
  });
  const bars = ['1', '"a middling value"', `"${'x'.repeat(90)}"`].map((value, i) => ({
    operation: operation(value),
    number: i + 1,
    begin: 2 * i,
    end: 2 * i + 1,
    isCulprit: i === 2,
  }));
  const timeline: Timeline = {
    lanes: [{ title: 'process 0', bars }],
    instants: [0, 1, 2, 3, 4, 5],
  };
  const picture = timelineSvg(timeline, 'key k');
  const drawn = picture.matchAll(/width="(\d+)" height="22".*\n\s*<text.*?>(.*)<\/text>/g);
  const labels = Array.from(drawn, ([, width, label = '']) => ({
    width: Number(width),
    length: label.replaceAll(/&\w+;/g, '&').length,
  }));
  expect(labels).toHaveLength(3);
  expect(Math.max(...labels.map(({ length }) => length))).toBeGreaterThan(40);
  // DejaVu Sans Mono takes 7.23 px at 12 px; the label begins 8 px behind the bar's beginning.
  for (const { width, length } of labels) {
    expect(width).toBeGreaterThanOrEqual(8 + 7.23 * length + 4);
  }
});
