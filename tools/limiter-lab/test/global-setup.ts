import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { bundleFromSource } from '@stillframe/tsup-config/bundle-from-source';

const here = fileURLToPath(new URL('..', import.meta.url));
export const cache: string = path.join(here, 'node_modules/.cache/lab');

/** Bundles the program of a real run, and the script of the report's page. */
export default async function setup(): Promise<void> {
  await bundleFromSource(cache, { 'real-run': path.join(here, 'src/real/real-run.ts') });
  await bundleFromSource(
    cache,
    { client: path.join(here, 'src/report/client/main.ts') },
    { format: ['iife'], target: 'es2020', platform: 'browser', minify: true },
  );
}
