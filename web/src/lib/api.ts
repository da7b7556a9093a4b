// The store's HTTP API (docs/api/store.md), as far as the page uses it.
import {sha256, toHex, utf8} from './bytes';

export type Outcome = 'ok' | 'failed' | 'cancelled' | 'refused' | 'lost';
export const OUTCOMES: Outcome[] = ['ok', 'failed', 'cancelled', 'refused', 'lost'];

// docs/formats/record.md: request, refused and lost records.
export interface AuditRecord {
  type: 'request' | 'refused' | 'lost';
  boot: string;
  begun_boot?: string;
  seq: number;
  trace_id: string;
  time_us: number;
  start_us: number;
  operation: string;
  model?: string;
  outcome?: Outcome;
  error_type?: string;
  finish_reasons?: string[];
  input_tokens?: number;
  output_tokens?: number;
  duration_us?: number;
  queue_us?: number;
  prefill_us?: number;
  status?: number;
  [member: string]: unknown;
}

export interface Listed {
  request_id: string;
  origin: string;
  index: number;
  record?: AuditRecord;
  problem?: string;
}

// What became of a request, one word for each record.
export function outcomeOf(record: AuditRecord): Outcome {
  return record.outcome ?? (record.type === 'request' ? 'ok' : record.type);
}

export interface Page {
  records: Listed[];
  next?: string;
}

export interface Evidence {
  origin: string;
  index: number;
  leaf_hash: string;
  entry_base64: string;
  proof: string;
  vkey: string;
}

export interface Span {
  span_id: string;
  parent_span_id: string;
  service: string;
  name: string;
  start_unix_ns: number;
  duration_ns: number;
  status: 'UNSET' | 'OK' | 'ERROR';
  verified: boolean;
  attributes: Record<string, unknown>;
}

export interface Bucket {
  start_unix_us: number;
  ok: number;
  failed: number;
  cancelled: number;
  refused: number;
  lost: number;
  input_tokens: number;
  output_tokens: number;
  ttft_p50_us: number | null;
  ttft_p95_us: number | null;
}

export interface Overview {
  start_unix_us: number;
  end_unix_us: number;
  bucket_us: number;
  buckets: Bucket[];
  served: {origin: string; boot?: Record<string, unknown>; model?: Record<string, unknown>}[];
}

export interface MirrorState {
  url: string;
  origin: string;  // empty until the log was reached once
  vkey: string;
  size: number;
  problem: string;
  diverged: boolean;
  last_contact_unix_us: number;  // 0: never
}

// One metric with one set of attributes, of one service.
export interface MetricSeries {
  service: string;
  attributes: Record<string, unknown>;
  points: {time_unix_us: number; value?: number | null}[];  // in order of time; a gauge that has ended has no value
}

export class ApiError extends Error {
  constructor(readonly status: number, readonly code: string, message: string) {
    super(message);
  }
}

// Where the store asks for a key: kept until the tab is closed.
const KEY = 'beleg.api_key';
const KEY_PROOFS_MAX = 999;
export function setApiKey(key: string): void {
  sessionStorage.setItem(KEY, key);
}

export const records = (query: {limit: number; outcome?: string; before?: string}) =>
  get<Page>(`/api/records?${parameters(query)}`);
export const evidence = (requestId: string) => get<Evidence>(`/api/records/${encodeURIComponent(requestId)}`);
export const spansOf = async (traceId: string) => (await get<{spans: Span[]}>(`/api/v1/traces/${traceId}`)).spans;
export const overview = (minutes: number) => get<Overview>(`/api/overview?minutes=${minutes}`);
export const mirrors = async () => (await get<{mirrors: MirrorState[]}>('/api/ledger')).mirrors;
// From start to end, the newest point of each step; all three in milliseconds.
export const metric = async (query: {name: string; start: number; end: number; step: number}) =>
  (await get<{series: MetricSeries[]}>(`/api/metrics?${parameters(query)}`)).series;

// How the log's key was changed, the first change first, from the store's copy of the log; none where it never was.
export async function keyProofs(origin: string): Promise<string[]> {
  const folder = `/mirror/${toHex(await sha256(utf8(origin)))}/keys`;
  const texts: string[] = [];
  while (texts.length < KEY_PROOFS_MAX) {
    const response = await ask(`${folder}/${String(texts.length + 1).padStart(3, '0')}.tlog-proof`);
    if (response.status === 404) break;
    if (!response.ok) throw new ApiError(response.status, '', `HTTP status ${response.status}`);
    texts.push(await response.text());
  }
  return texts;
}

function ask(path: string): Promise<Response> {
  const key = sessionStorage.getItem(KEY);
  return fetch(path, {cache: 'no-store', headers: key ? {authorization: `Bearer ${key}`} : {}});
}

async function get<T>(path: string): Promise<T> {
  const response = await ask(path);
  const body = await response.json().catch(() => undefined);
  if (!response.ok) throw new ApiError(response.status, body?.error?.code ?? '', body?.error?.message ?? `HTTP status ${response.status}`);
  return body as T;
}

function parameters(query: Record<string, string | number | undefined>): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  return new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
}
