'use strict';
// Where the tracer is: next to the addon, whichever that is.
const path = require('node:path');

module.exports = path.join(path.dirname(require('node-gyp-build').path(__dirname)), 'stillframe-tracer');
