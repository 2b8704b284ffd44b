import { writeFileSync } from 'node:fs';
import { blocks, firstBytes, inherited, stateText } from './inherited.mjs';

const { regions, state } = inherited();
writeFileSync(
  process.argv[2],
  JSON.stringify({
    kind: state.kind,
    state: stateText(state),
    names: regions.map(({ name }) => name),
    firstBytes: regions.map(firstBytes),
    blocks: regions.map(blocks),
  }),
);
process.exitCode = 3;
