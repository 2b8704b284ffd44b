// Checks or rewrites the layout of every C and C++ file of the project with the clang-format release that is pinned in
// the catalog (its output differs from release to release, so a system binary is never used).
// usage: node tools/scripts/clang-format.mjs --check | --write
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';

const root = path.resolve(import.meta.dirname, '../..');
const { clangFormatPath } = createRequire(import.meta.url)('clang-format-node');
const FOLDERS = /^(?:packages\/[^/]+\/native|tools)\/.*\.(?:cc|c|h)$/;

const mode = process.argv[2];
if (mode !== '--check' && mode !== '--write') {
  console.error('usage: node tools/scripts/clang-format.mjs --check | --write');
  process.exit(2);
}

// Tracked and new files, but nothing that is ignored: build folders hold copies and generated code.
const list = spawnSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
  cwd: root,
  encoding: 'utf8',
  maxBuffer: 1 << 26,
});
if (list.status !== 0) {
  console.error(`clang-format: git ls-files failed: ${list.error?.message ?? list.stderr}`);
  process.exit(1);
}
const files = [...new Set(list.stdout.split('\0'))].filter(
  (file) => FOLDERS.test(file) && existsSync(path.join(root, file)), // a file deleted but still in the index has no layout
);
if (files.length === 0) {
  console.error('clang-format: no C or C++ file found');
  process.exit(1);
}

const flags = mode === '--check' ? ['--dry-run', '--Werror'] : ['-i'];
const run = spawnSync(clangFormatPath, [...flags, ...files], {
  cwd: root,
  stdio: ['ignore', 'inherit', 'inherit'],
});
if (run.status !== 0) {
  if (run.error) console.error(`clang-format: ${run.error.message}`);
  if (mode === '--check')
    console.error('clang-format: fix with: node tools/scripts/clang-format.mjs --write');
  process.exit(1);
}
console.log(`clang-format: ${files.length} files ${mode === '--check' ? 'checked' : 'written'}`);
