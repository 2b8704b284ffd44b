import * as v from 'valibot';
import { limitersOption } from '../limiters-option.ts';
import { definePolicy } from '../policy.ts';
import { minimum } from './minimum.ts';

/** More than this many rules are a policy of their own. */
const MAX_PARTS = 8;

export const minPolicy = definePolicy({
  name: 'min',
  summary: 'several limiters at once: the strictest wins',
  options: v.strictObject({
    of: limitersOption({
      description: 'the limiters, each as a name or with its options',
      maxParts: MAX_PARTS,
    }),
  }),
  create: ({ of }, factory) => minimum(of.map((part) => factory.fromConfig(part))),
});
