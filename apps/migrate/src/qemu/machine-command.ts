import type { MachineManifest } from '@stillframe/guests/qemu';
import { CliError } from '../cli-error.ts';

/** `-object` of a kind whose memory can be replaced by a file. */
const BACKEND = /^(?:qom-type=)?memory-backend-(?:file|memfd|ram|shm)$/;
/** What only makes sense for the memory that it was written for. */
const REPLACED: ReadonlySet<string> = new Set([
  'mem-path',
  'share',
  'hugetlb',
  'hugetlbsize',
  'seal',
  'prealloc',
  'readonly',
  'offset',
  'align',
  'pmem',
]);

export interface MachineCommandOptions {
  /** `commandLine` is empty when it is not known. */
  readonly manifest: Pick<MachineManifest, 'ram' | 'commandLine'>;
  /** Of the memory with this position in the image. */
  readonly memoryPath: (index: number) => string;
  /** Where QEMU is to listen for us. */
  readonly qmp: string;
}

/**
 * How to start QEMU over the memory of an image: the command of the user, with that memory behind its backends, waiting for its devices.
 *
 * Throws CliError REFUSED for a command without the memory that the image has.
 */
export function machineCommand(command: readonly string[], options: MachineCommandOptions): string[] {
  const { manifest, memoryPath, qmp } = options;
  const words = [...command];
  if (words.includes('-daemonize')) {
    throw new CliError(
      'USAGE',
      'QEMU is to stay in the foreground: -daemonize does not go with --into qemu',
      {
        hint: 'Leave it out; `migrate` ends when the machine does.',
      },
    );
  }
  manifest.ram.forEach(({ id, sizeBytes }, index) => {
    const at = words.findIndex((word, place) => words[place - 1] === '-object' && isBackend(word, id));
    if (at < 0) throw withoutMemory(id, sizeBytes, manifest);
    words[at] = overFile(words[at]!, memoryPath(index));
  });
  const incoming = words.includes('-incoming') ? [] : ['-incoming', 'defer'];
  return [...words, ...incoming, '-S', '-qmp', `unix:${qmp},server=on,wait=off`];
}

function isBackend(value: string, id: string): boolean {
  const [kind = '', ...properties] = value.split(',');
  return BACKEND.test(kind) && properties.includes(`id=${id}`);
}

function overFile(value: string, path: string): string {
  const [, ...properties] = value.split(',');
  const kept = properties.filter((property) => !REPLACED.has(property.split('=', 1)[0]!));
  return ['memory-backend-file', ...kept, 'share=on', `mem-path=${path}`].join(',');
}

function withoutMemory(
  id: string,
  sizeBytes: number,
  { commandLine }: MachineCommandOptions['manifest'],
): CliError {
  const started = commandLine.length === 0 ? '' : ` Its machine was started with: ${commandLine.join(' ')}`;
  return new CliError('REFUSED', `the command has no memory backend ${id}`, {
    hint: `The machine has ${id} of ${sizeBytes} bytes.${started}`,
  });
}
