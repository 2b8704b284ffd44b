import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export const root = path.resolve(import.meta.dirname, '../../..');

/** A package that users can install: one that is not private. */
export interface Publishable {
  readonly name: string;
  /** Absolute. */
  readonly dir: string;
  /** What a user can import: `@stillframe/x`, `@stillframe/x/y`. */
  readonly entries: readonly string[];
  /** Commands it installs. */
  readonly bins: readonly string[];
  /** Names of the packages of this workspace that it depends on, itself first, dependencies of dependencies included. */
  readonly closure: readonly string[];
  /** Whether it has an addon. */
  readonly native: boolean;
}

interface Manifest {
  readonly name: string;
  readonly private?: boolean;
  readonly exports?: Readonly<Record<string, unknown>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
}

export function publishablePackages(): readonly Publishable[] {
  const folders = ['packages', 'apps'].flatMap((parent) =>
    readdirSync(path.join(root, parent)).map((name) => path.join(root, parent, name)),
  );
  const found = folders
    .filter((dir) => existsSync(path.join(dir, 'package.json')))
    .map((dir) => ({ dir, manifest: readManifest(dir) }))
    .filter(({ manifest }) => manifest.private !== true);
  const manifests = new Map(found.map(({ manifest }) => [manifest.name, manifest]));
  return found.map(({ dir, manifest }) => ({
    name: manifest.name,
    dir,
    entries: Object.keys(manifest.exports ?? {})
      .filter((entry) => !entry.endsWith('.json'))
      .map((entry) => path.posix.join(manifest.name, entry)),
    bins: Object.keys(manifest.bin ?? {}),
    closure: [...closureOf(manifest.name, manifests)],
    native: existsSync(path.join(dir, 'native/binding.gyp')),
  }));
}

function readManifest(dir: string): Manifest {
  return JSON.parse(readFileSync(path.join(dir, 'package.json'), 'utf8'));
}

function closureOf(
  name: string,
  manifests: ReadonlyMap<string, Manifest>,
  seen = new Set<string>(),
): ReadonlySet<string> {
  seen.add(name);
  for (const dependency of Object.keys(manifests.get(name)?.dependencies ?? {})) {
    if (manifests.has(dependency) && !seen.has(dependency)) closureOf(dependency, manifests, seen);
  }
  return seen;
}
