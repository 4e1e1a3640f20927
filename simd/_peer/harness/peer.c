// Times the int8 dot products of C libraries, one call after another on rows in the first cache, and prints lines of
// "name dimension nanoseconds". Arguments: dimension, milliseconds a library.
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#ifdef HAVE_NUMKONG
#include <numkong/numkong.h>
static int64_t numkong(int8_t const *a, int8_t const *b, size_t n) {
    nk_i32_t r;
    nk_dot_i8_icelake(a, b, n, &r);
    return r;
}
#endif
#ifdef HAVE_SIMSIMD
#include <simsimd/simsimd.h>
static int64_t simsimd(int8_t const *a, int8_t const *b, size_t n) {
    simsimd_distance_t r;
    simsimd_dot_i8(a, b, n, &r);
    return (int64_t)r;
}
#endif

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

// measure calls through a volatile pointer, so that no call is inlined, hoisted or dropped.
static void measure(char const *name, int64_t (*f)(int8_t const *, int8_t const *, size_t), size_t n, double ms) {
    static int8_t a[2048] __attribute__((aligned(64))), b[2048] __attribute__((aligned(64)));
    int64_t (*volatile call)(int8_t const *, int8_t const *, size_t) = f;
    int64_t expected = 0, sum = 0;
    for (size_t i = 0; i < n; i++) a[i] = i % 251 - 125, b[i] = i * 7 % 251 - 125, expected += a[i] * b[i];
    if (call(a, b, n) != expected) fprintf(stderr, "%s: wrong result at %zu\n", name, n), exit(1);
    long calls = 0;
    double start = now(), spent = 0;
    while ((spent = now() - start) < ms * 1e6) {
        for (int i = 0; i < 1000; i++) sum += call(a, b, n);
        calls += 1000;
    }
    if (sum == 42) puts("");
    printf("%s %zu %.3f\n", name, n, spent / calls);
}

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    size_t n = strtoul(argv[1], 0, 10);
    double ms = strtod(argv[2], 0);
    if (n < 1 || n > 2048) return 2;
#ifdef HAVE_NUMKONG
    measure("numkong", numkong, n, ms);
#endif
#ifdef HAVE_SIMSIMD
    measure("simsimd", simsimd, n, ms);
#endif
    return 0;
}
