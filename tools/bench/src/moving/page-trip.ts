import path from 'node:path';
import { Child, numberAt } from '../child-process.ts';
import { type Writes, writesOf } from '../load.ts';
import type { Route } from './route.ts';

const TRIPS = 2000;

/** How long a page takes to come over this route when nothing else does, asked for by a plain C program. */
export async function pageTrips(folder: string, route: Route): Promise<Writes> {
  const program = path.join(folder, 'page_trip');
  const [serveFile = '', ...serveArgs] = route.atDestination([program, 'serve', route.host, '0']);
  const server = new Child(serveFile, serveArgs);
  const port = numberAt(await server.next(), 'port');
  const [file = '', ...args] = route.atSource([program, 'ask', route.host, String(port), String(TRIPS)]);
  return writesOf(await new Child(file, args).last());
}
