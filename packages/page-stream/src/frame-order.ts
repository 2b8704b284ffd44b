import { PageStreamError } from './error.ts';
import { features } from './features.ts';
import { FrameAdmission } from './frame-admission.ts';
import { type FrameHeader, frameTypes, isControlType } from './frame-header.ts';
import type { Frame } from './frames.ts';

/** Whose bytes a decoder reads: the three kinds of stream in FORMAT.md, "Order". */
export type StreamFrom = 'file' | 'source' | 'destination';

/** What the image needs next. */
type ImagePlace = 'header' | 'parent' | 'regions' | 'state' | 'pages' | 'ended';

const imagePlaces: ReadonlyMap<number, ImagePlace> = new Map([
  [frameTypes.STREAM_HEADER, 'header'],
  [frameTypes.PARENT, 'parent'],
  [frameTypes.REGION_TABLE, 'regions'],
  [frameTypes.GUEST_STATE, 'state'],
  [frameTypes.PAGES, 'pages'],
  [frameTypes.CHUNKS, 'pages'],
  [frameTypes.END, 'pages'],
]);

/** Order and sequence of the frames of one stream, and where it may end. */
export class FrameOrder {
  readonly #from: StreamFrom;
  readonly #admission: FrameAdmission;
  #image: ImagePlace = 'header';
  #features = 0;
  #saidHello = false;
  #acked = false;
  #abort: PageStreamError | undefined;

  constructor(from: StreamFrom, maxSkippedFrames: number) {
    this.#from = from;
    this.#admission = new FrameAdmission(maxSkippedFrames);
  }

  /** Not one byte may follow. */
  get closed(): boolean {
    return this.#acked || this.#abort !== undefined || (this.#from === 'file' && this.#image === 'ended');
  }

  /** The stream may end here, as the error says or, when undefined, because it is complete. `offset` is its length. */
  endedAt(offset: number): PageStreamError | undefined {
    if (this.#abort) return this.#abort;
    const complete = this.#from === 'destination' ? this.#acked : this.#image === 'ended';
    if (complete) return undefined;
    const missing = this.#from === 'destination' ? 'ACK' : 'END';
    return new PageStreamError('STREAM_TRUNCATED', offset, `the stream ends without ${missing}`);
  }

  /** Checks a header against what came before. */
  admit(header: FrameHeader): void {
    const isAllowed = isControlType(header.type) ? this.#allowsControl(header) : this.#allowsImage(header);
    this.#admission.admit(header, isAllowed);
  }

  /** Goes on behind a frame whose payload was accepted. */
  accept(frame: Frame): void {
    if (frame.type === 'header') {
      this.#features = frame.requiredFeatures;
      this.#image = (this.#features & features.PARENT) === 0 ? 'regions' : 'parent';
    } else if (frame.type === 'parent') this.#image = 'regions';
    else if (frame.type === 'regions') this.#image = 'state';
    else if (frame.type === 'state' && frame.last) this.#image = 'pages';
    else if (frame.type === 'end') this.#image = 'ended';
    else if (frame.type === 'hello') this.#saidHello = true;
    else if (frame.type === 'ack') this.#acked = true;
    else if (frame.type === 'abort') {
      const message = `the sender gave up: ${frame.code}: ${frame.message}`;
      this.#abort = new PageStreamError('STREAM_ABORTED', frame.offset, message);
    }
  }

  #allowsControl({ type }: FrameHeader): boolean {
    if (this.#from === 'file') return false;
    if (type === frameTypes.HELLO) return !this.#saidHello;
    if (type === frameTypes.ACK && this.#from !== 'destination') return false;
    return this.#saidHello;
  }

  #allowsImage({ type, known }: FrameHeader): boolean {
    if (this.#from === 'destination' || (this.#from === 'source' && !this.#saidHello)) return false;
    if (type === frameTypes.CHUNKS && (this.#features & features.CHUNKS) === 0) return false;
    if (known) return imagePlaces.get(type) === this.#image;
    return this.#image !== 'header' && this.#image !== 'ended';
  }
}
