// LZ4 as one translation unit of ours, so that it is built with our flags and visibility in every variant.
// The source is not changed.
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"

#define LZ4LIB_VISIBILITY
#include "../../third_party/lz4/lz4.c"
