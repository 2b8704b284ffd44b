import { readFileSync } from 'node:fs';
import path from 'node:path';
import { expect, test } from 'vitest';
import { machine } from './kernel.ts';
import { Stage } from './stage.ts';

const readme = readFileSync(path.join(import.meta.dirname, '../README.md'), 'utf8');
const example = /```js\n([^]*?)```/.exec(readme)?.[1] ?? '';
const here = machine.tiers.some(({ name, available }) => name === 'sync-wp-user' && available);

test('the example does what it says', () => {
  using stage = new Stage();
  const told = here
    ? /^a wp fault in the first page: true\nbefore the write: 1\nafter the write: 2\n$/
    : /^writes cannot be watched here: .+/;
  expect(stage.run(example)).toMatch(told);
});
