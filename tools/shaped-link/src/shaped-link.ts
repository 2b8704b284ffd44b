import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { createInterface, type Interface } from 'node:readline';
import { promisify } from 'node:util';
import { compileLink } from './compile.ts';

const run = promisify(execFile);

/** What a link does to each frame, in each direction. */
export interface LinkShape {
  /** One way, in microseconds. Default 0. */
  readonly delayUs?: number;
  /** Default: as fast as it goes. */
  readonly rateMbit?: number;
  /** Frames lost of a million. Default 0. */
  readonly lossPpm?: number;
  /** Bytes that wait for the rate or the delay before frames are dropped. Default 1 MiB. */
  readonly queueBytes?: number;
}

export interface LinkStats {
  readonly frames: number;
  readonly bytes: number;
  /** By `lossPpm` and `cut`. */
  readonly lost: number;
  /** Because the queue was full. */
  readonly dropped: number;
}

/** One end of a link. */
export interface LinkSide {
  /** For `ip netns exec NAMESPACE COMMAND`. */
  readonly namespace: string;
  readonly address: string;
  /** A command line that runs `command` there. */
  within(...command: readonly string[]): string[];
}

const QUEUE_DEFAULT_BYTES = 2 ** 20;
/** Few frames for many bytes: the carrier is a program, and takes processor time for each. */
const MTU_BYTES = 9000;

/**
 * Two network namespaces with nothing in them but a loopback and a link to each other.
 *
 * Lifetime: until `close()` (or `await using`), or until this process ends, however it ends: link and namespaces are gone then.
 */
export class ShapedLink implements AsyncDisposable {
  readonly a: LinkSide;
  readonly b: LinkSide;
  readonly #process: ChildProcess;
  readonly #answers: AsyncIterator<string>;
  readonly #lines: Interface;
  #isClosed = false;

  /** Needs root; see `whyNoLink`. */
  static async open(shape: LinkShape = {}): Promise<ShapedLink> {
    const program = await compileLink();
    const name = `stillframe-${process.pid}-${randomBytes(3).toString('hex')}`;
    const a = side(`${name}-a`, '10.99.0.1');
    const b = side(`${name}-b`, '10.99.0.2');
    const made: string[] = [];
    try {
      for (const { namespace } of [a, b]) {
        // oxlint-disable-next-line no-await-in-loop -- one after the other: the first is taken back when the second fails
        await run('ip', ['netns', 'add', namespace]);
        made.push(namespace);
      }
      const link = new ShapedLink(a, b, program);
      try {
        await link.#start(shape);
        return link;
      } catch (error) {
        await link.#stop();
        throw error;
      }
    } catch (error) {
      await removeNamespaces(made);
      throw error;
    }
  }

  private constructor(a: LinkSide, b: LinkSide, program: string) {
    this.a = a;
    this.b = b;
    this.#process = spawn(program, [a.namespace, b.namespace], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#lines = createInterface({ input: this.#process.stdout! });
    this.#answers = this.#lines[Symbol.asyncIterator]();
  }

  async shape(shape: LinkShape): Promise<void> {
    const { delayUs = 0, rateMbit = 0, lossPpm = 0, queueBytes = QUEUE_DEFAULT_BYTES } = shape;
    await this.#order(`shape ${delayUs} ${Math.round(rateMbit * 1000)} ${lossPpm} ${queueBytes}`);
  }

  /** Everything is lost from now on, also what is under way; neither side is told. */
  async cut(): Promise<void> {
    await this.#order('cut');
  }

  async mend(): Promise<void> {
    await this.#order('mend');
  }

  async stats(): Promise<LinkStats> {
    const [frames, bytes, lost, dropped] = (await this.#ask('stats')).split(' ').map(Number);
    return { frames: frames!, bytes: bytes!, lost: lost!, dropped: dropped! };
  }

  /** Takes link and namespaces away; programs that still run in them keep the latter until they end. Idempotent. */
  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    await this.#stop();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #start(shape: LinkShape): Promise<void> {
    await this.#expect('ready');
    for (const { namespace, address } of [this.a, this.b]) {
      const ip = (...words: readonly string[]) => run('ip', ['-n', namespace, ...words]);
      // oxlint-disable no-await-in-loop -- each step needs the one before
      await ip('addr', 'add', `${address}/24`, 'dev', 'wire');
      await ip('link', 'set', 'wire', 'mtu', String(MTU_BYTES));
      await ip('link', 'set', 'lo', 'up');
      await ip('link', 'set', 'wire', 'up');
      // oxlint-enable no-await-in-loop
    }
    await this.shape(shape);
  }

  async #stop(): Promise<void> {
    const ended = new Promise((resolve) => this.#process.once('exit', resolve));
    this.#process.stdin!.end();
    if (this.#process.exitCode === null && this.#process.signalCode === null) await ended;
    this.#lines.close();
  }

  async #order(command: string): Promise<void> {
    const pending = this.#ask(command);
    const answer = await pending;
    if (answer !== 'ok') throw new Error(`the link does not take ${JSON.stringify(command)}: ${answer}`);
  }

  async #ask(command: string): Promise<string> {
    this.#process.stdin!.write(`${command}\n`);
    return await this.#next();
  }

  async #expect(word: string): Promise<void> {
    const answer = await this.#next();
    if (answer !== word) throw new Error(`the link says ${answer} instead of ${word}`);
  }

  async #next(): Promise<string> {
    const { value, done } = await this.#answers.next();
    if (done === true) throw new Error('the link has ended; what it said is on stderr');
    return value;
  }
}

function side(namespace: string, address: string): LinkSide {
  return { namespace, address, within: (...command) => ['ip', 'netns', 'exec', namespace, ...command] };
}

/** For those that no program has been given: it takes away its own. */
async function removeNamespaces(names: readonly string[]): Promise<void> {
  await Promise.allSettled(names.map((name) => run('ip', ['netns', 'del', name])));
}
