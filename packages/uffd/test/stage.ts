import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import ts from 'typescript';

const root = path.join(import.meta.dirname, '..');

/**
 * The package as JavaScript in a folder of its own that any user may read: for children, which have no TypeScript loader, and for children
 * of another user, to whom the checkout may be closed.
 */
export class Stage {
  readonly folder: string;
  readonly #package: string;

  constructor() {
    this.folder = mkdtempSync(path.join(tmpdir(), 'stillframe-'));
    chmodSync(this.folder, 0o755);
    this.#package = path.join(this.folder, 'node_modules/@stillframe/uffd');
    this.#transpile();
    const { imports } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
    const description = { name: '@stillframe/uffd', type: 'module', imports, exports: './src/index.js' };
    writeFileSync(path.join(this.#package, 'package.json'), JSON.stringify(description));
    for (const name of ['load.cjs', 'tracer.cjs'])
      cpSync(path.join(root, name), path.join(this.#package, name));
    cpSync(path.join(root, 'prebuilds'), path.join(this.#package, 'prebuilds'), { recursive: true });
    const loader = path.dirname(createRequire(import.meta.url).resolve('node-gyp-build/package.json'));
    cpSync(loader, path.join(this.folder, 'node_modules/node-gyp-build'), {
      recursive: true,
      dereference: true,
    });
  }

  /** Puts a script next to the package. @returns Its path. */
  script(name: string, text: string): string {
    const file = path.join(this.folder, name);
    writeFileSync(file, text);
    return file;
  }

  /**
   * Runs an ES module to its end, by a program that takes a command line if there is one to go through.
   * @returns What it printed. Throws when it fails or takes 15 s.
   */
  run(text: string, options: { uid?: number; through?: readonly string[] } = {}): string {
    const file = this.script('run.mjs', text);
    const words = [...(options.through ?? []), process.execPath, '--expose-gc', file];
    return execFileSync('/usr/bin/env', words, {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      cwd: this.folder,
      timeout: 15_000,
      killSignal: 'SIGKILL',
      env: { ...process.env, NODE_OPTIONS: '' },
      ...(options.uid === undefined ? {} : { uid: options.uid, gid: options.uid }),
    });
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  #transpile(): void {
    for (const name of readdirSync(path.join(root, 'src'), { recursive: true, encoding: 'utf8' })) {
      if (!name.endsWith('.ts')) continue;
      const { outputText } = ts.transpileModule(readFileSync(path.join(root, 'src', name), 'utf8'), {
        fileName: name,
        compilerOptions: {
          target: ts.ScriptTarget.ES2022,
          module: ts.ModuleKind.ESNext,
          verbatimModuleSyntax: true,
          rewriteRelativeImportExtensions: true,
        },
      });
      const out = path.join(this.#package, 'src', name.replace(/\.ts$/, '.js'));
      mkdirSync(path.dirname(out), { recursive: true });
      writeFileSync(out, outputText);
    }
  }
}
