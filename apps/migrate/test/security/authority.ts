import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { onTestFinished, type TestContext } from 'vitest';
import type { CertificateCredentials, KeyCredentials } from '../../src/io/tls-credentials.ts';

const run = promisify(execFile);

let isThere: Promise<boolean> | undefined;

/** Certificates are made by openssl, new for each test. Skips where it is not installed; in CI that is a failure, like every skip. */
export async function needOpenssl(context: TestContext): Promise<void> {
  isThere ??= run('openssl', ['req', '-help']).then(
    ({ stderr }) => stderr.includes('-CAkey'),
    () => false,
  );
  if (!(await isThere)) context.skip('openssl 3 is needed to make certificates, and is not installed');
}

const NEW_KEY = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];

const CA_CONFIG = `[ca]
default_ca = test
[test]
new_certs_dir = .
database = index.txt
rand_serial = yes
default_md = sha256
policy = any
copy_extensions = copy
[any]
commonName = supplied
`;

export interface CertificateFiles {
  readonly cert: string;
  readonly key: string;
}

export interface MadeOptions {
  /** The subjectAltName; none when it is empty. */
  readonly names?: string;
  /** More extensions, e.g. `extendedKeyUsage=clientAuth`. */
  readonly extensions?: readonly string[];
  /** Over for long, or not yet begun. */
  readonly when?: 'past' | 'future';
}

/** An authority in a folder that goes with the test. */
export class Authority {
  readonly folder: string;
  readonly ca: string;

  private constructor(folder: string) {
    this.folder = folder;
    this.ca = path.join(folder, 'ca.crt');
  }

  static async make(): Promise<Authority> {
    const folder = await mkdtemp(path.join(tmpdir(), 'stillframe-ca-'));
    onTestFinished(() => rm(folder, { recursive: true }));
    const made = new Authority(folder);
    await made.#request(['-x509', ...NEW_KEY, '-keyout', 'ca.key', '-out', 'ca.crt', '-subj', '/CN=test']);
    return made;
  }

  /** A certificate that it has signed, and its key. */
  async files(
    name: string,
    { names = 'IP:127.0.0.1,DNS:dest.test', extensions = [], when }: MadeOptions = {},
  ): Promise<CertificateFiles> {
    const all = [
      'basicConstraints=CA:FALSE',
      ...extensions,
      ...(names === '' ? [] : [`subjectAltName=${names}`]),
    ];
    const added = all.flatMap((extension) => ['-addext', extension]);
    const files = ['-keyout', `${name}.key`, '-out', `${name}.crt`];
    const request = [...NEW_KEY, ...files, '-subj', `/CN=${name}`, ...added];
    if (when === undefined) {
      await this.#request(['-x509', '-CA', 'ca.crt', '-CAkey', 'ca.key', ...request]);
    } else {
      await this.#request(request);
      await this.#sign(name, when);
    }
    return { cert: path.join(this.folder, `${name}.crt`), key: path.join(this.folder, `${name}.key`) };
  }

  async credentials(
    name: string,
    options: MadeOptions & { readonly peerName?: string } = {},
  ): Promise<CertificateCredentials> {
    const { cert, key } = await this.files(name, options);
    return {
      kind: 'certificates',
      cert: await readFile(cert),
      key: await readFile(key),
      ca: await readFile(this.ca),
      ...(options.peerName === undefined ? {} : { peerName: options.peerName }),
    };
  }

  /** `openssl req` cannot make certificates for other times than from now on. */
  async #sign(name: string, when: 'past' | 'future'): Promise<void> {
    await writeFile(path.join(this.folder, 'ca.cnf'), CA_CONFIG);
    await writeFile(path.join(this.folder, 'index.txt'), '');
    const [start, end] =
      when === 'past' ? ['200101000000Z', '200201000000Z'] : ['480101000000Z', '490101000000Z'];
    const files = ['-in', `${name}.crt`, '-out', `${name}.signed`, '-keyfile', 'ca.key', '-cert', 'ca.crt'];
    const args = [
      'ca',
      '-config',
      'ca.cnf',
      '-batch',
      '-notext',
      ...files,
      '-startdate',
      start,
      '-enddate',
      end,
    ];
    await run('openssl', args, { cwd: this.folder });
    await rename(path.join(this.folder, `${name}.signed`), path.join(this.folder, `${name}.crt`));
  }

  async #request(args: readonly string[]): Promise<void> {
    await run('openssl', ['req', ...args], { cwd: this.folder });
  }
}

export function newKey(): KeyCredentials {
  return { kind: 'psk', key: randomBytes(32) };
}
