// Answerers of lanes of faults for JavaScript. A cleanup hook closes what is left open, so that no thread
// reads memory that goes away with its environment.
#include <napi.h>

#include <memory>
#include <system_error>
#include <utility>
#include <vector>

#include "binding/addon.h"
#include "binding/values.h"
#include "serve/fault_answerer.h"

namespace stillframe {
namespace {

class FaultAnswererObject : public Napi::ObjectWrap<FaultAnswererObject> {
 public:
  /// (fd, greeting: Uint8Array, regions: BigUint64Array of address, bytes, bytes in a page). The descriptor
  /// is the answerer's.
  explicit FaultAnswererObject(const Napi::CallbackInfo& info)
      : Napi::ObjectWrap<FaultAnswererObject>(info), env_(info.Env()) {
    UniqueFd socket(ToInt(info[0]));
    const auto greeting = ToBytes(info[1]);
    std::vector<AnsweredRegion> regions;
    const auto words = ToWords(info[2]);
    for (size_t i = 0; i + 3 <= words.size(); i += 3) {
      regions.push_back({words[i], words[i + 1], words[i + 2]});
    }
    try {
      answerer_ = std::make_unique<FaultAnswerer>(
          std::move(socket), std::vector<std::byte>(greeting.begin(), greeting.end()), std::move(regions));
    } catch (const std::system_error& error) {
      throw Napi::Error::New(env_, error.what());
    }
    napi_add_env_cleanup_hook(env_, CloseAtEnd, this);
    hooked_ = true;
  }

  ~FaultAnswererObject() override { Stop(); }

  void Serve(const Napi::CallbackInfo&) { answerer_->Serve(); }
  Napi::Value Pages(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(answerer_->Pages()));
  }
  Napi::Value Bytes(const Napi::CallbackInfo& info) {
    return Napi::Number::New(info.Env(), static_cast<double>(answerer_->Bytes()));
  }
  Napi::Value Lost(const Napi::CallbackInfo& info) {
    return Napi::Boolean::New(info.Env(), answerer_->Lost());
  }
  void Close(const Napi::CallbackInfo&) { Stop(); }

 private:
  void Stop() {
    if (answerer_ != nullptr) {
      answerer_->Close();
    }
    if (std::exchange(hooked_, false)) {
      napi_remove_env_cleanup_hook(env_, CloseAtEnd, this);
    }
  }
  static void CloseAtEnd(void* self) {
    auto* object = static_cast<FaultAnswererObject*>(self);
    object->hooked_ = false;  // a running hook is removed by the runtime
    object->Stop();
  }

  Napi::Env env_;
  std::unique_ptr<FaultAnswerer> answerer_;
  bool hooked_ = false;
};

}  // namespace
}  // namespace stillframe

void InitAnswerer(Napi::Env env, Napi::Object exports) {
  using Answerer = stillframe::FaultAnswererObject;
  exports.Set("FaultAnswerer", Answerer::DefineClass(env, "FaultAnswerer",
                                                     {Answerer::InstanceMethod<&Answerer::Serve>("serve"),
                                                      Answerer::InstanceMethod<&Answerer::Pages>("pages"),
                                                      Answerer::InstanceMethod<&Answerer::Bytes>("bytes"),
                                                      Answerer::InstanceMethod<&Answerer::Lost>("lost"),
                                                      Answerer::InstanceMethod<&Answerer::Close>("close")}));
}
