// Another process's memory and descriptors for JavaScript.
#include "kernel/process.h"

#include "binding/addon.h"
#include "binding/values.h"

namespace stillframe {
namespace {

using Info = const Napi::CallbackInfo&;

// A BigUint64Array of (address, length) pairs is an array of iovec as it stands.
static_assert(sizeof(iovec) == 2 * sizeof(uint64_t));
static_assert(offsetof(iovec, iov_base) == 0 && offsetof(iovec, iov_len) == sizeof(uint64_t));

/// (pid, Uint8Array, BigUint64Array of pairs) → bytes read
Napi::Value Readv(Info info) {
  const std::span<std::byte> into = ToBytes(info[1]);
  const std::span<uint64_t> pairs = ToWords(info[2]);
  return FromResult(info.Env(),
                    ProcessVmReadv(ToInt(info[0]), {into.data(), into.size()},
                                   reinterpret_cast<const iovec*>(pairs.data()), pairs.size() / 2));
}

Napi::Value PidfdOpenJs(Info info) {
  return FromResult(info.Env(), PidfdOpen(ToInt(info[0]), static_cast<unsigned>(ToInt(info[1]))));
}

Napi::Value PidfdGetfdJs(Info info) {
  return FromResult(info.Env(), PidfdGetfd(ToInt(info[0]), ToInt(info[1])));
}

/// (pid, other pid) → 0 when they have the same memory
Napi::Value KcmpVmJs(Info info) { return FromResult(info.Env(), KcmpVm(ToInt(info[0]), ToInt(info[1]))); }

/// (tid) → address of the head of its robust futexes, 0 for none
Napi::Value RobustListJs(Info info) { return FromResultBig(info.Env(), RobustList(ToInt(info[0]))); }

/// (fd, offset, data or hole) → offset of the next one
Napi::Value SeekHoleJs(Info info) {
  return FromResult(
      info.Env(), SeekHole(ToInt(info[0]), static_cast<off_t>(ToU64(info[1])), info[2].ToBoolean().Value()));
}

}  // namespace
}  // namespace stillframe

void InitProcess(Napi::Env env, Napi::Object exports) {
  using namespace stillframe;
  Export<Readv>(exports, "processVmReadv");
  Export<PidfdOpenJs>(exports, "pidfdOpen");
  Export<PidfdGetfdJs>(exports, "pidfdGetfd");
  Export<KcmpVmJs>(exports, "kcmpVm");
  Export<RobustListJs>(exports, "robustList");
  Export<SeekHoleJs>(exports, "seekHole");
}
