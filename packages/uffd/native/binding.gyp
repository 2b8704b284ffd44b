{
  "variables": { "napi_inc": "<!(node -p \"require('path').dirname(require.resolve('node-addon-api'))\")" },
  "targets": [
    {
      "target_name": "uffd",
      "include_dirs": ["."],
      "sources": [
        "kernel/abi_check.cc",
        "binding/addon.cc",
        "binding/capture_binding.cc",
        "binding/fd_passing_binding.cc",
        "binding/memory_binding.cc",
        "binding/owned_fd.cc",
        "binding/owned_mapping.cc",
        "binding/pagemap_binding.cc",
        "binding/process_binding.cc",
        "binding/userfault_binding.cc",
        "core/address_ranges.cc",
        "core/arming.cc",
        "core/capture_engine.cc",
        "core/fault_thread.cc",
        "core/guest_memory.cc",
        "core/hole_map.cc",
        "core/pre_image_store.cc",
        "core/sweeper.cc"
      ],
      "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_CPP_EXCEPTIONS", "NODE_ADDON_API_REQUIRE_BASIC_FINALIZERS"],
      "cflags!": ["-fno-exceptions"],
      "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++17", "-std=gnu++20"],
      "cflags_cc": [
        "-isystem", "<(napi_inc)", "-std=c++20", "-fexceptions", "-fvisibility=hidden", "-g1",
        "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Wconversion", "-Wno-unused-parameter"
      ],
      "ldflags": ["-Wl,-z,relro,-z,now"]
    }
  ]
}
