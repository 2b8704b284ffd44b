import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { QemuError } from './error.ts';
import { isObject, type Json, type JsonObject, objectAt, textAt } from './json.ts';

/** QEMU's longest answers (query-qmp-schema) are below 1 MiB. What is longer does not come from QEMU (I-6). */
export const LINE_MAX_BYTES = 16 * 2 ** 20;
export const ANSWER_DEFAULT_MS = 10_000;

export interface QmpOptions {
  /** How long to wait for each answer. Default 10,000 ms. */
  readonly answerMs?: number;
}

export interface QmpEvent {
  readonly name: string;
  readonly data: JsonObject;
  /** When QEMU noted it, by its realtime clock; NaN when QEMU had no clock. */
  readonly timeMs: number;
}

interface Pending {
  readonly resolve: (answer: Json) => void;
  readonly reject: (error: QemuError) => void;
}

/** A connection to the machine protocol of a QEMU (docs/interop/qmp-spec). Several commands may be under way; answers are told apart by id. */
export class QmpClient {
  readonly path: string;
  readonly #socket: Socket;
  readonly #answerMs: number;
  readonly #pending = new Map<number, Pending>();
  readonly #listeners = new Set<(event: QmpEvent) => void>();
  readonly #ended: Promise<void>;
  #greeted: ((greeting: JsonObject) => void) | undefined;
  #received: Buffer[] = [];
  #receivedBytes = 0;
  #nextId = 1;
  #failure: QemuError | undefined;
  #version: JsonObject = {};

  /** @throws QemuError QEMU_UNREACHABLE, QEMU_PROTOCOL, QEMU_TIMEOUT (also when another client has the socket). */
  static async connect(path: string, options: QmpOptions = {}): Promise<QmpClient> {
    const socket = connect(path);
    try {
      await once(socket, 'connect');
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause);
      throw new QemuError('QEMU_UNREACHABLE', `cannot connect to ${path}: ${why}`, { cause });
    }
    const client = new QmpClient(path, socket, options.answerMs ?? ANSWER_DEFAULT_MS);
    try {
      await client.#negotiate();
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  private constructor(path: string, socket: Socket, answerMs: number) {
    this.path = path;
    this.#socket = socket;
    this.#answerMs = answerMs;
    this.#ended = new Promise((resolve) => socket.once('close', () => resolve()));
    socket.on('data', (bytes: Buffer) => this.#receive(bytes));
    socket.on('error', (cause) => this.#fail(new QemuError('QEMU_CLOSED', cause.message, { cause })));
    socket.on('close', () => this.#fail(new QemuError('QEMU_CLOSED', `QEMU closed ${this.path}`)));
  }

  /** As QEMU shows it, e.g. `7.2.22 (Debian 1:7.2+dfsg-7)`. */
  get version(): string {
    const numbers = objectAt(this.#version, 'qemu');
    const dotted = ['major', 'minor', 'micro'].map((part) => JSON.stringify(numbers[part] ?? 0)).join('.');
    return `${dotted} ${textAt(this.#version, 'package')}`.trim();
  }

  /** @throws QemuError QEMU_COMMAND with QEMU's words, QEMU_TIMEOUT, QEMU_CLOSED. */
  async execute(command: string, args?: JsonObject): Promise<Json> {
    if (this.#failure !== undefined) throw this.#failure;
    const id = this.#nextId++;
    const answer = new Promise<Json>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
    });
    const timer = setTimeout(() => {
      const operands = { command, answerMs: this.#answerMs };
      const late = new QemuError('QEMU_TIMEOUT', `no answer to ${command} in ${this.#answerMs} ms`, {
        operands,
      });
      this.#settle(id)?.reject(late);
    }, this.#answerMs);
    this.#socket.write(`${JSON.stringify({ execute: command, id, ...(args && { arguments: args }) })}\n`);
    try {
      return await answer;
    } finally {
      clearTimeout(timer);
    }
  }

  /** What only the human monitor tells. */
  async human(commandLine: string): Promise<string> {
    const text = await this.execute('human-monitor-command', { 'command-line': commandLine });
    return typeof text === 'string' ? text : '';
  }

  /** @returns What ends it. */
  onEvent(listener: (event: QmpEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Resolves when the connection has ended, for whatever reason. */
  get ended(): Promise<void> {
    return this.#ended;
  }

  /** Idempotent. */
  close(): void {
    this.#socket.destroy();
  }

  async #negotiate(): Promise<void> {
    let timer: NodeJS.Timeout | undefined;
    const greeting = await new Promise<JsonObject>((resolve, reject) => {
      this.#greeted = resolve;
      const silent = `${this.path} is silent: another client may have it`;
      timer = setTimeout(() => reject(new QemuError('QEMU_TIMEOUT', silent)), this.#answerMs);
      void this.#ended.then(() => reject(this.#failure));
    }).finally(() => clearTimeout(timer));
    this.#version = objectAt(objectAt(greeting, 'QMP'), 'version');
    await this.execute('qmp_capabilities');
  }

  #receive(bytes: Buffer): void {
    let rest = bytes;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      const line = Buffer.concat([...this.#received, rest.subarray(0, end)]);
      this.#received = [];
      this.#receivedBytes = 0;
      rest = rest.subarray(end + 1);
      this.#take(line.toString('utf8'));
    }
    this.#received.push(rest);
    this.#receivedBytes += rest.byteLength;
    if (this.#receivedBytes > LINE_MAX_BYTES) this.#refuse(`a line is longer than ${LINE_MAX_BYTES} bytes`);
  }

  #take(line: string): void {
    if (line.trim() === '' || this.#failure !== undefined) return;
    let message: unknown;
    try {
      message = JSON.parse(line);
    } catch {
      message = undefined;
    }
    if (!isObject(message)) return this.#refuse(`${JSON.stringify(line.slice(0, 60))} is not QMP`);
    if (message['QMP'] !== undefined) this.#greeted?.(message);
    else if (typeof message['event'] === 'string') this.#tell(message['event'], message);
    else this.#answer(message);
  }

  #tell(name: string, message: JsonObject): void {
    const { seconds, microseconds } = objectAt(message, 'timestamp');
    const isKnown = typeof seconds === 'number' && typeof microseconds === 'number' && seconds >= 0;
    const timeMs = isKnown ? seconds * 1000 + microseconds / 1000 : Number.NaN;
    for (const listener of this.#listeners) listener({ name, data: objectAt(message, 'data'), timeMs });
  }

  #answer(message: JsonObject): void {
    const { id, error, return: result = null } = message;
    const pending = typeof id === 'number' ? this.#settle(id) : undefined;
    if (pending === undefined) return;
    if (error === undefined) return pending.resolve(result);
    pending.reject(
      new QemuError('QEMU_COMMAND', textAt(error, 'desc'), { operands: { class: textAt(error, 'class') } }),
    );
  }

  #settle(id: number): Pending | undefined {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    return pending;
  }

  #refuse(why: string): void {
    this.#fail(new QemuError('QEMU_PROTOCOL', why));
  }

  #fail(error: QemuError): void {
    this.#failure ??= error;
    for (const id of this.#pending.keys()) this.#settle(id)?.reject(this.#failure);
    this.#socket.destroy();
  }
}
