// Address space calls for JavaScript, and the address of memory that JavaScript already has.
#include "kernel/memory.h"

#include <string>

#include "binding/addon.h"
#include "binding/values.h"

namespace stillframe {
namespace {

using Info = const Napi::CallbackInfo&;

/// (address, sizeBytes, protection, flags, fd, offset) → address
Napi::Value MmapJs(Info info) {
  return FromResultBig(info.Env(), Mmap(ToU64(info[0]), ToU64(info[1]), ToInt(info[2]), ToInt(info[3]),
                                        ToInt(info[4]), static_cast<int64_t>(ToU64(info[5]))));
}

Napi::Value MunmapJs(Info info) { return FromResult(info.Env(), Munmap(ToU64(info[0]), ToU64(info[1]))); }

/// (address, oldSizeBytes, newSizeBytes, flags, newAddress) → address
Napi::Value MremapJs(Info info) {
  return FromResultBig(
      info.Env(), Mremap(ToU64(info[0]), ToU64(info[1]), ToU64(info[2]), ToInt(info[3]), ToU64(info[4])));
}

Napi::Value MprotectJs(Info info) {
  return FromResult(info.Env(), Mprotect(ToU64(info[0]), ToU64(info[1]), ToInt(info[2])));
}

Napi::Value MadviseJs(Info info) {
  return FromResult(info.Env(), Madvise(ToU64(info[0]), ToU64(info[1]), ToInt(info[2])));
}

Napi::Value MlockJs(Info info) {
  return FromResult(info.Env(), Mlock(ToU64(info[0]), ToU64(info[1]), static_cast<unsigned>(ToInt(info[2]))));
}

Napi::Value MunlockJs(Info info) { return FromResult(info.Env(), Munlock(ToU64(info[0]), ToU64(info[1]))); }

/// (name, flags); flags is an unsigned 32-bit mask that may use the sign bit's neighbours, hence a bigint.
Napi::Value MemfdCreateJs(Info info) {
  const std::string name = info[0].As<Napi::String>().Utf8Value();
  return FromResult(info.Env(), MemfdCreate(name.c_str(), static_cast<unsigned>(ToU64(info[1]))));
}

Napi::Value AddSealsJs(Info info) { return FromResult(info.Env(), AddSeals(ToInt(info[0]), ToInt(info[1]))); }

Napi::Value GetSealsJs(Info info) { return FromResult(info.Env(), GetSeals(ToInt(info[0]))); }

Napi::Value PageSizeJs(Info info) { return FromResult(info.Env(), PageSize()); }

/// (Uint8Array) → address of its first byte, 0 when it has no memory
Napi::Value AddressOf(Info info) {
  return Napi::BigInt::New(info.Env(),
                           static_cast<uint64_t>(reinterpret_cast<uintptr_t>(ToBytes(info[0]).data())));
}

}  // namespace
}  // namespace stillframe

void InitMemory(Napi::Env env, Napi::Object exports) {
  using namespace stillframe;
  Export<MmapJs>(exports, "mmap");
  Export<MunmapJs>(exports, "munmap");
  Export<MremapJs>(exports, "mremap");
  Export<MprotectJs>(exports, "mprotect");
  Export<MadviseJs>(exports, "madvise");
  Export<MlockJs>(exports, "mlock2");
  Export<MunlockJs>(exports, "munlock");
  Export<MemfdCreateJs>(exports, "memfdCreate");
  Export<AddSealsJs>(exports, "addSeals");
  Export<GetSealsJs>(exports, "getSeals");
  Export<PageSizeJs>(exports, "pageSize");
  Export<AddressOf>(exports, "addressOf");
}
