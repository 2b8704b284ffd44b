// SCM_RIGHTS for JavaScript.
#include "kernel/fd_passing.h"

#include "binding/addon.h"
#include "binding/values.h"

namespace stillframe {
namespace {

using Info = const Napi::CallbackInfo&;

/// (type, Int32Array of two, filled with the descriptors)
Napi::Value SocketPairJs(Info info) {
  const std::span<int> pair = ToSpan<int>(info[1], napi_int32_array);
  if (pair.size() != 2) throw Napi::RangeError::New(info.Env(), "expected 2 descriptors");
  return FromResult(info.Env(), SocketPair(ToInt(info[0]), pair.data()));
}

/// (socket, Int32Array of descriptors, Uint8Array, flags) → bytes sent
Napi::Value Send(Info info) {
  return FromResult(info.Env(), SendFds(ToInt(info[0]), ToSpan<int>(info[1], napi_int32_array),
                                        ToBytes(info[2]), ToInt(info[3])));
}

/// (socket, Uint8Array, flags, number[] that receives descriptors) → [bytes or negated errno, message flags]
Napi::Value Receive(Info info) {
  const Napi::Env env = info.Env();
  auto out = info[3].As<Napi::Array>();
  std::vector<int> fds;
  int message_flags = 0;
  const SysResult result = ReceiveFds(ToInt(info[0]), ToBytes(info[1]), ToInt(info[2]), &fds, &message_flags);
  for (const int fd : fds) out.Set(out.Length(), Napi::Number::New(env, fd));
  auto pair = Napi::Array::New(env, 2);
  pair.Set(0U, FromResult(env, result));
  pair.Set(1U, Napi::Number::New(env, message_flags));
  return pair;
}

}  // namespace
}  // namespace stillframe

void InitFdPassing(Napi::Env env, Napi::Object exports) {
  using namespace stillframe;
  Export<SocketPairJs>(exports, "socketPair");
  Export<Send>(exports, "sendFds");
  Export<Receive>(exports, "receiveFds");
}
