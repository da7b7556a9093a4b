import assert from 'node:assert/strict';
import {test} from 'node:test';

import type {AuditRecord, Listed, Overview, Span} from './api';
import {groupsOf} from './fields';
import {axis, bytes, count, duration, group, isoTime, percent, rate} from './format';
import {extended, type List, refreshed} from './list';
import {gauge} from './metrics';
import {seriesOf, withoutRest} from './series';
import {bars, tree} from './waterfall';

const plain = (text: string) => text.replaceAll('\u202f', ' ');

test('durations have three digits and the unit that fits', () => {
  for (const [us, text] of [[0, '0 µs'], [53, '53 µs'], [1000, '1.00 ms'], [23_397, '23.4 ms'], [999_499, '999 ms'], [999_500, '1.00 s'],
                            [59_949_999, '59.9 s'], [59_950_000, '1 min 00 s'], [125_000_000, '2 min 05 s']] as const) {
    assert.equal(plain(duration(us)), text);
  }
});

test('counts, rates and sizes have units', () => {
  assert.deepEqual([count(1, 'token'), count(2, 'token'), count(12_345, 'token')].map(plain), ['1 token', '2 tokens', '12 345 tokens']);
  assert.deepEqual([rate(0, 'req'), rate(0.123, 'req'), rate(12.3, 'tok'), rate(12_345, 'tok')].map(plain), ['0 req/s', '0.12 req/s', '12.3 tok/s', '12 345 tok/s']);
  assert.deepEqual([bytes(342), bytes(144_811_456), bytes(999_999)].map(plain), ['342 B', '145 MB', '1.00 MB']);
  assert.deepEqual(['5.00 ms', '2.50 req/s', '100 tok/s', '10.0 s', '0.05 s'].map(axis), ['5 ms', '2.5 req/s', '100 tok/s', '10 s', '0.05 s']);
  assert.deepEqual([percent(0), percent(0.1234), percent(1)].map(plain), ['0 %', '12.3 %', '100 %']);
  assert.equal(plain(group(1_000_000)), '1 000 000');
  assert.equal(isoTime(1_700_000_000_000_042), '2023-11-14 22:13:20.000042');
});

test('every member of a record is shown, known or not', () => {
  const record = {type: 'request', boot: 'b0', seq: 1, trace_id: '01', time_us: 2, start_us: 1, operation: 'chat', input_tokens: 7,
                  params: {top_p: 0.9, stream: true}, commitment: {items: 2, root: 'c0'}, news: [1, 2], v: 1} as unknown as AuditRecord;
  const fields = groupsOf(record).flatMap(one => one.fields);
  assert.equal(fields.length, 14);
  const value = (member: string) => plain(fields.find(field => field.member === member)!.value);
  assert.deepEqual([value('input_tokens'), value('params.stream'), value('news'), value('start_us')],
                   ['7 tokens', 'yes', '1, 2', '1970-01-01 00:00:00.000001']);
});

const rows = (...indices: number[]): Listed[] => indices.map(index => ({request_id: '', origin: 'a', index}));
const shown = (list: List) => [...list.rows.map(row => row.index), list.next];

test('pages that meet are joined, pages with a gap between are not', () => {
  const known = {rows: rows(4, 3, 2, 1), next: 'below 1'}, page = {records: rows(5, 4, 3), next: 'below 3'};
  assert.deepEqual(shown(refreshed(known, page, 10)), [5, 4, 3, 2, 1, 'below 1']);
  assert.deepEqual(shown(refreshed(known, page, 4)), [5, 4, 3, 2, 'below 1']);
  assert.deepEqual(shown(refreshed(known, {records: rows(9, 8), next: 'below 8'}, 10)), [9, 8, 'below 8']);
  assert.deepEqual(shown(refreshed({rows: []}, page, 10)), [5, 4, 3, 'below 3']);
  assert.deepEqual(shown(refreshed({rows: rows(2, 1)}, {records: rows(3, 2, 1)}, 10)), [3, 2, 1, undefined]);
});

