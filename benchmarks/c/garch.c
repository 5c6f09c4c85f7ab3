/* The negative log-likelihood of a GARCH(1, 1) model, and its gradient by forward mode. given: omega, alpha, beta. */
#include <math.h>

void garch(const double *given, const double *returns, long n, double *out)
{
    double omega = given[0], alpha = given[1], beta = given[2], h = 0.1, d[3] = {0}, loss = 0, g[3] = {0};
    for (long t = 0; t < n; t++) {
        double s = returns[t] * returns[t], slope = 0.5 / h - 0.5 * s / (h * h), by[3] = {1, s, h};
        loss += 0.5 * (log(h) + s / h);
        for (int k = 0; k < 3; k++) {
            g[k] += slope * d[k];
            d[k] = by[k] + beta * d[k];
        }
        h = omega + alpha * s + beta * h;
    }
    out[0] = loss;
    for (int k = 0; k < 3; k++) out[1 + k] = g[k];
}
