import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { build, type Options } from 'tsup';

const root = path.join(import.meta.dirname, '..');
const cache = path.join(root, 'node_modules/.cache/lazy-worker');

/** A package finds its addon from the folder it lies in, so the loader stays where it is. */
const nativeAddons: NonNullable<Options['esbuildPlugins']>[number] = {
  name: 'native-addons',
  setup(context) {
    context.onResolve({ filter: /^#(native|tracer)$/ }, ({ path: specifier, importer }) => ({
      path: createRequire(importer).resolve(specifier),
      external: true,
    }));
  },
};

/** Bundles the thread that fills pages from source, to where src/lazy/worker-file.ts looks for it. */
export async function buildLazyWorker(): Promise<void> {
  await mkdir(cache, { recursive: true });
  const fresh = await mkdtemp(path.join(cache, 'build-'));
  try {
    await build({
      config: false,
      silent: true,
      entry: { 'lazy-worker': path.join(root, 'src/lazy/worker-main.ts') },
      outDir: fresh,
      format: ['esm'],
      target: 'node20',
      platform: 'node',
      splitting: false,
      noExternal: [/^@stillframe\//],
      external: ['node-gyp-build'],
      esbuildOptions(options) {
        options.conditions = ['@stillframe/source'];
      },
      esbuildPlugins: [nativeAddons],
    });
    // By rename: another run may be starting it at this moment.
    await rename(path.join(fresh, 'lazy-worker.js'), path.join(cache, 'lazy-worker.js'));
  } finally {
    await rm(fresh, { recursive: true });
  }
}
