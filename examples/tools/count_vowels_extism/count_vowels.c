/* Counts the vowels of a text: an Extism plugin with one function, bytes in and JSON out. */

#include "extism.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int32_t failed(const char *why) {
    extism_error_set(extism_block(why, strlen(why)));
    return 1;
}

EXTISM_EXPORT(count_vowels) int32_t count_vowels(void) {
    uint64_t size = extism_input_length(), vowels = 0;
    unsigned char *text = malloc(size ? size : 1);
    if (!text) return failed("the text does not fit");
    extism_read_input(text);
    for (uint64_t at = 0; at < size; at++) vowels += text[at] && strchr("aeiouAEIOU", text[at]) != NULL;
    char answer[80];
    int length = snprintf(answer, sizeof answer, "{\"bytes\":%llu,\"vowels\":%llu}", (unsigned long long)size,
                          (unsigned long long)vowels);
    uint64_t block = extism_block(answer, (size_t)length);
    if (!block) return failed("the answer does not fit");
    extism_output_set(block, (uint64_t)length);
    return 0;
}
