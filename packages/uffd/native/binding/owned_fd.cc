// A descriptor owned by a JavaScript object. Native, because a FinalizationRegistry does not run when a
// worker is terminated, and a userfaultfd left open would hold its writers for ever (I-4): garbage collection
// and the end of the environment both close it.
#include "binding/addon.h"
#include "binding/values.h"
#include "kernel/unique_fd.h"

namespace stillframe {
namespace {

class OwnedFd : public Napi::ObjectWrap<OwnedFd> {
 public:
  explicit OwnedFd(const Napi::CallbackInfo& info) : Napi::ObjectWrap<OwnedFd>(info), fd_(ToInt(info[0])) {}

  /// -1 after close.
  Napi::Value Fd(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), fd_.get()); }

  Napi::Value Close(const Napi::CallbackInfo& info) { return FromResult(info.Env(), fd_.Close()); }

  /// Gives the descriptor to the caller.
  Napi::Value Release(const Napi::CallbackInfo& info) { return Napi::Number::New(info.Env(), fd_.Release()); }

 private:
  UniqueFd fd_;
};

/// For descriptors that JavaScript holds as plain numbers.
Napi::Value CloseFd(const Napi::CallbackInfo& info) {
  return FromResult(info.Env(), UniqueFd(ToInt(info[0])).Close());
}

}  // namespace
}  // namespace stillframe

void InitOwnedFd(Napi::Env env, Napi::Object exports) {
  using stillframe::OwnedFd;
  exports.Set("OwnedFd", OwnedFd::DefineClass(env, "OwnedFd",
                                              {OwnedFd::InstanceAccessor<&OwnedFd::Fd>("fd"),
                                               OwnedFd::InstanceMethod<&OwnedFd::Close>("close"),
                                               OwnedFd::InstanceMethod<&OwnedFd::Release>("release")}));
  stillframe::Export<stillframe::CloseFd>(exports, "closeFd");
}
