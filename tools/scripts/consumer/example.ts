import { readFileSync } from 'node:fs';

/** The first `js` block of a README, as it stands there. */
export function exampleIn(readme: string): string {
  const block = /^```js\n(.*?)^```$/ms.exec(readFileSync(readme, 'utf8'))?.[1];
  if (block === undefined) throw new Error(`${readme} has no \`\`\`js block`);
  return block;
}

const IMPORT = /^import\s+(?:(?<clause>[^'"]+?)\s+from\s+)?['"](?<from>[^'"]+)['"];?$/gm;

/**
 * The same program as CommonJS: imports become requires, the rest goes into an async function so that it may await. Knows the forms
 * that our examples use, and leaves no `import` statement behind unnoticed: Node refuses it.
 */
export function toCommonJs(program: string): string {
  const requires: string[] = [];
  const rest = program.replaceAll(IMPORT, (...match) => {
    const { clause, from }: { clause?: string; from: string } = match.at(-1);
    requires.push(requireFor(clause, from));
    return '';
  });
  return [
    "'use strict';",
    ...requires,
    '(async () => {',
    rest,
    '})().catch((error) => {',
    '  console.error(error);',
    '  process.exitCode = 1;',
    '});',
    '',
  ].join('\n');
}

function requireFor(clause: string | undefined, from: string): string {
  if (clause === undefined) return `require('${from}');`;
  const namespace = /^\*\s+as\s+(\S+)$/.exec(clause)?.[1];
  return `const ${namespace ?? clause.replaceAll(/\s+as\s+/g, ': ')} = require('${from}');`;
}

/** A program that fails unless `import` and `require` of each entry give the same names, and at least one. */
export function sameNamesScript(entries: readonly string[]): string {
  return `(async () => {
    const own = (names) => Object.keys(names).filter((n) => n !== 'default' && n !== 'module.exports').sort().join();
    for (const entry of ${JSON.stringify(entries)}) {
      const [esm, cjs] = [own(await import(entry)), own(require(entry))];
      if (esm === '' || esm !== cjs) throw new Error(entry + ' exports ' + esm + ' to ESM, ' + cjs + ' to CJS');
    }
  })();`;
}
