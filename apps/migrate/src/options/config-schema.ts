import { limiterJsonSchema, numberOption } from '@stillframe/limiter';
import * as v from 'valibot';

/** Larger is a typing error. */
const PRE_IMAGES_MAX_BYTES = 2 ** 50;

const limiter = v.pipe(
  v.union(
    [v.string(), v.looseObject({ name: v.string() })],
    'is neither NAME[,k=v…] nor a mapping with a name',
  ),
  v.description('how fast the sweep may go; read again at SIGHUP'),
  v.metadata({ json: { allOf: [{ $ref: '#/definitions/limiter' }] } }),
);

const preImages = v.pipe(
  v.strictObject({
    maxBytes: v.optional(
      numberOption({
        kind: 'bytes',
        description: 'memory for pages that wait for the sink; 0, only with stall, serves each page alone',
        min: 0,
        max: PRE_IMAGES_MAX_BYTES,
      }),
    ),
    overflow: v.optional(
      v.pipe(
        v.picklist(['spill', 'stall', 'abort']),
        v.description('when that is full: spill to a file, stall writers, or abort the snapshot'),
      ),
    ),
    spillDirectory: v.optional(v.pipe(v.string(), v.description('where the spill file is made'))),
  }),
  v.description('pages that are captured and that the sink has not taken'),
);

/** The file that `--config` names, YAML or JSON. Every key is optional; flags go before it. */
export const configSchema = v.strictObject({
  $schema: v.optional(v.pipe(v.string(), v.description('for editors; nothing here reads it'))),
  limiter: v.optional(limiter),
  preImages: v.optional(preImages),
  compress: v.optional(
    v.pipe(v.string(), v.description('none, lz4, zstd or auto, with a level if wanted: zstd:3')),
  ),
  chunk: v.optional(
    numberOption({
      kind: 'bytes',
      description: 'what is compressed, checked and read as one: by 4KiB',
      min: 4096,
      max: 2 ** 21,
    }),
  ),
  keyFile: v.optional(v.pipe(v.string(), v.description('images are sealed with this key file'))),
  passphraseFile: v.optional(
    v.pipe(v.string(), v.description('images are sealed with the passphrase in this file')),
  ),
  discarded: v.optional(
    v.pipe(
      v.picklist(['fail', 'zero']),
      v.description('when the guest throws memory away that is not captured yet: fail, or zero and count it'),
    ),
  ),
});

/** JSON Schema (draft 7) of a config file, for editors. schema/migrate.schema.json is this. */
export function configJsonSchema(): object {
  const { definitions } = limiterJsonSchema();
  return {
    $schema: 'http://json-schema.org/draft-07/schema#',
    title: 'Stillframe config file',
    ...jsonOf(configSchema),
    definitions,
  };
}

/** Of the kinds of schema that are used here. */
function jsonOf(schema: v.GenericSchema): object {
  const description = v.getDescription(schema);
  const { json } = v.getMetadata(schema);
  return {
    ...shapeOf(schema),
    ...(typeof json === 'object' ? json : {}),
    ...(description === undefined ? {} : { description }),
  };
}

function shapeOf(schema: v.GenericSchema): object {
  if (isKind<v.StrictObjectSchema<v.ObjectEntries, undefined>>(schema, 'strict_object')) {
    const properties = Object.entries(schema.entries).map(([key, entry]) => [key, jsonOf(wrapped(entry))]);
    return { type: 'object', properties: Object.fromEntries(properties), additionalProperties: false };
  }
  if (isKind<v.PicklistSchema<readonly string[], undefined>>(schema, 'picklist'))
    return { enum: schema.options };
  return schema.type === 'string' ? { type: 'string' } : {};
}

function wrapped(entry: v.ObjectEntries[string]): v.GenericSchema {
  return isKind<v.OptionalSchema<v.GenericSchema, unknown>>(entry, 'optional') ? entry.wrapped : entry;
}

function isKind<S extends v.GenericSchema>(schema: { readonly type: string }, type: S['type']): schema is S {
  return schema.type === type;
}
