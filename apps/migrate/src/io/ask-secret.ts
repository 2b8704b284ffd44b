import { closeSync, openSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { StringDecoder } from 'node:string_decoder';
import { ReadStream } from 'node:tty';
import { CliError, Interrupted } from '../cli-error.ts';

/** Asks a person for a line that nobody else is to see. Rejects with the reason of `signal`, with USAGE where there is no person, and with Interrupted. */
export type AskSecret = (prompt: string, signal: AbortSignal) => Promise<string>;

const KEYS = {
  interrupt: '\u0003',
  end: '\u0004',
  enter: ['\r', '\n'],
  erase: ['\u007f', '\b'],
  clear: '\u0015',
};

/** From the terminal that the process belongs to, whatever stdin and stdout are. Nothing is echoed. */
export const askOnTerminal: AskSecret = async (prompt, signal) => {
  signal.throwIfAborted();
  const descriptor = openTerminal();
  const terminal = new ReadStream(descriptor);
  try {
    terminal.setRawMode(true);
    writeSync(descriptor, prompt);
    return await readLine(terminal, signal);
  } finally {
    terminal.setRawMode(false);
    writeSync(descriptor, '\n');
    terminal.destroy();
  }
};

function openTerminal(): number {
  try {
    const descriptor = openSync('/dev/tty', 'r+');
    // A controlling terminal that was hung up can be opened, but is none.
    try {
      writeSync(descriptor, '');
    } catch (error) {
      closeSync(descriptor);
      throw error;
    }
    return descriptor;
  } catch (cause) {
    throw new CliError('USAGE', '--passphrase asks on a terminal, and there is none', {
      cause,
      hint: 'Write the passphrase into a file that only you can read, and give --passphrase-file FILE.',
    });
  }
}

/** One line, edited as a person expects. In raw mode the terminal sends Ctrl-C as a character. */
function readLine(terminal: ReadStream, signal: AbortSignal): Promise<string> {
  const decoder = new StringDecoder('utf8');
  const line: string[] = [];
  return new Promise((resolve, reject) => {
    const type = (letter: string) => {
      const isGivenUp = letter === KEYS.interrupt || (letter === KEYS.end && line.length === 0);
      if (isGivenUp) reject(new Interrupted('SIGINT', constants.signals.SIGINT));
      else if (KEYS.enter.includes(letter)) resolve(line.join(''));
      else if (KEYS.erase.includes(letter)) line.pop();
      else if (letter === KEYS.clear) line.length = 0;
      else if (letter >= ' ') line.push(letter);
    };
    terminal.on('data', (bytes: Buffer) => {
      for (const letter of decoder.write(bytes)) type(letter);
    });
    terminal.on('error', reject);
    terminal.on('end', () => reject(new Interrupted('SIGHUP', constants.signals.SIGHUP)));
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
