/* Counts lines, words and bytes of {"text": "..."}: a wasi-command tool. JSON on standard input, JSON on standard output.
 * JSON's escapes are decoded. Anything but that one object ends with exit code 2 and a sentence on standard error. */

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *at, *end;

static _Noreturn void refuse(const char *why) {
    fprintf(stderr, "word_count: %s\n", why);
    exit(2);
}

static int next_byte(void) {
    if (at >= end) refuse("the arguments end too early");
    return (unsigned char)*at++;
}

static int next_token(void) {
    int c;
    do c = next_byte();
    while (c == ' ' || c == '\n' || c == '\r' || c == '\t');
    return c;
}

static void expect(int wanted) {
    if (next_token() != wanted) refuse("the arguments are not {\"text\": \"...\"}");
}

static unsigned hex4(void) {
    unsigned value = 0;
    for (int i = 0; i < 4; i++) {
        int c = next_byte();
        if (c >= '0' && c <= '9') value = value << 4 | (unsigned)(c - '0');
        else if ((c | 32) >= 'a' && (c | 32) <= 'f') value = value << 4 | (unsigned)((c | 32) - 'a' + 10);
        else refuse("an escape has a bad digit");
    }
    return value;
}

static unsigned escaped(void) {
    int c = next_byte();
    switch (c) {
    case 'u': return hex4();
    case 'n': return '\n';
    case 't': return '\t';
    case 'r': return '\r';
    case 'f': return '\f';
    case 'b': return '\b';
    case '"': case '\\': case '/': return (unsigned)c;
    default: refuse("an escape is unknown");
    }
}

/* Bytes of UTF-8. The two halves of a pair are counted together, at the first. */
static unsigned width(unsigned c) {
    if (c < 0x80) return 1;
    if (c < 0x800) return 2;
    if ((c & 0xfc00) == 0xd800) return 4;
    if ((c & 0xfc00) == 0xdc00) return 0;
    return 3;
}

static char *read_all(size_t *length) {
    size_t room = 1 << 16, used = 0, got;
    char *data = malloc(room);
    while (data && (got = fread(data + used, 1, room - used, stdin)) > 0) {
        used += got;
        if (used == room) data = realloc(data, room *= 2);
    }
    if (!data) refuse("out of memory");
    *length = used;
    return data;
}

int main(void) {
    size_t length;
    at = read_all(&length);
    end = at + length;
    expect('{');
    expect('"');
    if (end - at < 5 || memcmp(at, "text\"", 5) != 0) refuse("the arguments are not {\"text\": \"...\"}");
    at += 5;
    expect(':');
    expect('"');
    unsigned long lines = 0, words = 0, bytes = 0;
    int in_word = 0, open_line = 0;
    for (int c; (c = next_byte()) != '"';) {
        unsigned u = (unsigned)c, wide = 1;
        if (c == '\\') wide = width(u = escaped());
        bytes += wide;
        open_line = u != '\n';
        lines += !open_line;
        int space = u == ' ' || (u >= '\t' && u <= '\r');
        words += !space && !in_word;
        in_word = !space;
    }
    expect('}');
    printf("{\"lines\":%lu,\"words\":%lu,\"bytes\":%lu}\n", lines + (unsigned long)open_line, words, bytes);
    return 0;
}
