/* The Black-Scholes price of a call and its Greeks, in closed form, by the C library's functions: an array for each.

   cc -O3 -march=native -ffast-math lets the compiler call the library's vector functions. */
#include <math.h>

void black_scholes(const double *restrict spot, const double *restrict strike, const double *restrict years,
                   const double *restrict rate, const double *restrict vol, long n, double *restrict out)
{
    double *price = out, *delta = out + n, *theta = out + 2 * n, *rho = out + 3 * n, *vega = out + 4 * n, *gamma = out + 5 * n;
    for (long k = 0; k < n; k++) {
        double root = sqrt(years[k]), spread = vol[k] * root;
        double d1 = (log(spot[k] / strike[k]) + (rate[k] + 0.5 * vol[k] * vol[k]) * years[k]) / spread, d2 = d1 - spread;
        double n1 = 0.5 * erfc(-d1 * 0.70710678118654752440), n2 = 0.5 * erfc(-d2 * 0.70710678118654752440);
        double discounted = strike[k] * exp(-rate[k] * years[k]), density = 0.39894228040143267794 * exp(-0.5 * d1 * d1);
        price[k] = spot[k] * n1 - discounted * n2;
        delta[k] = n1;
        theta[k] = spot[k] * density * vol[k] / (2 * root) + rate[k] * discounted * n2; /* by the years to come */
        rho[k] = years[k] * discounted * n2;
        vega[k] = spot[k] * density * root;
        gamma[k] = density / (spot[k] * spread);
    }
}
