/* The torques of a two-link arm and their derivatives with respect to angles q, rates v and accelerations a.

   Computes in closed form, -DL=8 or -DL=4 arms at a time with the vector functions of the GNU C library (-lmvec), or
   one at a time with libm. q, v, a have rows of 2; out holds an array per torque, then one per derivative with respect
   to q, v and a. n is a multiple of L. */
#include <math.h>
#include <string.h>

#if L == 8
#define NAMED(f) _ZGVeN8v_##f
#elif L == 4
#define NAMED(f) _ZGVdN4v_##f
#endif
#ifdef L
typedef double d __attribute__((vector_size(8 * L)));
d NAMED(sin)(d), NAMED(cos)(d);
static inline d column(const double *x) { d y; for (int i = 0; i < L; i++) y[i] = x[2 * i]; return y; }
#else
#define L 1
#define NAMED(f) f
typedef double d;
static inline d column(const double *x) { return *x; }
#endif

static inline void put(double *x, d y) { memcpy(x, &y, sizeof y); }

void arm(const double *q, const double *v, const double *a, long n, double *out)
{
    const double m1 = 1.2, m2 = 0.8, l1 = 0.5, c1 = 0.25, c2 = 0.2, i1 = 0.03, i2 = 0.02, g = 9.81;
    const double coupled = m2 * l1 * c2, fixed = i2 + m2 * c2 * c2, whole = i1 + fixed + m1 * c1 * c1 + m2 * l1 * l1;
    const double heavy = (m1 * c1 + m2 * l1) * g, light = m2 * c2 * g;
    for (long k = 0; k < n; k += L) {
        d q0 = column(q + 2 * k), q1 = column(q + 2 * k + 1), v0 = column(v + 2 * k), v1 = column(v + 2 * k + 1);
        d a0 = column(a + 2 * k), a1 = column(a + 2 * k + 1), sum = q0 + q1;
        d s2 = coupled * NAMED(sin)(q1), k2 = coupled * NAMED(cos)(q1);
        d weight = light * NAMED(cos)(sum), falls = -light * NAMED(sin)(sum);
        d inertia = whole + 2 * k2, mixed = fixed + k2, turning = 2 * v0 * v1 + v1 * v1, zero = {0};
        put(out + k, inertia * a0 + mixed * a1 - s2 * turning + heavy * NAMED(cos)(q0) + weight);
        put(out + n + k, mixed * a0 + fixed * a1 + s2 * v0 * v0 + weight);
        put(out + 2 * n + k, falls - heavy * NAMED(sin)(q0));
        put(out + 3 * n + k, falls - s2 * (2 * a0 + a1) - k2 * turning);
        put(out + 4 * n + k, falls);
        put(out + 5 * n + k, falls - s2 * a0 + k2 * v0 * v0);
        put(out + 6 * n + k, -2 * s2 * v1);
        put(out + 7 * n + k, -2 * s2 * (v0 + v1));
        put(out + 8 * n + k, 2 * s2 * v0);
        put(out + 9 * n + k, zero);
        put(out + 10 * n + k, inertia);
        put(out + 11 * n + k, mixed);
        put(out + 12 * n + k, mixed);
        put(out + 13 * n + k, fixed + zero);
    }
}
