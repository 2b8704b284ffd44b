/**
 * What keeps `value` from being plain data that JSON gives back as it was, or undefined: no NaN, no infinity, no undefined, no classes.
 * `path` is what to call it.
 */
export function plainFault(value: unknown, path: string): string | undefined {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return undefined;
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : `${path} is ${value}`;
  if (typeof value !== 'object') return `${path} is a value of type ${typeof value}`;
  const prototype: unknown = Object.getPrototypeOf(value);
  const plain = Array.isArray(value) || prototype === Object.prototype || prototype === null;
  if (!plain) return `${path} is an object with a class`;
  for (const [key, item] of Object.entries(value)) {
    const fault = plainFault(item, `${path}.${key}`);
    if (fault !== undefined) return fault;
  }
  return undefined;
}
