'use strict';
// One place decides which binary is loaded, for ESM, CJS, src and dist alike.
const loadAddon = require('node-gyp-build');

class PageCodecError extends Error {
  constructor(cause) {
    super(`the page codec's native addon cannot be loaded: ${cause.message}`, { cause });
    this.name = 'PageCodecError';
    this.code = 'PAGE_CODEC_UNAVAILABLE';
    this.hint =
      'There is a binary for Linux on x64 and arm64 with glibc. Elsewhere leave this package out: ' +
      '@stillframe/page-stream falls back to its own `pureCodec`.';
  }
}

try {
  module.exports = loadAddon(__dirname);
} catch (cause) {
  throw new PageCodecError(cause);
}
