/**
 * What a source keeps to say it again: more than a fast network has on its way (16 MiB is 10 Gbit/s for 13 ms), and no more than a
 * destination that is lost may cost.
 */
export const SOURCE_WINDOW_BYTES = 16 * 1024 * 1024;

/** A destination says HELLO, and in the end ACK or ABORT; each is at most 4 KiB. */
export const DESTINATION_WINDOW_BYTES = 64 * 1024;

/** Without a word for so long a connection counts as lost. A source whose limiter holds it shows that it lives all the same. */
export const LINK_SILENCE_MS = 10_000;

/** How long a destination keeps what it has for a source that was lost. */
export const DEFAULT_RETRY_WAIT_MS = 60_000;

/** Sessions that a destination knows at once: each holds a window and, while it is served, an image. */
export const SESSIONS_MAX = 16;

/** From a connection to the first frame of the other side. */
export const FIRST_WORD_MS = 10_000;
