import { describe, expect, it } from 'vitest';
import { asSnapshotError, attempt } from '../src/error.ts';
import { SnapshotError, type SnapshotErrorCode } from '../src/index.ts';

describe('a SnapshotError', () => {
  it('always has something that a person can do', () => {
    const codes: SnapshotErrorCode[] = [
      'guest-failed',
      'sink-failed',
      'peer-lost',
      'aborted',
      'not-verified',
    ];
    for (const code of codes) expect(new SnapshotError(code, 'it broke').hint).not.toBe('');
    expect(new SnapshotError('sink-failed', 'it broke', { hint: 'Mend it.' }).hint).toBe('Mend it.');
    expect(new SnapshotError('sink-failed', 'it broke', { hint: '' }).hint).not.toBe('');
  });

  it('is made of what a step throws, with its hint', async () => {
    const cause = Object.assign(new Error('EPERM'), { hint: 'Ask for the device.' });
    const failing = attempt('guest-failed', 'guest.open', () => {
      throw cause;
    });
    await expect(failing).rejects.toMatchObject({
      name: 'SnapshotError',
      code: 'guest-failed',
      message: 'guest.open: EPERM',
      operands: { step: 'guest.open' },
      hint: 'Ask for the device.',
      cause,
    });
  });

  it('passes through as it is', () => {
    const error = new SnapshotError('peer-lost', 'gone');
    expect(asSnapshotError(error, 'sink-failed', 'sink.write')).toBe(error);
  });

  it('may come of anything that is thrown', () => {
    expect(asSnapshotError('plain text', 'sink-failed', 'sink.write')).toMatchObject({
      message: 'sink.write: plain text',
      cause: 'plain text',
    });
  });
});
