// An initramfs of one program: the kernel's format ("newc" cpio, Documentation/driver-api/early-userspace/buffer-format.rst).
import { readFileSync, renameSync, writeFileSync } from 'node:fs';

const [program, image] = process.argv.slice(2);
if (image === undefined) throw new Error('usage: initramfs.mjs PROGRAM IMAGE');

const EXECUTABLE_FILE = 0o100755;
const padded = (bytes) => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 3)]);

function entry(name, mode, content) {
  const inode = name === 'init' ? 1 : 0;
  const fields = [inode, mode, 0, 0, 1, 0, content.length, 0, 0, 0, 0, name.length + 1, 0];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}${name}\0`;
  return Buffer.concat([padded(Buffer.from(header)), padded(content)]);
}

const archive = [
  entry('init', EXECUTABLE_FILE, readFileSync(program)),
  entry('TRAILER!!!', 0, Buffer.alloc(0)),
];
writeFileSync(`${image}.new`, Buffer.concat(archive));
renameSync(`${image}.new`, image);
