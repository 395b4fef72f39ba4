import { expect, test } from 'vitest';
import { nemeses } from './index.ts';

const bands = [...nemeses.values()].map(({ band }) => band);

/** Contrast of two colours, 1 to 21. @see WCAG 2.2, contrast ratio */
function contrast(one: string, other: string): number {
  const luminance = (colour: string): number => {
    const [r = 0, g = 0, b = 0] = [1, 3, 5].map((at) => {
      const part = Number.parseInt(colour.slice(at, at + 2), 16) / 255;
      return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [dark = 0, light = 0] = [luminance(one), luminance(other)].toSorted((a, b) => a - b);
  return (light + 0.05) / (dark + 0.05);
}

test('no two kinds have the same name or colour in a chart', () => {
  for (const field of ['label', 'light', 'dark'] as const) {
    expect(new Set(bands.map((band) => band[field])).size).toBe(bands.length);
  }
});

test('every colour stands out from the background of its theme', () => {
  for (const { light, dark } of bands) {
    for (const colour of [light, dark]) expect(colour).toMatch(/^#[0-9a-f]{6}$/);
    expect(contrast(light, '#ffffff')).toBeGreaterThan(4.5);
    expect(contrast(dark, '#111827')).toBeGreaterThan(4.5);
  }
});
