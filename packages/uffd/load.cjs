'use strict';
// One place decides which binary is loaded, for ESM, CJS, src and dist alike.
module.exports = require('node-gyp-build')(__dirname);
