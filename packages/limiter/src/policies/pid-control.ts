/** A PID controller of the logarithm (base 2) of a rate. */
export interface ControlState {
  /** The integral term: where the output would be without an error. */
  readonly integral: number;
  /** The error that was seen last, in doublings below the target; null before the first. */
  readonly error: number | null;
}

export interface Sample {
  readonly doublingsBelow: number;
  /** Since the sample before; above 0. */
  readonly seconds: number;
}

export interface Range {
  readonly low: number;
  readonly high: number;
}

export interface ControlTerms extends Range {
  readonly kp: number;
  readonly ki: number;
  readonly kd: number;
  /** The output is what limits; otherwise a rise could not be felt. */
  readonly mayRise: boolean;
}

export function clamp(value: number, { low, high }: Range): number {
  return Math.max(low, Math.min(high, value));
}

export function openControl({ high }: Range): ControlState {
  return { integral: high, error: null };
}

/**
 * Anti-windup in two places: the integral stays in the output's range, and it does not go on in a direction in which the output is already at
 * its end or, upwards, makes no difference. So after an hour of quiet one long wait is answered as quickly as after a second.
 */
export function control(
  { integral, error: last }: ControlState,
  { doublingsBelow: error, seconds }: Sample,
  { kp, ki, kd, mayRise, ...range }: ControlTerms,
): { state: ControlState; output: number } {
  const quick = kp * error + kd * (last === null ? 0 : (error - last) / seconds);
  const isBlocked =
    (error > 0 && (!mayRise || integral + quick >= range.high)) ||
    (error < 0 && integral + quick <= range.low);
  const next = isBlocked ? integral : clamp(integral + ki * error * seconds, range);
  return { state: { integral: next, error }, output: clamp(next + quick, range) };
}
