// A mapping that JavaScript sees as an ArrayBuffer.
//
// Lifetime: the range is shared by this object and by the ArrayBuffer's backing store, and is unmapped once:
// by unmap(), or when both are gone (garbage collection or the end of the environment). unmap() must come
// after every ArrayBuffer over the range was detached; TypeScript sees to that.
#include <memory>

#include "binding/addon.h"
#include "binding/values.h"
#include "kernel/memory.h"
#include "kernel/unique_mapping.h"

namespace stillframe {
namespace {

using Shared = std::shared_ptr<UniqueMapping>;

class OwnedMapping : public Napi::ObjectWrap<OwnedMapping> {
 public:
  /// (address, sizeBytes): takes over a mapping.
  explicit OwnedMapping(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<OwnedMapping>(info),
        mapping_(std::make_shared<UniqueMapping>(ToPointer(ToU64(info[0])), ToU64(info[1]))) {}

  /// An ArrayBuffer over the range. Called once: two would alias each other.
  Napi::Value Buffer(const Napi::CallbackInfo& info) {
    const Napi::Env env = info.Env();
    if (!*mapping_ || lent_) throw Napi::Error::New(env, "the mapping has no buffer to give");
    auto hint = std::make_unique<Shared>(mapping_);
    auto drop = [](Napi::BasicEnv, void*, Shared* shared) { delete shared; };
    Napi::Value buffer =
        Napi::ArrayBuffer::New(env, mapping_->address(), mapping_->size_bytes(), drop, hint.get());
    static_cast<void>(hint.release());
    lent_ = true;
    return buffer;
  }

  Napi::Value Unmap(const Napi::CallbackInfo& info) { return FromResult(info.Env(), mapping_->Unmap()); }

 private:
  Shared mapping_;
  bool lent_ = false;
};

/// Takes the memory away from an ArrayBuffer: its length becomes 0 and every view of it is empty.
void Detach(const Napi::CallbackInfo& info) {
  if (!info[0].IsArrayBuffer()) throw Napi::TypeError::New(info.Env(), "expected an ArrayBuffer");
  info[0].As<Napi::ArrayBuffer>().Detach();
}

}  // namespace
}  // namespace stillframe

void InitOwnedMapping(Napi::Env env, Napi::Object exports) {
  using namespace stillframe;
  exports.Set("OwnedMapping",
              OwnedMapping::DefineClass(env, "OwnedMapping",
                                        {OwnedMapping::InstanceMethod<&OwnedMapping::Buffer>("buffer"),
                                         OwnedMapping::InstanceMethod<&OwnedMapping::Unmap>("unmap")}));
  exports.Set("detach", Napi::Function::New<Detach>(env, "detach"));
}
