/* {{name}}: arguments as JSON on standard input, the answer as JSON on standard output, an exit code. */

#include <stdio.h>
#include <string.h>

int main(void) {
    static char input[4096];
    size_t length = fread(input, 1, sizeof input - 1, stdin);
    input[length] = '\0';

    /* The schema of tool.toml has let through exactly {"name": "..."}; what is between the quotes is JSON already. */
    char *name = strstr(input, "\"name\"");
    name = name ? strchr(name + 6, '"') : NULL;
    char *end = strrchr(input, '"');
    if (!name || end <= name) {
        fputs("the arguments are not {\"name\": \"...\"}\n", stderr);
        return 2;
    }
    *end = '\0';
    printf("{\"greeting\": \"hello, %s\"}\n", name + 1);
    return 0;
}
