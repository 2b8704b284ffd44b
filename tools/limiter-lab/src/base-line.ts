/** What everything is compared with: the seed's limiter, page by page. */
export const BASE_ID = 'linear-scan inline';
