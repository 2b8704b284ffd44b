import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { CliError } from '../cli-error.ts';

/** As Node's own check, without its way back to the common name of certificates that have no names. */
export function checkName(name: string, certificate: PeerCertificate): Error | undefined {
  if (certificate.subjectaltname === undefined) {
    return new CliError('REFUSED', `the certificate has no subjectAltName, and ${name} is asked for`, {
      hint: 'Make it with a subjectAltName, or say with --tls-name which name to ask for.',
    });
  }
  const mismatch = checkServerIdentity(name, certificate);
  if (mismatch === undefined) return undefined;
  return new CliError(
    'REFUSED',
    `the certificate is for ${certificate.subjectaltname}, and not for ${name}`,
    {
      hint: 'Connect by a name that is in the certificate, or say with --tls-name which name to ask for.',
    },
  );
}
