import native from '#native';

/** A TCP connection as `net.Socket` names it. */
export interface ConnectionEnds {
  readonly localAddress?: string | undefined;
  readonly localPort?: number | undefined;
  readonly remoteAddress?: string | undefined;
  readonly remotePort?: number | undefined;
}

/**
 * A descriptor, the caller's, of a TCP connection that this process has open, found among its descriptors by both ends. For threads that
 * work without JavaScript; whoever has opened it neither reads nor writes any more, and closes it without a shutdown (`socket.destroy()`).
 * Undefined when there is none, or no descriptor is left for it.
 */
export function duplicateConnection({
  localAddress,
  localPort,
  remoteAddress,
  remotePort,
}: ConnectionEnds): number | undefined {
  if (localAddress === undefined || remoteAddress === undefined) return undefined;
  const fd = native.duplicateConnection(localAddress, localPort ?? 0, remoteAddress, remotePort ?? 0);
  return fd < 0 ? undefined : fd;
}
