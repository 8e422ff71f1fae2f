/* The part of Extism's interface that a plugin in C imports: declarations of our own, for its names and types.
 * A block lies in the kernel's memory, not in ours: its bytes are read and written through the functions below. */

#ifndef EXTISM_H
#define EXTISM_H

#include <stddef.h>
#include <stdint.h>

#define EXTISM_IMPORT(name) __attribute__((import_module("extism:host/env"), import_name(#name))) extern
#define EXTISM_EXPORT(name) __attribute__((export_name(#name)))

EXTISM_IMPORT(input_length) uint64_t extism_input_length(void);
EXTISM_IMPORT(input_load_u8) uint32_t extism_input_load_u8(uint64_t at);
EXTISM_IMPORT(input_load_u64) uint64_t extism_input_load_u64(uint64_t at);
EXTISM_IMPORT(alloc) uint64_t extism_alloc(uint64_t size);
EXTISM_IMPORT(free) void extism_free(uint64_t block);
EXTISM_IMPORT(length) uint64_t extism_length(uint64_t block);
EXTISM_IMPORT(load_u8) uint32_t extism_load_u8(uint64_t at);
EXTISM_IMPORT(load_u64) uint64_t extism_load_u64(uint64_t at);
EXTISM_IMPORT(store_u8) void extism_store_u8(uint64_t at, uint32_t byte);
EXTISM_IMPORT(store_u64) void extism_store_u64(uint64_t at, uint64_t bytes);
EXTISM_IMPORT(output_set) void extism_output_set(uint64_t block, uint64_t size);
EXTISM_IMPORT(error_set) void extism_error_set(uint64_t block);
EXTISM_IMPORT(config_get) uint64_t extism_config_get(uint64_t name);
EXTISM_IMPORT(var_get) uint64_t extism_var_get(uint64_t name);
EXTISM_IMPORT(var_set) void extism_var_set(uint64_t name, uint64_t value);
EXTISM_IMPORT(http_request) uint64_t extism_http_request(uint64_t request, uint64_t body);
EXTISM_IMPORT(http_status_code) uint32_t extism_http_status_code(void);
EXTISM_IMPORT(http_headers) uint64_t extism_http_headers(void);
EXTISM_IMPORT(log_info) void extism_log_info(uint64_t text);
EXTISM_IMPORT(log_error) void extism_log_error(uint64_t text);

/* The input's bytes into `data`, which has room for extism_input_length() of them. */
static inline void extism_read_input(unsigned char *data) {
    uint64_t size = extism_input_length(), at = 0;
    for (; at + 8 <= size; at += 8) {
        uint64_t word = extism_input_load_u64(at);
        __builtin_memcpy(data + at, &word, 8);
    }
    for (; at < size; at++) data[at] = (unsigned char)extism_input_load_u8(at);
}

/* A new block with `size` bytes of `data`; 0 when there is no room. */
static inline uint64_t extism_block(const void *data, size_t size) {
    uint64_t block = extism_alloc(size), at = 0;
    if (!block) return 0;
    for (; at + 8 <= size; at += 8) {
        uint64_t word;
        __builtin_memcpy(&word, (const char *)data + at, 8);
        extism_store_u64(block + at, word);
    }
    for (; at < size; at++) extism_store_u8(block + at, ((const unsigned char *)data)[at]);
    return block;
}

#endif
