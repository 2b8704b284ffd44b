import { rmSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'tsup';

const packageRoot = fileURLToPath(new URL('..', import.meta.url));

/** Imports a TypeScript module of this package as Node 20 can: bundled below `node_modules/.cache`. `entry` is relative to the package. */
export async function importSource(entry) {
  const name = entry.replaceAll('/', '-').replace(/\.ts$/, '');
  const outDir = `${packageRoot}node_modules/.cache/stillframe/${name}-${process.pid}`;
  const callerDirectory = process.cwd();
  process.chdir(packageRoot);
  try {
    await build({
      // The bundler resolves against the directory in which it was loaded, so the path is a whole one.
      entry: { [name]: `${packageRoot}${entry}` },
      outDir,
      outExtension: () => ({ js: '.mjs' }),
      format: 'esm',
      target: 'node20',
      config: false,
      skipNodeModulesBundle: true,
      dts: false,
      silent: true,
      sourcemap: 'inline',
    });
    return await import(pathToFileURL(`${outDir}/${name}.mjs`).href);
  } finally {
    rmSync(outDir, { recursive: true, force: true });
    process.chdir(callerDirectory);
  }
}
