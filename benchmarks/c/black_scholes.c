/* The Black-Scholes price of a call and its Greeks, an array for each.

   Computes in closed form, -DL=8 or -DL=4 points at a time with the vector functions of the GNU C library (-lmvec), or
   one at a time with libm. */
#include <math.h>
#include <string.h>

#if L == 8
#define NAMED(f) _ZGVeN8v_##f
#elif L == 4
#define NAMED(f) _ZGVdN4v_##f
#endif
#ifdef L
typedef double v __attribute__((vector_size(8 * L)));
v NAMED(exp)(v), NAMED(log)(v), NAMED(erfc)(v);
static inline v root_of(v x) { for (int i = 0; i < L; i++) x[i] = __builtin_sqrt(x[i]); return x; }
#else
#define L 1
#define NAMED(f) f
#define root_of sqrt
typedef double v;
#endif

static inline v at(const double *x) { v y; memcpy(&y, x, sizeof y); return y; }
static inline void put(double *x, v y) { memcpy(x, &y, sizeof y); }

/* n is a multiple of L. */
void black_scholes(const double *spot, const double *strike, const double *years, const double *rate, const double *vol,
                   long n, double *out)
{
    for (long k = 0; k < n; k += L) {
        v s = at(spot + k), x = at(strike + k), t = at(years + k), r = at(rate + k), sigma = at(vol + k);
        v root = root_of(t), spread = sigma * root;
        v d1 = (NAMED(log)(s / x) + (r + 0.5 * sigma * sigma) * t) / spread, d2 = d1 - spread;
        v n1 = 0.5 * NAMED(erfc)(-d1 * 0.70710678118654752440), n2 = 0.5 * NAMED(erfc)(-d2 * 0.70710678118654752440);
        v discounted = x * NAMED(exp)(-r * t), density = 0.39894228040143267794 * NAMED(exp)(-0.5 * d1 * d1);
        put(out + k, s * n1 - discounted * n2);                                             /* price */
        put(out + n + k, n1);                                                               /* delta */
        put(out + 2 * n + k, s * density * sigma / (2.0 * root) + r * discounted * n2);     /* theta: years left */
        put(out + 3 * n + k, t * discounted * n2);                                          /* rho */
        put(out + 4 * n + k, s * density * root);                                           /* vega */
        put(out + 5 * n + k, density / (s * spread));                                       /* gamma */
    }
}
