// userfaultfd calls for JavaScript: unpack, one call, pack.
#include "kernel/userfault.h"

#include "binding/addon.h"
#include "binding/values.h"
#include "kernel/abi.h"

namespace stillframe {
namespace {

using Info = const Napi::CallbackInfo&;

Napi::Value Open(Info info) { return FromResult(info.Env(), UffdOpen(ToInt(info[0]))); }

Napi::Value OpenFromDevice(Info info) {
  return FromResult(info.Env(), UffdOpenFromDevice(ToInt(info[0]), ToInt(info[1])));
}

/// (fd, BigUint64Array [api, features, ioctls] in and out)
Napi::Value Api(Info info) {
  const std::span<uint64_t> words = ToWords(info[1]);
  if (words.size_bytes() != sizeof(abi::UffdioApi))
    throw Napi::RangeError::New(info.Env(), "expected 3 words");
  return FromResult(info.Env(), UffdApi(ToInt(info[0]), reinterpret_cast<abi::UffdioApi*>(words.data())));
}

Napi::Value Register(Info info) {
  return FromResultBig(info.Env(),
                       UffdRegister(ToInt(info[0]), ToU64(info[1]), ToU64(info[2]), ToU64(info[3])));
}

Napi::Value Unregister(Info info) {
  return FromResult(info.Env(), UffdUnregister(ToInt(info[0]), ToU64(info[1]), ToU64(info[2])));
}

Napi::Value Wake(Info info) {
  return FromResult(info.Env(), UffdWake(ToInt(info[0]), ToU64(info[1]), ToU64(info[2])));
}

Napi::Value Copy(Info info) {
  return FromProgress(
      info.Env(), UffdCopy(ToInt(info[0]), ToU64(info[1]), ToU64(info[2]), ToU64(info[3]), ToU64(info[4])));
}

Napi::Value Zeropage(Info info) {
  return FromProgress(info.Env(),
                      UffdZeropage(ToInt(info[0]), ToU64(info[1]), ToU64(info[2]), ToU64(info[3])));
}

Napi::Value Writeprotect(Info info) {
  return FromResult(info.Env(),
                    UffdWriteprotect(ToInt(info[0]), ToU64(info[1]), ToU64(info[2]), ToU64(info[3])));
}

Napi::Value Continue(Info info) {
  return FromProgress(info.Env(),
                      UffdContinue(ToInt(info[0]), ToU64(info[1]), ToU64(info[2]), ToU64(info[3])));
}

Napi::Value Poison(Info info) {
  return FromProgress(info.Env(), UffdPoison(ToInt(info[0]), ToU64(info[1]), ToU64(info[2]), ToU64(info[3])));
}

Napi::Value Move(Info info) {
  return FromProgress(
      info.Env(), UffdMove(ToInt(info[0]), ToU64(info[1]), ToU64(info[2]), ToU64(info[3]), ToU64(info[4])));
}

/// (fd, Uint8Array for whole messages)
Napi::Value Read(Info info) {
  const std::span<std::byte> into = ToBytes(info[1]);
  return FromResult(info.Env(), UffdRead(ToInt(info[0]), into.data(), into.size()));
}

/// (fd, events, timeoutMs) → revents
Napi::Value PollFd(Info info) {
  return FromResult(info.Env(), Poll(ToInt(info[0]), static_cast<int16_t>(ToInt(info[1])), ToInt(info[2])));
}

}  // namespace
}  // namespace stillframe

void InitUserfault(Napi::Env env, Napi::Object exports) {
  using namespace stillframe;
  Export<Open>(exports, "uffdOpen");
  Export<OpenFromDevice>(exports, "uffdOpenFromDevice");
  Export<Api>(exports, "uffdApi");
  Export<Register>(exports, "uffdRegister");
  Export<Unregister>(exports, "uffdUnregister");
  Export<Wake>(exports, "uffdWake");
  Export<Copy>(exports, "uffdCopy");
  Export<Zeropage>(exports, "uffdZeropage");
  Export<Writeprotect>(exports, "uffdWriteprotect");
  Export<Continue>(exports, "uffdContinue");
  Export<Poison>(exports, "uffdPoison");
  Export<Move>(exports, "uffdMove");
  Export<Read>(exports, "uffdRead");
  Export<PollFd>(exports, "poll");
}
