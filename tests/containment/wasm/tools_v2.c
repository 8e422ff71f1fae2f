/* A hyper-mcp plugin of version 2: it lists two tools, answers the request it was given, logs, fails and remembers. */

#include "extism.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

__attribute__((import_module("extism:host/user"), import_name("create_message"))) extern uint64_t create_message(uint64_t);

static int32_t answer(const char *text, size_t size) {
    extism_output_set(extism_block(text, size), size);
    return 0;
}

EXTISM_EXPORT(list_tools) int32_t list_tools(void) {
    static const char listing[] =
        "{\"tools\":[{\"name\":\"show\",\"description\":\"Shows the request\",\"inputSchema\":{\"type\":\"object\"}},"
        "{\"name\":\"draw\",\"description\":null,\"inputSchema\":{\"type\":\"object\",\"properties\":{\"n\":{\"type\":"
        "\"integer\"}}},\"outputSchema\":{\"type\":\"object\"}}]}";
    return answer(listing, sizeof listing - 1);
}

static char *input(size_t *size) {
    *size = extism_input_length();
    char *text = calloc(*size + 1, 1);
    if (text) extism_read_input((unsigned char *)text);
    return text;
}

static size_t quoted(char *to, const char *text) {
    size_t n = 0;
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') to[n++] = '\\';
        to[n++] = *text;
    }
    return n;
}

EXTISM_EXPORT(call_tool) int32_t call_tool(void) {
    size_t size, n;
    char *text = input(&size), *out = malloc(2 * size + 400);
    if (!text || !out) return 2;
    if (strstr(text, "\"name\":\"draw\"")) {
        static const char picture[] = "{\"content\":[{\"type\":\"image\",\"data\":\"aGk=\",\"mimeType\":\"image/png\"},"
                                      "{\"type\":\"text\",\"text\":\"a picture\",\"annotations\":null}],"
                                      "\"structuredContent\":{\"n\":1},\"isError\":false}";
        return answer(picture, sizeof picture - 1);
    }
    if (strstr(text, "\"fail\"")) {
        extism_error_set(extism_block("it did not work", 15));
        return 3;
    }
    if (strstr(text, "\"ask\"")) return (int32_t)create_message(0);
    if (strstr(text, "\"log\"")) extism_log_info(extism_block("seen", 4));
    n = (size_t)sprintf(out, "{\"content\":[{\"type\":\"text\",\"text\":\"");
    n += quoted(out + n, text);
    n += (size_t)sprintf(out + n, "\"}]}");
    return answer(out, n);
}
