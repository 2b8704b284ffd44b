import { mkdir, mkdtemp, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, type Options } from 'tsup';

const here = fileURLToPath(new URL('..', import.meta.url));
export const cache: string = path.join(here, 'node_modules/.cache/lab');

/** A package finds its addon from the folder it lies in, so the loader stays where it is. */
const nativeAddons: NonNullable<Options['esbuildPlugins']>[number] = {
  name: 'native-addons',
  setup(context) {
    context.onResolve({ filter: /^#native$/ }, ({ path: specifier, importer }) => ({
      path: createRequire(importer).resolve(specifier),
      external: true,
    }));
  },
};

/** Bundles the programs from source, so that no build comes before a test; only the native addons have to be there. */
export default async function setup(): Promise<void> {
  await mkdir(cache, { recursive: true });
  // Put in place by rename: another run in the same checkout may be starting them at this moment.
  const fresh = await mkdtemp(path.join(cache, 'build-'));
  const shared: Options = {
    config: false,
    silent: true,
    outDir: fresh,
    splitting: false,
    noExternal: [/.*/],
  };
  try {
    await build({
      ...shared,
      entry: { 'real-run': path.join(here, 'src/real/real-run.ts') },
      format: ['esm'],
      target: 'node20',
      platform: 'node',
      esbuildOptions(options) {
        options.conditions = ['@stillframe/source'];
      },
      esbuildPlugins: [nativeAddons],
    });
    await build({
      ...shared,
      entry: { client: path.join(here, 'src/report/client/main.ts') },
      format: ['iife'],
      target: 'es2020',
      platform: 'browser',
      minify: true,
    });
    for (const file of ['real-run.js', 'client.global.js']) {
      // oxlint-disable-next-line no-await-in-loop -- two of them
      await rename(path.join(fresh, file), path.join(cache, file));
    }
  } finally {
    await rm(fresh, { recursive: true });
  }
}
