// PAGEMAP_SCAN and PROCMAP_QUERY for JavaScript.
#include "kernel/pagemap.h"

#include "binding/addon.h"
#include "binding/values.h"

namespace stillframe {
namespace {

/// (pagemapFd, BigUint64Array: struct pm_scan_arg, BigUint64Array: regions as triples) → number of regions;
/// walk_end in the argument.
Napi::Value Scan(const Napi::CallbackInfo& info) {
  const std::span<uint64_t> words = ToWords(info[1]);
  const std::span<uint64_t> regions = ToWords(info[2]);
  if (words.size_bytes() != sizeof(abi::PmScanArg))
    throw Napi::RangeError::New(info.Env(), "expected 12 words");
  auto* arg = reinterpret_cast<abi::PmScanArg*>(words.data());
  arg->vec = regions.empty() ? 0 : reinterpret_cast<uintptr_t>(regions.data());
  arg->vec_len = regions.size_bytes() / sizeof(abi::PageRegion);
  return FromResult(info.Env(), PagemapScan(ToInt(info[0]), arg));
}

/// (mapsFd, address, BigUint64Array: start, end, page size, inode, 1 if shared) → 0 or an errno negated.
Napi::Value Query(const Napi::CallbackInfo& info) {
  abi::ProcmapQuery query{};
  query.query_addr = ToU64(info[1]);
  const SysResult result = ProcmapQuery(ToInt(info[0]), &query);
  const std::span<uint64_t> out = ToWords(info[2]);
  if (out.size() != 5) throw Napi::RangeError::New(info.Env(), "expected 5 words");
  out[0] = query.vma_start;
  out[1] = query.vma_end;
  out[2] = query.vma_page_size;
  out[3] = query.inode;
  out[4] = (query.vma_flags & abi::kProcmapShared) != 0 ? 1 : 0;
  return FromResult(info.Env(), result);
}

}  // namespace
}  // namespace stillframe

void InitPagemap(Napi::Env env, Napi::Object exports) {
  stillframe::Export<stillframe::Scan>(exports, "pagemapScan");
  stillframe::Export<stillframe::Query>(exports, "procmapQuery");
}
