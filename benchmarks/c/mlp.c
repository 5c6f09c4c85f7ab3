/* The mean hinge loss of an MLP 2-H-H-1 with relu, and its gradient, by hand: vectors of L samples, weights broadcast.

   Parameters stand neuron by neuron, weights first, then the bias. cc -O3 -march=native -DH=16 -DL=8 */
#include <string.h>

#ifndef L
#define L 8
#endif
typedef double v __attribute__((vector_size(8 * L), aligned(8)));
typedef long long m __attribute__((vector_size(8 * L), aligned(8)));
#define P (H * 3 + H * (H + 1) + H + 1)

static inline v positive(v z, v x) { return (v)((m)x & (m)(z > 0)); }
static inline double total(v x) { double s = 0; for (int i = 0; i < L; i++) s += x[i]; return s; }

void mlp(const double *w, const double *x, const double *y, long n, double *out)
{
    static _Thread_local v acc[P];
    v loss = {0};
    const double *w2 = w + 3 * H, *w3 = w2 + H * (H + 1);
    memset(acc, 0, sizeof acc);
    for (long s = 0; s < n; s += L) {
        v x0 = {0}, x1 = {0}, label = {0}, real = {0}, h1[H], h2[H], d1[H], z1[H], z2[H];
        for (int i = 0; i < L; i++) {
            long k = s + i < n ? s + i : n - 1;
            x0[i] = x[2 * k], x1[i] = x[2 * k + 1], label[i] = y[k], real[i] = s + i < n;
        }
        for (int i = 0; i < H; i++) {
            z1[i] = w[3 * i + 2] + w[3 * i] * x0 + w[3 * i + 1] * x1;
            h1[i] = positive(z1[i], z1[i]);
        }
        v o = w3[H] + (v){0};
        for (int j = 0; j < H; j++) {
            v z = w2[j * (H + 1) + H] + (v){0};
            for (int i = 0; i < H; i++) z += w2[j * (H + 1) + i] * h1[i];
            z2[j] = z;
            h2[j] = positive(z, z);
            o += w3[j] * h2[j];
        }
        v margin = 1.0 - label * o;
        loss += positive(margin, margin) * real;
        v g = positive(margin, -label) * real;
        v *a2 = acc + 3 * H, *a3 = a2 + H * (H + 1);
        a3[H] += g;
        for (int i = 0; i < H; i++) d1[i] = (v){0};
        for (int j = 0; j < H; j++) {
            a3[j] += g * h2[j];
            v d = positive(z2[j], g * w3[j]);
            a2[j * (H + 1) + H] += d;
            for (int i = 0; i < H; i++) {
                a2[j * (H + 1) + i] += d * h1[i];
                d1[i] += w2[j * (H + 1) + i] * d;
            }
        }
        for (int i = 0; i < H; i++) {
            v d = positive(z1[i], d1[i]);
            acc[3 * i] += d * x0, acc[3 * i + 1] += d * x1, acc[3 * i + 2] += d;
        }
    }
    out[0] = total(loss) / n;
    for (int k = 0; k < P; k++) out[1 + k] = total(acc[k]) / n;
}
