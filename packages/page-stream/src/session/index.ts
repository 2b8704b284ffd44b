export {
  MAX_SESSION_DATA_BYTES,
  MAX_SESSION_MS,
  SESSION_ID_BYTES,
  SESSION_TOKEN_BYTES,
  type SessionFrame,
  type SessionFrameType,
  type SessionRefusal,
  type SessionTicket,
} from './session-frames.ts';
export { SESSION_FRAME_BYTES } from './session-layout.ts';
export { beginsSession, SessionReader, SessionWriter } from './session-reader.ts';
