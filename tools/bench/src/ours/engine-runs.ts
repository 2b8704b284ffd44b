import { CaptureEngine } from '@stillframe/uffd';
import type { PageKind } from '../peers.ts';
import { type Addon, FIELD_RSS } from './addon.ts';
import { drain } from './drain.ts';
import { hugeBytesOf, mapGuest } from './guest-memory.ts';

export interface ArmRequest {
  readonly bytes: number;
  readonly kind: PageKind;
  /** Arm ahead first, so that only the cut is measured. */
  readonly ahead: boolean;
}

/** Arming, as a caller of the engine sees it. */
export async function runArm(addon: Addon, { bytes, kind, ahead }: ArmRequest): Promise<object> {
  const memory = mapGuest(addon, bytes, kind);
  using engine = CaptureEngine.open([{ memory }]);
  const hugeBytes = hugeBytesOf(addon, memory);
  if (ahead) await engine.armAhead();
  const startNs = process.hrtime.bigint();
  engine.arm();
  const ns = Number(process.hrtime.bigint() - startNs);
  return { ns, hugeBytes };
}

/** The sweep of memory that nobody writes. */
export async function runSweep(
  addon: Addon,
  { bytes, kind }: { bytes: number; kind: PageKind },
): Promise<object> {
  using engine = CaptureEngine.open([{ memory: mapGuest(addon, bytes, kind) }]);
  engine.arm();
  const startNs = process.hrtime.bigint();
  const { dataBytes } = await drain(engine);
  const ns = Number(process.hrtime.bigint() - startNs);
  if (dataBytes !== bytes) throw new Error(`${dataBytes} bytes came, not ${bytes}`);
  return { ns };
}

export async function runUntouched(addon: Addon, { bytes }: { bytes: number }): Promise<object> {
  const memory = mapGuest(addon, bytes, 'untouched');
  using engine = CaptureEngine.open([{ memory }]);
  engine.arm();
  const { dataBytes, zeroPages } = await drain(engine);
  return { dataBytes, zeroPages, residentBytes: addon.mappingBytes(Number(memory.address), FIELD_RSS) };
}
