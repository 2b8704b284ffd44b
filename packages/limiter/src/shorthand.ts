import { splitOutsideBrackets } from './brackets.ts';
import { excerpt, LimiterConfigError } from './errors.ts';

/** A limiter's name and its options as text. */
export interface Shorthand {
  readonly name: string;
  readonly options: Readonly<Record<string, string>>;
}

/** A command line's worth; it also bounds how deep brackets can be nested. */
const MAX_LENGTH = 4096;

const HINT = 'write NAME or NAME,option=value,…, like linear-scan,waits=100';

/**
 * Takes `NAME[,k=v…]` apart. A value ends at the next comma; one with commas is put into square brackets, which stay part of it.
 * @throws {LimiterConfigError} `LIMITER_SYNTAX` or `LIMITER_DUPLICATE_OPTION`.
 */
export function splitShorthand(text: string): Shorthand {
  const parts = text.length > MAX_LENGTH ? undefined : splitOutsideBrackets(text, ',');
  if (parts === undefined) {
    const why =
      text.length > MAX_LENGTH ? `is longer than ${MAX_LENGTH} letters` : 'has brackets that do not match';
    throw new LimiterConfigError('LIMITER_SYNTAX', 'name', `${excerpt(text)} ${why}`, HINT);
  }
  const [name = '', ...pairs] = parts;
  if (name === '') {
    throw new LimiterConfigError('LIMITER_SYNTAX', 'name', `${excerpt(text)} names no limiter`, HINT);
  }
  const options = new Map<string, string>();
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    const key = pair.slice(0, equals).trim();
    if (equals < 1) {
      throw new LimiterConfigError('LIMITER_SYNTAX', pair, `${excerpt(pair)} is not option=value`, HINT);
    }
    if (options.has(key)) {
      const message = `option ${excerpt(key)} is given twice`;
      throw new LimiterConfigError('LIMITER_DUPLICATE_OPTION', key, message, 'give each option once');
    }
    options.set(key, pair.slice(equals + 1).trim());
  }
  return { name, options: Object.fromEntries(options) };
}
