// A record's members as a reader wants them: named, with units, in groups. A member that is not known here is shown as it is.
import type {AuditRecord} from './api';
import {count, duration, group, isoTime} from './format';

export interface Field {
  label: string;
  value: string;
  member: string;  // its name in the record
  code?: boolean;  // an id or hash
}
export interface Group {
  title: string;
  fields: Field[];
}

type Show = (value: unknown) => string;
const text: Show = value => Array.isArray(value) ? value.join(', ') : typeof value === 'object' ? JSON.stringify(value) : String(value);
const micros: Show = value => duration(Number(value));
const time: Show = value => isoTime(Number(value));
const tokens: Show = value => count(Number(value), 'token');
const leaf: Show = value => `leaf ${group(Number(value))}`;
const yesNo: Show = value => value ? 'yes' : 'no';
const code = {code: true};

type Known = [member: string, label: string, show?: Show, more?: {code: boolean}];
const GROUPS: [title: string, members: Known[]][] = [
  ['Outcome', [
    ['type', 'Type of record'], ['outcome', 'Outcome'], ['status', 'HTTP status'], ['error_type', 'Error'],
    ['finish_reasons', 'Finish reasons'], ['operation', 'Operation'], ['caller', 'Caller'],
  ]],
  ['Model', [['model', 'Model'], ['model_index', 'Model\'s own record', leaf]]],
  ['Tokens', [
    ['input_tokens', 'Input', tokens], ['cached_tokens', 'Of these computed before', tokens], ['output_tokens', 'Output', tokens],
    ['body_bytes', 'Body', value => count(Number(value), 'byte')],
  ]],
  ['Time', [
    ['start_us', 'Read, UTC', time], ['time_us', 'Recorded, UTC', time], ['duration_us', 'Duration', micros],
    ['queue_us', 'Waiting for a place', micros], ['prefill_us', 'Prompt, to the first token', micros],
    ['decode_us', 'First token to last', micros],
  ]],
  ['Parameters', [
    ['params.max_tokens', 'Most tokens', tokens], ['params.choices', 'Choices'], ['params.stream', 'Streamed', yesNo],
    ['params.temperature', 'Temperature'], ['params.top_p', 'Top p'], ['params.top_k', 'Top k'], ['params.seed', 'Seed'],
    ['params.frequency_penalty', 'Frequency penalty'], ['params.presence_penalty', 'Presence penalty'],
    ['params.stop_count', 'Stop texts'], ['params.ignored', 'Ignored fields'], ['params.unknown_fields', 'Unknown fields'],
  ]],
  ['Identity', [
    ['trace_id', 'Trace id', text, code], ['parent_span_id', 'Client\'s span id', text, code], ['seq', 'Number within the process', value => group(Number(value))],
    ['boot', 'Process (boot id)', text, code], ['begun_boot', 'Process that began it', text, code], ['boot_index', 'Process\'s own record', leaf],
    ['commitment.root', 'Commitment to what was said', text, code], ['commitment.items', 'Items committed to'], ['v', 'Version of the format'],
  ]],
];

export function groupsOf(record: AuditRecord): Group[] {
  const left = new Map(flatten(record));
  const out = GROUPS.map(([title, members]) => ({title, fields: members.flatMap(([member, label, show = text, more]) => {
    if (!left.has(member)) return [];
    const value = show(left.get(member));
    left.delete(member);
    return [{label, value, member, ...more}];
  })}));
  out.push({title: 'Other', fields: [...left].map(([member, value]) => ({label: member, value: text(value), member}))});
  return out.filter(group => group.fields.length > 0);
}

// {"params":{"top_p":1}} as [["params.top_p", 1]]
function flatten(record: object, prefix = ''): [string, unknown][] {
  return Object.entries(record).flatMap(([name, value]) =>
    value !== null && typeof value === 'object' && !Array.isArray(value)
      ? flatten(value, `${prefix}${name}.`) : [[`${prefix}${name}`, value] as [string, unknown]]);
}
