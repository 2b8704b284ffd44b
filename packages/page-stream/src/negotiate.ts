import type { Hello } from './frames.ts';

/** The newest format version that both sides know. Throws STREAM_VERSION when there is none. */
export declare function chooseVersion(ours: Hello, theirs: Hello): number;
