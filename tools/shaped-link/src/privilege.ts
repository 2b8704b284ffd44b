import { accessSync, constants } from 'node:fs';

/** Why this machine cannot have such a link, or undefined when it can: root, iproute2 and /dev/net/tun are what it takes. */
export function whyNoLink(): string | undefined {
  if (process.geteuid?.() !== 0) return 'network namespaces are made by root';
  try {
    accessSync('/dev/net/tun', constants.R_OK | constants.W_OK);
  } catch {
    return 'there is no /dev/net/tun';
  }
  const hasIp = ['/usr/sbin/ip', '/sbin/ip', '/usr/bin/ip', '/bin/ip'].some(isExecutable);
  return hasIp ? undefined : 'iproute2 is not installed';
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
