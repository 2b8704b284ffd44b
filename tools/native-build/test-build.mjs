// Compiles a package's native core and its tests into one program, with g++ and nothing else: no node-gyp, no N-API.
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { variants } from './test-variants.mjs';

/** Folders under native/ whose every .cc is part of the program. `native/addon*.cc`, the binding, never is. */
const FOLDERS = ['kernel', 'core', 'track', 'serve', 'test'];

/**
 * Builds native/variants/<variant>/test of a package, compiling only what is older than its sources, headers or flags.
 * @param {string} packageDir absolute
 * @param {keyof typeof variants} variantName
 * @param {AbortSignal} [signal] ends the compilers
 * @returns {Promise<string>} the program's path; rejects when the compiler does, which has then said why on stderr
 */
export async function buildTest(packageDir, variantName, signal) {
  const native = path.join(packageDir, 'native');
  const out = path.join(native, 'variants', variantName);
  const sources = FOLDERS.flatMap((folder) => sourcesIn(path.join(native, folder)));
  if (!sources.some((file) => file.startsWith(path.join(native, 'test')))) {
    throw new Error(`${native}/test holds no .cc file`);
  }
  mkdirSync(out, { recursive: true });

  const compiler = process.env.CXX || 'g++';
  const flags = [...variants[variantName].flags, `-I${native}`, ...words(process.env.CXXFLAGS)];
  // Also names the sources: a deleted one must not live on in the program.
  const recipe = JSON.stringify({
    compiler,
    version: await run(compiler, ['-dumpfullversion', '-dumpversion'], signal),
    flags,
    sources,
  });
  const stamp = path.join(out, 'recipe.json');
  const sameRecipe = existsSync(stamp) && readFileSync(stamp, 'utf8') === recipe;

  const objects = sources.map((file) =>
    path.join(out, `${path.relative(native, file).replaceAll('/', '__')}.o`),
  );
  const stale = sources
    .map((file, i) => ({ file, object: objects[i] }))
    .filter(({ object }) => !sameRecipe || !fresh(object));
  await eachInParallel(stale, availableParallelism(), ({ file, object }) =>
    compile(compiler, flags, file, object, signal),
  );

  const program = path.join(out, 'test');
  if (stale.length > 0 || !existsSync(program)) {
    await run(
      compiler,
      [...flags, ...objects, '-o', `${program}.tmp`, ...words(process.env.LDFLAGS)],
      signal,
    );
    renameSync(`${program}.tmp`, program);
    writeFileSync(stamp, recipe);
  }
  return program;
}

function sourcesIn(folder) {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.cc'))
    .toSorted()
    .map((name) => path.join(folder, name));
}

/** The object dates from the start of its compilation, so an edit made meanwhile counts as newer. */
async function compile(compiler, flags, source, object, signal) {
  const started = new Date();
  await run(compiler, [...flags, '-MMD', '-MF', `${object}.d`, '-c', source, '-o', `${object}.tmp`], signal);
  renameSync(`${object}.tmp`, object);
  utimesSync(object, started, started);
}

/** Whether an object is newer than everything that its dependency file names. */
function fresh(object) {
  if (!existsSync(object) || !existsSync(`${object}.d`)) return false;
  const built = statSync(object).mtimeMs;
  const [, list = ''] = readFileSync(`${object}.d`, 'utf8').replaceAll('\\\n', ' ').split(/:(.*)/s);
  return words(list).every((file) => existsSync(file) && statSync(file).mtimeMs < built);
}

async function eachInParallel(items, width, work) {
  const queue = [...items];
  const worker = async () => {
    // oxlint-disable-next-line no-await-in-loop -- each worker does one item after the other
    for (let item = queue.shift(); item; item = queue.shift()) await work(item);
  };
  const results = await Promise.allSettled(Array.from({ length: width }, worker));
  for (const result of results) if (result.status === 'rejected') throw result.reason;
}

/** Resolves to stdout; compiler warnings pass through to stderr. */
function run(command, args, signal) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'], signal });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => {
      text += chunk;
    });
    child.on('error', reject);
    child.on('close', (code, by) => {
      if (code === 0) resolve(text);
      else reject(new Error(`${command} ended with ${by ?? code}, for ${args[args.indexOf('-o') - 1]}`));
    });
  });
}

const words = (text) => (text ?? '').split(/\s+/).filter(Boolean);
