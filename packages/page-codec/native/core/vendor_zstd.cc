// Zstandard as one translation unit of ours, in the order of upstream's single-file build: one thread, no
// legacy formats, no dictionary builder, no assembly, and none of the strategies of levels that are far too
// slow beside a running guest. The sources are not changed.
#pragma GCC diagnostic ignored "-Wall"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"

#define DEBUGLEVEL 0
#define MEM_MODULE
#define XXH_NAMESPACE ZSTD_
#define XXH_PRIVATE_API
#define XXH_INLINE_ALL
#define ZSTD_LEGACY_SUPPORT 0
#define ZSTD_TRACE 0
#define ZSTD_DISABLE_ASM 1
#define ZSTD_EXCLUDE_BTLAZY2_BLOCK_COMPRESSOR
#define ZSTD_EXCLUDE_BTOPT_BLOCK_COMPRESSOR
#define ZSTD_EXCLUDE_BTULTRA_BLOCK_COMPRESSOR
#define ZSTDLIB_VISIBLE
#define ZSTDERRORLIB_VISIBLE

#ifdef __SANITIZE_ADDRESS__
// Upstream declares these for C; a declaration for C++ that came before gives them their linkage.
#include <sanitizer/asan_interface.h>
#endif

#define ZSTD_DEPS_NEED_MALLOC
#define ZSTD_DEPS_NEED_MATH64
#include "../../third_party/zstd/lib/common/zstd_deps.h"

#include "../../third_party/zstd/lib/common/debug.c"
#include "../../third_party/zstd/lib/common/entropy_common.c"
#include "../../third_party/zstd/lib/common/error_private.c"
#include "../../third_party/zstd/lib/common/fse_decompress.c"
#include "../../third_party/zstd/lib/common/zstd_common.c"

#include "../../third_party/zstd/lib/compress/fse_compress.c"
#include "../../third_party/zstd/lib/compress/hist.c"
#include "../../third_party/zstd/lib/compress/huf_compress.c"
#include "../../third_party/zstd/lib/compress/zstd_compress.c"
#include "../../third_party/zstd/lib/compress/zstd_compress_literals.c"
#include "../../third_party/zstd/lib/compress/zstd_compress_sequences.c"
#include "../../third_party/zstd/lib/compress/zstd_compress_superblock.c"
#include "../../third_party/zstd/lib/compress/zstd_double_fast.c"
#include "../../third_party/zstd/lib/compress/zstd_fast.c"
#include "../../third_party/zstd/lib/compress/zstd_lazy.c"
#include "../../third_party/zstd/lib/compress/zstd_ldm.c"
#include "../../third_party/zstd/lib/compress/zstd_opt.c"
#include "../../third_party/zstd/lib/compress/zstd_preSplit.c"

#include "../../third_party/zstd/lib/decompress/huf_decompress.c"
#include "../../third_party/zstd/lib/decompress/zstd_ddict.c"
#include "../../third_party/zstd/lib/decompress/zstd_decompress.c"
#include "../../third_party/zstd/lib/decompress/zstd_decompress_block.c"
