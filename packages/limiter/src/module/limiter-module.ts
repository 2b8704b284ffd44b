import type { Limiter } from '../limiter.ts';
import type { LimiterFactory } from '../policy.ts';

/**
 * What a file for the `module` limiter exports, as its default export or as exports of these names: how to make a limiter.
 *
 * A file may also export a `Limiter` itself, if it has no options. A policy made by `definePolicy` is a `LimiterModule`.
 */
export interface LimiterModule<Options = unknown> {
  /** For logs. */
  readonly name: string;
  /** Checks the options before `create` gets them; without it there must be none. Any schema library that keeps to Standard Schema will do. */
  readonly options?: OptionsValidator<Options>;
  /** Called once for each limiter. `factory` builds limiters that are options of this one. */
  create(options: Options, factory: LimiterFactory): Limiter;
}

/** The part of Standard Schema (version 1) that is used here; valibot, zod and arktype schemas have it. */
export interface OptionsValidator<Options = unknown> {
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => ValidatorResult<Options> | Promise<ValidatorResult<Options>>;
  };
}

export type ValidatorResult<Options> =
  | { readonly value: Options; readonly issues?: undefined }
  | { readonly issues: readonly ValidatorIssue[] };

export interface ValidatorIssue {
  readonly message: string;
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}
