import { OperatingError, type OperatingErrorOptions } from '@stillframe/snapshot';

const HINTS = {
  CORE_NOT_A_PROCESS:
    'Only the image of a process (migrate snapshot --pid, or --pid as a source) can become a core file.',
  CORE_REGION_UNMAPPED: 'The image contradicts itself. Do not use it.',
  CORE_REGIONS_DIFFER: 'The image contradicts itself. Do not use it.',
  CORE_TOO_LARGE:
    'The core file would have more bytes than a file can have here. Narrow the filter of the capture.',
  CORE_TOO_MANY_SEGMENTS: 'The image has more parts than a core file can describe. Do not use it.',
} as const;

/** Why an image cannot become a core file. Stable. */
export type CoreErrorCode = keyof typeof HINTS;

export class CoreError extends OperatingError<CoreErrorCode> {
  override readonly name = 'CoreError';

  constructor(code: CoreErrorCode, message: string, options: OperatingErrorOptions = {}) {
    super(code, message, HINTS, options);
  }
}
