export { type LinkShape, type LinkSide, type LinkStats, ShapedLink } from './shaped-link.ts';
export { whyNoLink } from './privilege.ts';
