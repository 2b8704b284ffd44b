import { spawn } from 'node:child_process';
import { access, constants, mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import { LabError } from './lab-error.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome-stable', 'google-chrome'];
const TIMEOUT_MS = 60_000;
const STDERR_KEPT = 2000;

export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly isDark?: boolean;
}

/**
 * A picture of an HTML file, by headless Chromium. `CHROMIUM` names another program.
 * @throws LabError LAB_NO_BROWSER, LAB_BROWSER_FAILED
 */
export async function takePicture(html: string, png: string, picture: Picture): Promise<void> {
  const program = await findBrowser();
  const profile = await mkdtemp(path.join(tmpdir(), 'limiter-lab-'));
  const args = [
    '--headless',
    '--disable-gpu',
    '--hide-scrollbars',
    '--no-first-run',
    '--disable-background-networking',
    `--user-data-dir=${profile}`,
    // The page is our own and asks for nothing; as root there is no sandbox to be had.
    ...(process.getuid?.() === 0 ? ['--no-sandbox'] : []),
    ...(picture.isDark === true ? ['--force-dark-mode'] : []),
    `--window-size=${picture.width},${picture.height}`,
    `--screenshot=${path.resolve(png)}`,
    pathToFileURL(path.resolve(html)).href,
  ];
  try {
    const startedMs = Date.now();
    const said = await run(program, args);
    const made = await stat(png).catch(() => undefined);
    if (made === undefined || made.size === 0 || made.mtimeMs < startedMs - 1000) throw failed(program, said);
  } finally {
    await rm(profile, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** @throws LabError LAB_NO_BROWSER */
export async function findBrowser(
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<string> {
  const named = environment['CHROMIUM'];
  const folders = (environment['PATH'] ?? '').split(path.delimiter).filter((folder) => folder !== '');
  const candidates =
    named === undefined ? NAMES.flatMap((name) => folders.map((folder) => path.join(folder, name))) : [named];
  for (const candidate of candidates) {
    // oxlint-disable-next-line no-await-in-loop -- the first one counts
    if (await isExecutable(candidate)) return candidate;
  }
  const message =
    named === undefined ? 'there is no Chromium for the picture' : `CHROMIUM: there is no program ${named}`;
  throw new LabError(
    'LAB_NO_BROWSER',
    message,
    'apt-get install chromium, or CHROMIUM=PROGRAM; the HTML report is complete without it',
  );
}

async function isExecutable(file: string): Promise<boolean> {
  return access(file, constants.X_OK).then(
    () => true,
    () => false,
  );
}

function run(program: string, args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: ['ignore', 'ignore', 'pipe'],
      timeout: TIMEOUT_MS,
      killSignal: 'SIGKILL',
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said = (said + text).slice(-STDERR_KEPT);
    });
    child.once('error', (error) => reject(failed(program, error.message, error)));
    child.once('close', (code) => (code === 0 ? resolve(said) : reject(failed(program, said))));
  });
}

function failed(program: string, said: string, cause?: unknown): LabError {
  return new LabError(
    'LAB_BROWSER_FAILED',
    `${program} made no picture: ${said.trim()}`,
    'The HTML report is complete.',
    cause,
  );
}
