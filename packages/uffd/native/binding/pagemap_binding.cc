// PAGEMAP_SCAN for JavaScript.
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

}  // namespace
}  // namespace stillframe

void InitPagemap(Napi::Env env, Napi::Object exports) {
  stillframe::Export<stillframe::Scan>(exports, "pagemapScan");
}
