// What is not as it should be with the store and the logs that it mirrors, in words, each with what to do about it.
import type {MirrorState} from './api';
import {clock, count, isoTime} from './format';
import type {Pin} from './pin';

export interface Notice {
  title: string;
  text: string;  // `between these` stand commands and addresses
  keys?: {origin: string; pinned: string; shown: string};  // asks for a decision: is the new one to be believed?
}

export type LogState = 'up to date' | 'not reached' | 'other key' | 'rewritten';

export function logState(log: MirrorState, pin: Pin | undefined): LogState {
  if (log.diverged) return 'rewritten';
  if (pin && log.vkey && pin.vkey !== log.vkey) return 'other key';
  return log.problem ? 'not reached' : 'up to date';
}

// `silentSince_ms`: when the store answered last; undefined while it answers. `logs` is undefined until it has answered once.
export function noticesOf(logs: MirrorState[] | undefined, pinOf: (origin: string) => Pin | undefined,
                          silentSince_ms: number | undefined, now_ms: number): Notice[] {
  const out = silentSince_ms === undefined ? [] : [storeSilent(silentSince_ms, now_ms)];
  if (logs?.length === 0) out.push(noLog);
  for (const log of logs ?? []) {
    const pin = pinOf(log.origin), state = logState(log, pin);
    if (state === 'rewritten') out.push(rewritten(log));
    if (state === 'other key' && pin) out.push(otherKey(log, pin));
    if (state === 'not reached') out.push(log.last_contact_unix_us || log.size ? silent(log, now_ms) : neverReached(log));
  }
  return out;
}

const storeSilent = (since_ms: number, now_ms: number): Notice => ({
  title: 'The store does not answer',
  text: `Since ${clock(since_ms * 1000, now_ms)}; what you see is from before. If it has stopped, start \`beleg store\` or \`beleg up\` again: this page asks each second.`,
});

const noLog: Notice = {
  title: 'This store mirrors no log',
  text: 'So it has no records of requests, only the spans that are sent to it. Start it with `beleg store --ledger http://GPU-HOST:8001`.',
};

const rewritten = (log: MirrorState): Notice => ({
  title: 'The log was rewritten',
  text: `\`${log.origin}\` is no longer what this store has copied: ${sentence(log.problem)} Keep the store's data, and ask the operator.`,
});

const otherKey = (log: MirrorState, pin: Pin): Notice => ({
  title: 'The log has another key',
  text: `It is not the one by which this browser knows \`${log.origin}\` since ${isoTime(pin.since_ms * 1000).slice(0, 16)} UTC. ` +
        'Either the log was begun anew, or somebody put another in its place. Ask the operator which key is right.',
  keys: {origin: log.origin, pinned: pin.vkey, shown: log.vkey},
});

const silent = (log: MirrorState, now_ms: number): Notice => ({
  title: 'The log cannot be reached',
  text: `\`${log.origin}\` at \`${log.url}\` ${log.last_contact_unix_us ? `was last reached ${clock(log.last_contact_unix_us, now_ms)}` : 'was not reached since the store began'}. ` +
        `The store says: ${sentence(log.problem)} The ${count(log.size, 'leaf', 'leaves')} that are here can be shown and proved; newer ones come once \`beleg serve\` answers there again.`,
});

const neverReached = (log: MirrorState): Notice => ({
  title: 'The log was never reached',
  text: `\`${log.url}\`. The store says: ${sentence(log.problem)} Is \`beleg serve\` running there, with \`--ledger-listen\` on that address?`,
});

const sentence = (text: string) => /[.!?]$/.test(text) ? text : `${text}.`;
