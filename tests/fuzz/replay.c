/* replay: calls a fuzz target once with each file of the command line.  A build with sanitizers reports what the fuzzer would. */
#include <stdlib.h>
#include "fuzz.h"

enum { FILE_MAX = 4 << 20 };

int main(int argc, char **argv) {
    uint8_t *byte = malloc(FILE_MAX);
    for (int k = 1; byte && k < argc; k++) {
        FILE *in = fopen(argv[k], "rb");
        size_t n = in ? fread(byte, 1, FILE_MAX, in) : 0;
        if (!in || ferror(in))
            fuzz_fail(argv[k]);
        fclose(in);
        uint8_t *exact = malloc(n ? n : 1); /* so that one byte too far is seen */
        if (!exact)
            fuzz_fail("out of memory");
        for (size_t b = 0; b < n; b++)
            exact[b] = byte[b];
        LLVMFuzzerTestOneInput(exact, n);
        free(exact);
    }
    free(byte);
    printf("%d files\n", argc - 1);
    return argc > 1 ? 0 : 2;
}
