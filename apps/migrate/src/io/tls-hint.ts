import type { Transport } from '@stillframe/snapshot';
import { CliError } from '../cli-error.ts';

/** TLS records of type alert and handshake begin with these; the magic of the page stream with neither. */
const ALERT = 0x15;
const HANDSHAKE = 0x16;

/** What a listener of TLS answers to plain text: a fatal alert, protocol_version (RFC 8446, 6.2). `plainOnly` understands it. */
export const PROTOCOL_ALERT = Uint8Array.of(ALERT, 0x03, 0x03, 0x00, 0x02, 0x02, 70);

/** A plain connection whose other side may speak TLS: its first byte tells, and a read rejects with REFUSED and says what to do. */
export function plainOnly(transport: Transport, peer: 'source' | 'destination'): Transport {
  let isFirst = true;
  return {
    ...transport,
    async read(into) {
      const byteCount = await transport.read(into);
      if (isFirst && byteCount > 0) {
        isFirst = false;
        if (into[0] === ALERT || into[0] === HANDSHAKE) throw speaksTls(peer);
      }
      return byteCount;
    },
  };
}

function speaksTls(peer: 'source' | 'destination'): CliError {
  const plain = peer === 'source' ? 'destination' : 'source';
  return new CliError('REFUSED', `the ${peer} speaks TLS, and this ${plain} was started without`, {
    hint: 'Both sides need --psk-file, or both --tls-cert, --tls-key and --tls-ca.',
  });
}
