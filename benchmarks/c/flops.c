/* The rate of fused multiply-adds: `flops` of them, two a multiply-add, on vectors that stay in registers.

   cc -O3 -march=native */
#ifdef __AVX512F__
#define L 8
#else
#define L 4
#endif
#define N 12
typedef double v __attribute__((vector_size(8 * L)));

void flops(long flops, double *out)
{
    v s[N], a = (v){0} + 0.999, b = (v){0} + 1e-3;
    for (int i = 0; i < N; i++) s[i] = (v){0} + 2 + i;  /* 1 would stay 1, and be left out */
    for (long k = flops / (2 * L * N); k > 0; k--)
        for (int i = 0; i < N; i++) s[i] = s[i] * a + b;
    *out = 0;
    for (int i = 0; i < N; i++)
        for (int l = 0; l < L; l++) *out += s[i][l];
}
