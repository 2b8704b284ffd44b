/** The longest path of a Unix socket: `sun_path` of unix(7) has 108 bytes, the last of them 0. */
export const SOCKET_PATH_MAX_BYTES = 107;

/** Longest request line, without its newline: a limiter's setting with room to spare. */
export const REQUEST_MAX_BYTES = 64 * 1024;

/** A person, a script and a monitor, twice. More are told so and turned away. */
export const CLIENTS_MAX = 8;

/** A client that neither asks nor reads for so long is let go, so that dead ones do not use up `CLIENTS_MAX`. */
export const CLIENT_IDLE_MS = 60_000;

/** At the end clients may read their last answer for so long. */
export const FAREWELL_MS = 500;

/** How long `migrate ctl` waits for an answer: loading a limiter's module is the longest. */
export const ANSWER_MS = 10_000;

/** Longest answer that `migrate ctl` reads: a status, whose longest part is the limiter's setting. */
export const ANSWER_MAX_BYTES = 256 * 1024;
