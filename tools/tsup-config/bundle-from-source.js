import { mkdir, mkdtemp, readdir, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import path from 'node:path';
import { build } from 'tsup';

/** A package finds its addon from the folder it lies in, so the loader stays where it is. */
const nativeAddons = {
  name: 'native-addons',
  setup(context) {
    context.onResolve({ filter: /^#(native|tracer)$/ }, ({ path: specifier, importer }) => ({
      path: createRequire(importer).resolve(specifier),
      external: true,
    }));
  },
};

export async function bundleFromSource(folder, entry, options = {}) {
  await mkdir(folder, { recursive: true });
  // Put in place by rename: another run in the same checkout may be starting one of them at this moment.
  const fresh = await mkdtemp(path.join(folder, 'build-'));
  try {
    await build({
      config: false,
      silent: true,
      entry,
      outDir: fresh,
      format: ['esm'],
      target: 'node20',
      platform: 'node',
      splitting: false,
      noExternal: [/.*/],
      esbuildOptions(esbuild) {
        esbuild.conditions = ['@stillframe/source'];
      },
      esbuildPlugins: [nativeAddons],
      ...options,
    });
    const files = await readdir(fresh);
    await Promise.all(files.map((file) => rename(path.join(fresh, file), path.join(folder, file))));
  } finally {
    await rm(fresh, { recursive: true });
  }
}
