import { argumentError } from './errors.ts';

/** A set of the kernel's flag bits, addressed by name. Names are the kernel's own without their common prefix. */
export class NamedBits<Name extends string> {
  /** In the order of the table. */
  readonly names: readonly Name[];
  readonly #what: string;
  readonly #bits: ReadonlyMap<string, bigint>;

  constructor(what: string, bits: Readonly<Record<Name, number | bigint>>) {
    this.#what = what;
    const names: Name[] = [];
    for (const name in bits) names.push(name);
    this.names = names;
    this.#bits = new Map(names.map((name) => [name, BigInt(bits[name])]));
  }

  /** Throws TypeError for a name that is not in the table. */
  maskOf(names: Iterable<Name>): bigint {
    let mask = 0n;
    for (const name of names) {
      const bit = this.#bits.get(name);
      if (bit === undefined) {
        throw argumentError(TypeError, `${name} is not a ${this.#what}; known: ${this.names.join(', ')}`);
      }
      mask |= bit;
    }
    return mask;
  }

  /** Bits without a name are left out; `unnamed` has them. */
  namesIn(mask: bigint): Name[] {
    return this.names.filter((name) => (mask & (this.#bits.get(name) ?? 0n)) !== 0n);
  }

  unnamed(mask: bigint): bigint {
    return mask & ~this.maskOf(this.names);
  }
}
