import { counterMovableOracle } from './migration/counter-movable.ts';
import { type Oracle, oracleFor } from './workloads/index.ts';

/** The oracle for a state of this kind: that of a bundled workload, at rest or on the move. Undefined when nobody here knows it. */
export function oracleOfKind(kind: string): Oracle | undefined {
  return kind === counterMovableOracle.kind ? counterMovableOracle : oracleFor(kind);
}
