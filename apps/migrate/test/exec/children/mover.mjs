import { writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { firstBytes, inherited } from './inherited.mjs';

const { regions } = inherited();
const channel = new Socket({ fd: Number(process.env.STILLFRAME_CONTROL_FD) });
const words = [];
channel.write('ready\n');
for await (const word of createInterface({ input: channel })) {
  words.push(word);
  channel.write(`${{ start: 'started', pause: 'paused', resume: 'resumed' }[word]}\n`);
  if (word === 'resume') break;
}
writeFileSync(process.argv[2], JSON.stringify({ words, firstBytes: firstBytes(regions[0]) }));
channel.destroy();
