import picocolors from 'picocolors';

/** Colour is for a terminal. The library also colours where it sees CI, whose lines are read by programs. */
const isTerminal = [process.stdout, process.stderr].every(({ isTTY }) => isTTY);

export const pc = picocolors.createColors(isTerminal && picocolors.isColorSupported);
