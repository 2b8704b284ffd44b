// The pool of packing threads as JavaScript sees it.
#pragma once

#include <napi.h>

#include <cstdint>
#include <memory>
#include <unordered_map>

#include "core/pack_pool.h"

namespace stillframe::binding {

/// `new Packer(threads, onDone)`; `submit(ticket, pages, base, out, table, region, level, minSaving)`;
/// `close()`.
///
/// Ownership: the typed arrays of a job are held until `onDone` was called for it or the packer is closed.
/// The object holds itself while a job runs, and holds the event loop then, so that a program that waits for
/// nothing else does not end. Closing joins the threads: afterwards nothing native touches the arrays. An
/// environment that ends closes it first.
class Packer : public Napi::ObjectWrap<Packer> {
 public:
  static Napi::Function Define(Napi::Env env);
  explicit Packer(const Napi::CallbackInfo& info);
  ~Packer() override;

 private:
  struct Held;

  void Submit(const Napi::CallbackInfo& info);
  void CloseFromJs(const Napi::CallbackInfo& info);
  static void OnReady(Napi::Env env, Napi::Function callback, Packer* packer, void* data);
  using Wake = Napi::TypedThreadSafeFunction<Packer, void, OnReady>;
  void TakeDone(Napi::Env env);
  void Stop();
  static void AtExit(void* self) { static_cast<Packer*>(self)->Stop(); }

  std::unique_ptr<codec::PackPool> pool_;
  Napi::FunctionReference on_done_;
  Wake wake_;
  std::unordered_map<const codec::PackJob*, std::unique_ptr<Held>> held_;
  napi_env env_;
};

}  // namespace stillframe::binding
