#!/usr/bin/env node
// Builds <package>/native with node-gyp and puts the stripped addon where node-gyp-build and `pnpm pack` look:
// prebuilds/linux-<arch>/node.napi.glibc.node. Executables of the same binding.gyp, named by the package's
// "nativeExecutables", go next to it. Needs python3, make and g++; never the network, because the Node-API headers
// come from the node-api-headers package, so one binary serves every Node release.
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, cpSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const require = createRequire(import.meta.url);
const root = process.cwd();
const native = path.join(root, 'native');

// A minimal --nodedir: what node-gyp reads of a Node source tree, and nothing else.
const nodedir = path.join(root, 'node_modules/.cache/nodedir');
const include = path.join(nodedir, 'include/node');
rmSync(nodedir, { recursive: true, force: true });
mkdirSync(include, { recursive: true });
cpSync(require('node-api-headers').include_dir, include, { recursive: true });
writeFileSync(path.join(include, 'config.gypi'), '{}\n');
writeFileSync(
  path.join(include, 'common.gypi'),
  JSON.stringify({
    variables: { 'build_v8_with_gn%': 'false', 'enable_lto%': 'false', 'openssl_fips%': '' },
    target_defaults: {
      default_configuration: 'Release',
      configurations: { Release: { cflags: ['-O3'] } },
      cflags: ['-fPIC', '-pthread'],
      ldflags: ['-pthread'],
    },
  }),
);

const gyp = [require.resolve('node-gyp/bin/node-gyp.js'), '-C', native, 'rebuild', '--jobs=max'];
const built = spawnSync(process.execPath, [...gyp, '--loglevel=warn', `--nodedir=${nodedir}`], {
  stdio: ['ignore', 2, 2],
});
if (built.status !== 0) process.exit(built.status ?? 1);

const name = path.basename(root).replaceAll('-', '_');
const arch = process.env.TARGET_ARCH ?? process.arch;
const folder = path.join(root, 'prebuilds', `linux-${arch}`);
mkdirSync(folder, { recursive: true });
ship(`${name}.node`, 'node.napi.glibc.node');
const { nativeExecutables = [] } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
for (const executable of nativeExecutables) ship(executable, executable);

/** Replaced by rename: a process that has the old file mapped keeps it. The mode goes with the copy. */
function ship(from, to) {
  const out = path.join(folder, to);
  copyFileSync(path.join(native, 'build/Release', from), `${out}.tmp`);
  execFileSync(process.env.STRIP ?? 'strip', ['--strip-unneeded', `${out}.tmp`]);
  renameSync(`${out}.tmp`, out);
}
