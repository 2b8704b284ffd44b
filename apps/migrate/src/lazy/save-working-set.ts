import { mergeOrders, workingSetPath, writeWorkingSet } from '@stillframe/guests/lazy';
import type { Report } from '../report/report.ts';

type Orders = Parameters<typeof writeWorkingSet>[2];

/** Saves in which order pages were touched, beside the image. It makes the next time quicker and nothing else, so that it cannot is no failure. */
export function saveWorkingSet(
  imagePath: string,
  image: Parameters<typeof writeWorkingSet>[1],
  orders: { readonly known: Orders; readonly touched: Orders },
  report: Report,
): void {
  if (orders.touched.length === 0) return;
  const path = workingSetPath(imagePath);
  try {
    writeWorkingSet(path, image, mergeOrders(orders.known, orders.touched));
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    report.talk(`what was touched first is not recorded in ${path}: ${why}`);
    report.event({ type: 'warning', code: 'WORKING_SET', path, message: why });
  }
}
