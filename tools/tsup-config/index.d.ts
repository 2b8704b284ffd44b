import type { defineConfig, Options } from 'tsup';
export declare function library(options?: Options): ReturnType<typeof defineConfig>;
