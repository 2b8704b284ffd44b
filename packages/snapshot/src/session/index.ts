export { Backoff, BACKOFF_BASE_MS, BACKOFF_MAX_MS, DEFAULT_RETRY_BUDGET_MS } from './backoff.ts';
export { type Opened, opened } from './first-words.ts';
export { DEFAULT_RETRY_WAIT_MS, LINK_SILENCE_MS, SOURCE_WINDOW_BYTES } from './limits.ts';
export { type Admission, type HostEvent, SessionHost, type SessionHostOptions } from './session-host.ts';
export { SessionRefused } from './shake-hands.ts';
export {
  type LinkEvent,
  type LinkNumbers,
  openSession,
  type SourceSession,
  type SourceSessionOptions,
} from './source-session.ts';
