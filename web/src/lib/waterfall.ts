// Spans of one trace as rows and bars.
import type {Span} from './api';
import {duration} from './format';

export interface Bar {
  span: Span;
  depth: number;
  x: number;  // all in pixels from the left edge of the bars
  width: number;
  label: string;
  labelX: number;
  anchor: 'start' | 'end';
  inside: boolean;  // the label stands in its bar
}

const LETTER = 6.8;  // widest digit of the 12 px label, measured
const GAP = 6;

// Parents before children, each in order of start; a span whose parent is not here is a root.
export function tree(spans: Span[]): {span: Span; depth: number}[] {
  const ids = new Set(spans.map(span => span.span_id));
  const children = new Map<string, Span[]>();
  for (const span of [...spans].sort((a, b) => a.start_unix_ns - b.start_unix_ns || a.duration_ns - b.duration_ns)) {
    const parent = ids.has(span.parent_span_id) && span.parent_span_id !== span.span_id ? span.parent_span_id : '';
    children.set(parent, [...children.get(parent) ?? [], span]);
  }
  const rows: {span: Span; depth: number}[] = [];
  const seen = new Set<Span>();
  const walk = (parent: string, depth: number) => {
    for (const span of children.get(parent) ?? []) {
      if (seen.has(span)) continue;
      seen.add(span);
      rows.push({span, depth});
      walk(span.span_id, depth + 1);
    }
  };
  walk('', 0);
  for (const span of spans.filter(one => !seen.has(one))) {  // parents of each other
    if (!seen.has(span)) seen.add(span), rows.push({span, depth: 0}), walk(span.span_id, 1);
  }
  return rows;
}

// Where each bar and its label stand in `width` pixels: the label right of the bar, else left of it, else in it.
export function bars(spans: Span[], width: number): Bar[] {
  const rows = tree(spans);
  const start = Math.min(...rows.map(({span}) => span.start_unix_ns));
  const whole = Math.max(1, ...rows.map(({span}) => span.start_unix_ns + span.duration_ns - start));
  return rows.map(({span, depth}) => {
    const x = (span.start_unix_ns - start) / whole * width;
    const bar = Math.min(Math.max(2, span.duration_ns / whole * width), width);
    const left = Math.min(x, width - bar);
    const label = duration(span.duration_ns / 1000);
    return {span, depth, x: left, width: bar, label, ...placed(left, bar, label.length * LETTER, width)};
  });
}

function placed(x: number, bar: number, label: number, width: number): Pick<Bar, 'labelX' | 'anchor' | 'inside'> {
  if (x + bar + GAP + label <= width) return {labelX: x + bar + GAP, anchor: 'start', inside: false};
  if (x - GAP - label >= 0) return {labelX: x - GAP, anchor: 'end', inside: false};
  return {labelX: x + bar - GAP, anchor: 'end', inside: true};
}
