import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { CliError } from '../cli-error.ts';
import type { Movable } from './movable.ts';

/** It goes onto the wire and into logs. */
const NAME_MAX_LENGTH = 64;
const NAME = /^[\x21-\x7e]+$/;

export interface GuestModuleChoice {
  readonly movable: Movable;
  readonly options: Readonly<Record<string, string>>;
}

/**
 * Loads `FILE[,k=v…]`: a JavaScript file whose default export (or whose exports) is a `Movable`. The file runs with all that this process
 * may do. Throws CliError USAGE when it cannot be loaded or is none.
 */
export async function loadGuestModule(text: string): Promise<GuestModuleChoice> {
  const [file = '', ...pairs] = text.split(',');
  const options = Object.fromEntries(pairs.map(parsePair));
  let loaded: unknown;
  try {
    loaded = await import(pathToFileURL(path.resolve(file)).href);
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new CliError('USAGE', `--guest-module ${file} cannot be loaded: ${why}`, {
      cause,
      hint: 'It is a path to a JavaScript file that Node can import.',
    });
  }
  return { movable: checkMovable(loaded, file), options };
}

function parsePair(pair: string): [string, string] {
  const at = pair.indexOf('=');
  if (at > 0) return [pair.slice(0, at), pair.slice(at + 1)];
  throw new CliError('USAGE', `--guest-module: ${JSON.stringify(pair)} is no option`, {
    hint: 'Options are written k=v, with commas between them and behind the file.',
  });
}

function checkMovable(loaded: unknown, file: string): Movable {
  const value = isObject(loaded) && 'default' in loaded ? loaded['default'] : loaded;
  if (!isMovable(value)) {
    throw new CliError('USAGE', `--guest-module ${file} exports no guest`, {
      hint: 'Its default export needs a name, start(options) and load(parts, options).',
    });
  }
  if (value.name.length > NAME_MAX_LENGTH || !NAME.test(value.name)) {
    throw new CliError(
      'USAGE',
      `--guest-module ${file}: its name is ${JSON.stringify(value.name.slice(0, 80))}`,
      {
        hint: `A name has 1 to ${NAME_MAX_LENGTH} letters without spaces, and says its version: shop/index@2`,
      },
    );
  }
  return value;
}

function isMovable(value: unknown): value is Movable {
  return (
    isObject(value) &&
    typeof value['name'] === 'string' &&
    typeof value['start'] === 'function' &&
    typeof value['load'] === 'function'
  );
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