test('an older page is joined below, unless the list was begun anew meanwhile', () => {
  const older = {records: rows(2, 1)};
  assert.deepEqual(shown(extended({rows: rows(4, 3), next: 'below 3'}, older, 'below 3')), [4, 3, 2, 1, undefined]);
  assert.deepEqual(shown(extended({rows: rows(9, 8), next: 'below 8'}, older, 'below 3')), [9, 8, 'below 8']);
});

test('buckets that are over are columns, the running one is not', () => {
  const bucket = {start_unix_us: 10_000_000, ok: 20, failed: 1, cancelled: 2, refused: 3, lost: 4, input_tokens: 100, output_tokens: 50, ttft_p50_us: 1500, ttft_p95_us: null};
  const seen: Overview = {start_unix_us: 0, end_unix_us: 29_999_999, bucket_us: 10_000_000, served: [],
                          buckets: [bucket, {...bucket, start_unix_us: 20_000_000}]};
  assert.deepEqual(seriesOf(seen), {bucket_s: 10, times_s: [0, 10], ok: [0, 2], notOk: [0, 1], input: [0, 10], output: [0, 5],
                                    ttft_p50_ms: [null, 1.5], ttft_p95_ms: [null, null]});
});

test('a line at rest leaves the others to be seen', () => {
  assert.deepEqual(withoutRest([0, 0, 0, 3, 0, 0, null, 0]), [null, null, 0, 3, 0, null, null, null]);
});

test('the newest value in a column counts, joined over the series', () => {
  const columns = seriesOf({start_unix_us: 0, end_unix_us: 110_000_000, bucket_us: 10_000_000, served: [], buckets: []});
  const one = (...points: [number, number | null][]) =>
    ({service: 'vllm', attributes: {}, points: points.map(([time_s, value]) => ({time_unix_us: time_s * 1e6, value}))});
  const series = [one([1, 9], [9, 2], [21, 4]), one([8, 1], [31, null])];
  assert.deepEqual(gauge(series, columns, values => values.reduce((a, b) => a + b)), [3, 3, 5, 4, 4, 4, 4, 4, 4, null, null]);
  assert.deepEqual(gauge([], columns, () => 0), Array(11).fill(null));
});

const span = (id: string, parent: string, start_us: number, us: number) =>
  ({span_id: id, parent_span_id: parent, start_unix_ns: start_us * 1000, duration_ns: us * 1000}) as Span;

test('children stand below their parents in order of start, orphans and circles included', () => {
  const rows = tree([span('c', 'a', 5, 1), span('b', 'a', 2, 1), span('a', 'unknown', 0, 10), span('d', 'b', 3, 1)]);
  assert.deepEqual(rows.map(row => `${row.span.span_id}${row.depth}`), ['a0', 'b1', 'd2', 'c1']);
  assert.deepEqual(tree([span('x', 'y', 0, 1), span('y', 'x', 0, 1), span('z', 'z', 0, 1)]).map(row => row.span.span_id), ['z', 'x', 'y']);
});

test('no bar and no label leaves the picture', () => {
  const many = [span('a', '', 0, 1000), span('b', 'a', 0, 0), span('c', 'a', 999, 1), span('d', 'a', 400, 200), span('e', 'a', 1000, 0)];
  for (const width of [120, 400, 900]) {
    for (const bar of bars(many, width)) {
      const label = bar.label.length * 6.8;
      const [from, to] = bar.anchor === 'start' ? [bar.labelX, bar.labelX + label] : [bar.labelX - label, bar.labelX];
      assert.ok(bar.x >= 0 && bar.x + bar.width <= width && bar.width >= 2, `bar ${bar.span.span_id} at ${width}`);
      assert.ok(from >= 0 && to <= width, `label of ${bar.span.span_id} at ${width}: ${from} to ${to}`);
      assert.ok(bar.inside ? from >= bar.x : to <= bar.x || from >= bar.x + bar.width, `label of ${bar.span.span_id} covers its bar`);
    }
  }
});
