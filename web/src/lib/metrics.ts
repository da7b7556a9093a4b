// What the collector scraped from the server: one value for each column of the charts. A store that keeps no metrics has none of it.
import {ApiError, metric, type MetricSeries} from './api';
import type {Series} from './series';

export interface Gauges {
  running: Values;  // requests
  waiting: Values;
  kvCache: Values;  // 1 is all of it
}
type Values = (number | null)[];

const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);
const most = (values: number[]) => Math.max(...values);

// undefined: there are none in this time, or they cannot be had now; null: this store keeps none.
export async function gaugesOf(columns: Series): Promise<Gauges | undefined | null> {
  if (columns.times_s.length === 0) return undefined;
  const step = columns.bucket_s * 1000, start = columns.times_s[0] * 1000, end = columns.times_s.at(-1)! * 1000 + step - 1;
  const ask = async (name: string, join: (values: number[]) => number) => gauge(await metric({name, start, end, step}), columns, join);
  try {
    const [running, waiting, kvCache] = await Promise.all([
      ask('vllm:num_requests_running', sum), ask('vllm:num_requests_waiting', sum), ask('vllm:kv_cache_usage_perc', most)]);
    return [...running, ...kvCache].some(value => value !== null) ? {running, waiting, kvCache} : undefined;
  } catch (error) {
    return error instanceof ApiError && error.status === 404 ? null : undefined;
  }
}

// The newest value in each column, or in those of the minute before it (columns may be narrower than what lies between two
// scrapes), joined over the series; null where no series has one.
export function gauge(series: MetricSeries[], {times_s, bucket_s}: Series, join: (values: number[]) => number): Values {
  const newest = series.map(one => new Map(one.points.map(point => [Math.floor(point.time_unix_us / 1e6 / bucket_s) * bucket_s, point.value ?? null])));
  const before = Array.from({length: Math.floor(60 / bucket_s) + 1}, (_, i) => i * bucket_s);
  return times_s.map(time => {
    const values = newest.flatMap(inColumn => before.map(back => inColumn.get(time - back)).find(value => value !== undefined) ?? []);  // null has ended, and is not looked behind
    return values.length > 0 ? join(values) : null;
  });
}
