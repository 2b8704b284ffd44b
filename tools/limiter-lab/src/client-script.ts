import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';

/** Built from src/report/client; seen from src/ as from dist/. */
const CLIENT = fileURLToPath(new URL('../dist/client.global.js', import.meta.url));

/** What makes the report interactive. */
export function clientScript(file = CLIENT): Promise<string> {
  return readFile(file, 'utf8');
}
