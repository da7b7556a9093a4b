// What the charts draw: one column for each bucket of the window that is over, with zero or nothing where the store had none.
import type {Bucket, Overview} from './api';

export interface Series {
  bucket_s: number;
  times_s: number[];  // start of each bucket
  ok: number[];  // requests/s
  notOk: number[];  // requests/s that failed, were cancelled, refused or lost
  input: number[];  // tokens/s
  output: number[];
  ttft_p50_ms: (number | null)[];
  ttft_p95_ms: (number | null)[];
}

// Zeros between zeros left out: so that a line that is drawn above others covers them only where it says something.
export function withoutRest(values: (number | null)[]): (number | null)[] {
  return values.map((value, i) => value === 0 && !values[i - 1] && !values[i + 1] ? null : value);
}

export function seriesOf(seen: Overview): Series {
  const byStart = new Map(seen.buckets.map(bucket => [bucket.start_unix_us, bucket]));
  const seconds = seen.bucket_us / 1e6;
  const starts: number[] = [];
  for (let at = seen.start_unix_us; at + seen.bucket_us <= seen.end_unix_us; at += seen.bucket_us) starts.push(at);
  const each = <T>(value: (bucket: Bucket | undefined) => T) => starts.map(start => value(byStart.get(start)));
  return {
    bucket_s: seconds,
    times_s: starts.map(start => start / 1e6),
    ok: each(b => b ? b.ok / seconds : 0),
    notOk: each(b => b ? (b.failed + b.cancelled + b.refused + b.lost) / seconds : 0),
    input: each(b => b ? b.input_tokens / seconds : 0),
    output: each(b => b ? b.output_tokens / seconds : 0),
    ttft_p50_ms: each(b => b?.ttft_p50_us == null ? null : b.ttft_p50_us / 1e3),
    ttft_p95_ms: each(b => b?.ttft_p95_us == null ? null : b.ttft_p95_us / 1e3),
  };
}
