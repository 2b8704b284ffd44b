/** A `WebAssembly.Memory`: lib.dom declares it, the types of Node do not. */
export interface WasmMemory {
  /** Another object after the memory has grown, over the same address. */
  readonly buffer: ArrayBuffer | SharedArrayBuffer;
}

interface WasmMemoryOptions {
  /** In pages of 64 KiB. */
  readonly initial: number;
  readonly maximum: number;
  readonly shared?: boolean;
}

const wasm: { Memory: new (options: WasmMemoryOptions) => WasmMemory } = Reflect.get(
  globalThis,
  'WebAssembly',
);

/** Zero until written. Throws RangeError when the address space cannot be had. */
export function createWasmMemory(options: WasmMemoryOptions): WasmMemory {
  return new wasm.Memory(options);
}
