import path from 'node:path';
import { bundleFromSource } from '@stillframe/tsup-config/bundle-from-source';

const root = path.join(import.meta.dirname, '..');

/** Bundles the thread that fills pages, to where src/lazy/worker-file.ts looks for it. */
export async function buildLazyWorker(): Promise<void> {
  await bundleFromSource(
    path.join(root, 'node_modules/.cache/lazy-worker'),
    { 'lazy-worker': path.join(root, 'src/lazy/worker-main.ts') },
    { noExternal: [/^@stillframe\//], external: ['node-gyp-build'] },
  );
}
