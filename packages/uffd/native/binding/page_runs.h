// Sets of pages for JavaScript: triples of region, first page, pages, as numbers of 32 bits, which it holds
// without allocating.
#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>

#include "core/dirty_bitmap.h"
#include "core/guest_memory.h"

namespace stillframe {

constexpr size_t kRunWords = 3;

/// `for_runs(visit)` calls `visit(region, first, past)` for each run, twice alike.
template <typename ForRuns>
Napi::Uint32Array ToRuns(Napi::Env env, ForRuns for_runs) {
  size_t runs = 0;
  for_runs([&](size_t, uint64_t, uint64_t) { ++runs; });
  Napi::Uint32Array words = Napi::Uint32Array::New(env, kRunWords * runs);
  uint32_t* out = words.Data();
  for_runs([&](size_t region, uint64_t first, uint64_t past) {
    *out++ = static_cast<uint32_t>(region);
    *out++ = static_cast<uint32_t>(first);
    *out++ = static_cast<uint32_t>(past - first);
  });
  return words;
}

inline Napi::Uint32Array RunsOf(Napi::Env env, const GuestMemory& memory, const DirtyBitmap& pages) {
  return ToRuns(env, [&](auto visit) {
    for (size_t region = 0; region < memory.Regions().size(); ++region) {
      const uint64_t base = memory.FirstPage(region);
      pages.ForRuns(base, memory.EndPage(region),
                    [&](uint64_t first, uint64_t past) { visit(region, first - base, past - base); });
    }
  });
}

}  // namespace stillframe
