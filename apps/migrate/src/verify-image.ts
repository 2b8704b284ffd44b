import { type OracleCheck, oracleFor, type WorkloadImage } from './workloads/index.ts';

/** What an oracle says of an image. */
export interface ImageCheck {
  /** The kind of guest whose oracle looked; null when there is none for this guest. */
  readonly oracle: string | null;
  /** The oracle looked and agreed. */
  readonly verified: boolean;
  /** The first thing that is wrong; empty when nothing is. */
  readonly message: string;
  readonly checks: readonly OracleCheck[];
}

/** Asks the oracle for this kind of guest, if there is one. The image may be anything: what an oracle cannot read is not verified. */
export async function verifyImage(
  image: WorkloadImage,
  options: { signal?: AbortSignal },
): Promise<ImageCheck> {
  const oracle = oracleFor(image.state.kind);
  if (oracle === undefined) return { oracle: null, verified: false, message: '', checks: [] };
  const { ok, checks } = await oracle.verify(image, options);
  const wrong = checks.find((check) => !check.ok);
  const message = wrong === undefined ? '' : `${wrong.name}: ${wrong.detail}`;
  return { oracle: image.state.kind, verified: ok, message, checks };
}
