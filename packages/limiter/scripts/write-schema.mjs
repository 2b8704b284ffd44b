import { writeFileSync } from 'node:fs';
import { limiterJsonSchema } from '../dist/index.js';

// Run by `pnpm run schema`, after a build; a test compares the file with the sources.
const file = new URL('../schema/limiter.schema.json', import.meta.url);
writeFileSync(file, `${JSON.stringify(limiterJsonSchema(), undefined, 2)}\n`);
