#include "packer.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "arguments.h"
#include "core/digest.h"

namespace stillframe::binding {
namespace {

/// Words of the table for each chunk: offset, size, first unit (low, high), method, then the results: kind,
/// stored size, CRC, stored offset.
constexpr size_t kWords = 9;
constexpr uint32_t kLastMethod = 2;

/// More would help no machine, and each has working memory of its own.
constexpr double kMaxThreads = 64;

constexpr double kMaxMinSaving = 1023;

}  // namespace

struct Packer::Held {
  uint32_t ticket = 0;
  Napi::ObjectReference pages;
  Napi::ObjectReference base;
  Napi::ObjectReference out;
  Napi::ObjectReference table;
};

Napi::Function Packer::Define(Napi::Env env) {
  return DefineClass(
      env, "Packer",
      {InstanceMethod<&Packer::Submit>("submit"), InstanceMethod<&Packer::CloseFromJs>("close")});
}

Packer::Packer(const Napi::CallbackInfo& info) : Napi::ObjectWrap<Packer>(info), env_(info.Env()) {
  const auto threads = static_cast<unsigned>(WholeAt(info, 0, "threads", kMaxThreads));
  if (threads == 0) throw Napi::RangeError::New(info.Env(), "threads must be 1 or more");
  if (!info[1].IsFunction()) throw Napi::TypeError::New(info.Env(), "onDone must be a function");
  on_done_ = Napi::Persistent(info[1].As<Napi::Function>());
  wake_ = Wake::New(info.Env(), Napi::Function::New(info.Env(), [](const Napi::CallbackInfo&) {}),
                    "stillframe-packer", 0, 1, this);
  wake_.Unref(info.Env());
  pool_ = std::make_unique<codec::PackPool>(threads, [this] { wake_.NonBlockingCall(); });
  napi_add_env_cleanup_hook(env_, AtExit, this);
}

Packer::~Packer() { Stop(); }

void Packer::Submit(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  if (!pool_) throw Napi::Error::New(env, "the packer is closed");
  auto job = std::make_unique<codec::PackJob>();
  auto held = std::make_unique<Held>();
  held->ticket = U32At(info, 0, "ticket");
  const auto pages = BytesAt(info, 1, "pages must be a Uint8Array");
  const bool has_base = !info[2].IsUndefined();
  const auto out = ArrayAt<uint8_t, napi_uint8_array>(info, 3, "out must be a Uint8Array");
  const auto table = ArrayAt<uint32_t, napi_uint32_array>(info, 4, "table must be a Uint32Array");
  job->region = U32At(info, 5, "region");
  if (!info[6].IsNumber()) throw Napi::TypeError::New(env, "level must be a number");
  job->level = info[6].As<Napi::Number>().Int32Value();
  job->min_saving = static_cast<uint32_t>(WholeAt(info, 7, "minSaving", kMaxMinSaving));
  if (has_base) {
    const auto base = BytesAt(info, 2, "base must be a Uint8Array");
    if (base.length != pages.length) throw Napi::RangeError::New(env, "base and pages differ in length");
    job->base = base.data;
  }
  if (out.length < pages.length) throw Napi::RangeError::New(env, "out is smaller than pages");
  if (table.length % kWords != 0) throw Napi::RangeError::New(env, "table must hold 9 words for each chunk");
  job->pages = pages.data;
  job->out = out.data;
  size_t total = 0;
  for (size_t i = 0; i < table.length; i += kWords) {
    const uint32_t* words = table.data + i;
    codec::Chunk chunk{};
    chunk.at = words[0];
    chunk.size = words[1];
    chunk.first_unit = uint64_t{words[3]} << 32 | words[2];
    total += chunk.size;
    if (words[4] > kLastMethod || chunk.size == 0 || chunk.size % codec::kUnitBytes != 0 ||
        chunk.size > pages.length || chunk.at > pages.length - chunk.size || total > pages.length) {
      throw Napi::RangeError::New(env, "chunk " + std::to_string(i / kWords) + " does not fit");
    }
    chunk.method = static_cast<codec::Method>(words[4]);
    job->chunks.push_back(chunk);
  }
  held->pages = Napi::Persistent(info[1].As<Napi::Object>());
  if (has_base) held->base = Napi::Persistent(info[2].As<Napi::Object>());
  held->out = Napi::Persistent(info[3].As<Napi::Object>());
  held->table = Napi::Persistent(info[4].As<Napi::Object>());
  if (held_.empty()) {
    Ref();
    wake_.Ref(env);
  }
  held_.emplace(job.get(), std::move(held));
  pool_->Submit(std::move(job));
}

/// A call that was queued before the end of the environment may run when JavaScript no longer can, or when
/// nothing is left but the call: then nobody is left to be told.
void Packer::OnReady(Napi::Env env, Napi::Function callback, Packer* packer, void* /*data*/) {
  if (static_cast<napi_env>(env) != nullptr && !callback.IsEmpty()) packer->TakeDone(env);
}

void Packer::TakeDone(Napi::Env env) {
  if (!pool_) return;
  const Napi::HandleScope scope(env);
  const std::unique_ptr<codec::PackJob> job = pool_->TakeDone();
  if (!job) return;
  const auto found = held_.find(job.get());
  const std::unique_ptr<Held> held = std::move(found->second);
  held_.erase(found);
  // Looked up again: the table is the caller's, who may have given it away meanwhile.
  auto table = held->table.Value().As<Napi::Uint32Array>();
  const size_t answers = std::min(job->chunks.size(), table.ElementLength() / kWords);
  for (size_t i = 0; i < answers; ++i) {
    const codec::Chunk& chunk = job->chunks[i];
    uint32_t* words = table.Data() + i * kWords;
    words[5] = static_cast<uint32_t>(chunk.kind);
    words[6] = chunk.stored_size;
    words[7] = chunk.stored_crc;
    words[8] = static_cast<uint32_t>(chunk.stored_at);
  }
  // The callback may submit, close, or throw: what this object needs of itself is done before.
  const Napi::Function on_done = on_done_.Value();
  if (held_.empty()) {
    wake_.Unref(env);
    Unref();
  }
  const std::array<napi_value, 6> arguments{Napi::Number::New(env, held->ticket),
                                            Napi::Boolean::New(env, job->done),
                                            Napi::Boolean::New(env, job->packed),
                                            Napi::Number::New(env, static_cast<uint32_t>(job->digest)),
                                            Napi::Number::New(env, static_cast<uint32_t>(job->digest >> 32)),
                                            Napi::Number::New(env, job->stored_crc)};
  // By hand: the wrapper would throw when the thread is being terminated, and nobody above could catch it. An
  // exception of the callback itself stays pending, and Node.js reports it.
  napi_call_function(env, env.Undefined(), on_done, arguments.size(), arguments.data(), nullptr);
}

void Packer::CloseFromJs(const Napi::CallbackInfo& info) {
  const bool was_busy = !held_.empty();
  if (pool_ && was_busy) wake_.Unref(info.Env());
  Stop();
  held_.clear();
  if (was_busy) Unref();
}

void Packer::Stop() {
  if (!pool_) return;
  pool_->Stop();
  pool_.reset();
  wake_.Abort();  // calls that are still queued must not reach an object that may be gone
  napi_remove_env_cleanup_hook(env_, AtExit, this);
}

}  // namespace stillframe::binding
