import { describe } from 'vitest';
import { sinkCompliance } from '../src/compliance/index.ts';
import { memorySink, nullSink } from '../src/index.ts';
import { runCases } from './run-cases.ts';

describe('memory sink', () => {
  const cases = sinkCompliance({
    makeSink: async () => {
      const sink = memorySink({ maxBytes: 32 * 1024 * 1024 });
      return { sink, image: async () => sink.image(), [Symbol.asyncDispose]: async () => {} };
    },
  });
  runCases(cases);
});

describe('null sink', () => {
  const cases = sinkCompliance({
    cannotShow: 'it keeps nothing',
    makeSink: async () => ({
      sink: nullSink(),
      image: async () => undefined,
      [Symbol.asyncDispose]: async () => {},
    }),
  });
  runCases(cases.filter(({ skip }) => skip === undefined));
});
