/* The gradient of Rosenbrock's function of n variables, and its Hessian: dense, or its three diagonals. */
#include <string.h>

void gradient(const double *x, long n, double *g)
{
    g[0] = 0;
    for (long i = 0; i + 1 < n; i++) {
        double d = x[i + 1] - x[i] * x[i];
        g[i] += -400 * x[i] * d - 2 * (1 - x[i]);
        g[i + 1] = 200 * d;
    }
}

static double diagonal(const double *x, long n, long i)
{
    return (i ? 200 : 0) + (i + 1 < n ? 1200 * x[i] * x[i] - 400 * x[i + 1] + 2 : 0);
}

void hessian(const double *x, long n, double *h)
{
    memset(h, 0, n * n * sizeof *h);
    for (long i = 0; i < n; i++) {
        h[i * n + i] = diagonal(x, n, i);
        if (i + 1 < n)
            h[i * n + i + 1] = h[(i + 1) * n + i] = -400 * x[i];
    }
}

void bands(const double *x, long n, double *h) /* the three diagonals, row by row */
{
    for (long i = 0; i < n; i++) {
        if (i)
            *h++ = -400 * x[i - 1];
        *h++ = diagonal(x, n, i);
        if (i + 1 < n)
            *h++ = -400 * x[i];
    }
}
