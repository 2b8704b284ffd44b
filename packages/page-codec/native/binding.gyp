{
  "variables": { "napi_inc": "<!(node -p \"require('path').dirname(require.resolve('node-addon-api'))\")" },
  "targets": [
    {
      "target_name": "page_codec",
      "sources": [
        "addon.cc",
        "packer.cc",
        "core/chunk_packer.cc",
        "core/crc32c_arm64.cc",
        "core/crc32c_avx512.cc",
        "core/crc32c_portable.cc",
        "core/crc32c_sse42.cc",
        "core/digest.cc",
        "core/implementation.cc",
        "core/pack_pool.cc",
        "core/page_hash.cc",
        "core/unpack.cc",
        "core/vendor_lz4.cc",
        "core/vendor_zstd.cc",
        "core/zero_scan.cc"
      ],
      "include_dirs": ["."],
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
