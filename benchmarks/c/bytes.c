/* The rate of memory: n doubles read and n written. cc -O3 -march=native */
void bytes(const double *restrict x, long n, double *restrict out)
{
    for (long i = 0; i < n; i++) out[i] = 1.5 * x[i];
}
