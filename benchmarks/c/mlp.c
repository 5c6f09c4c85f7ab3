/* The mean hinge loss of an MLP 2-H-H-1 with relu, and its gradient, on vectors of samples with broadcast weights.

   A block is B vectors of L samples. Layers are computed in tiles of T neurons, so that each loaded weight or activation
   is used several times. Gradients are kept per lane until the end, and loaded and stored once per block.
   Parameters are given neuron by neuron, weights first, then the bias. cc -O3 -march=native -DH=16 -DL=4 -DB=4 */
#include <string.h>

#define T 4
#define P (H * 3 + H * (H + 1) + H + 1)
typedef double v __attribute__((vector_size(8 * L), aligned(8)));
typedef long long m __attribute__((vector_size(8 * L), aligned(8)));

static inline v where(m c, v x) { return (v)((m)x & c); }
static inline double total(v x) { double s = 0; for (int i = 0; i < L; i++) s += x[i]; return s; }

static void block(const double *w, const v *x, const v *label, const m *real, v *restrict acc, v *loss)
{
    const double *w2 = w + 3 * H, *w3 = w2 + H * (H + 1);
    v *a2 = acc + 3 * H, *a3 = a2 + H * (H + 1), h1[H][B], h2[H][B], d1[H][B], d2[H][B], d3[B];

    for (int i = 0; i < H; i++)
        for (int b = 0; b < B; b++) {
            v z = w[3 * i + 2] + w[3 * i] * x[b] + w[3 * i + 1] * x[B + b];
            h1[i][b] = where(z > 0, z);
        }
    for (int j = 0; j < H; j += T) {
        v z[T][B];
        for (int k = 0; k < T; k++)
            for (int b = 0; b < B; b++) z[k][b] = w2[(j + k) * (H + 1) + H] + (v){0};
        for (int i = 0; i < H; i++)
            for (int k = 0; k < T; k++)
                for (int b = 0; b < B; b++) z[k][b] += w2[(j + k) * (H + 1) + i] * h1[i][b];
        for (int k = 0; k < T; k++)
            for (int b = 0; b < B; b++) h2[j + k][b] = where(z[k][b] > 0, z[k][b]);
    }
    for (int b = 0; b < B; b++) {
        v o = w3[H] + (v){0};
        for (int j = 0; j < H; j++) o += w3[j] * h2[j][b];
        v margin = 1.0 - label[b] * o;
        m active = (margin > 0) & real[b];
        *loss += where(active, margin);
        d3[b] = where(active, -label[b]);
        a3[H] += d3[b];
    }
    for (int j = 0; j < H; j++) {
        v weight = a3[j], bias = a2[j * (H + 1) + H];
        for (int b = 0; b < B; b++) {
            weight += d3[b] * h2[j][b];
            bias += d2[j][b] = where(h2[j][b] > 0, w3[j] * d3[b]);
        }
        a3[j] = weight, a2[j * (H + 1) + H] = bias;
    }
    for (int j = 0; j < H; j += T)
        for (int i = 0; i < H; i += T) {
            v sum[T][T];
            for (int k = 0; k < T; k++)
                for (int l = 0; l < T; l++) sum[k][l] = a2[(j + k) * (H + 1) + i + l];
            for (int b = 0; b < B; b++)
                for (int k = 0; k < T; k++)
                    for (int l = 0; l < T; l++) sum[k][l] += d2[j + k][b] * h1[i + l][b];
            for (int k = 0; k < T; k++)
                for (int l = 0; l < T; l++) a2[(j + k) * (H + 1) + i + l] = sum[k][l];
        }
    for (int i = 0; i < H; i += T) {
        v d[T][B] = {0};
        for (int j = 0; j < H; j++)
            for (int k = 0; k < T; k++)
                for (int b = 0; b < B; b++) d[k][b] += w2[j * (H + 1) + i + k] * d2[j][b];
        for (int k = 0; k < T; k++)
            for (int b = 0; b < B; b++) d1[i + k][b] = where(h1[i + k][b] > 0, d[k][b]);
    }
    for (int i = 0; i < H; i++)
        for (int b = 0; b < B; b++) {
            acc[3 * i] += d1[i][b] * x[b];
            acc[3 * i + 1] += d1[i][b] * x[B + b];
            acc[3 * i + 2] += d1[i][b];
        }
}

void mlp(const double *w, const double *x, const double *y, long n, double *out)
{
    v acc[P], loss = {0};
    memset(acc, 0, sizeof acc);
    for (long s = 0; s < n; s += L * B) {
        v xs[2 * B] = {0}, label[B] = {0};
        m real[B] = {0};
        for (long i = 0; i < L * B && s + i < n; i++) {
            xs[i / L][i % L] = x[2 * (s + i)], xs[B + i / L][i % L] = x[2 * (s + i) + 1];
            label[i / L][i % L] = y[s + i], real[i / L][i % L] = -1;
        }
        block(w, xs, label, real, acc, &loss);
    }
    out[0] = total(loss) / n;
    for (int k = 0; k < P; k++) out[1 + k] = total(acc[k]) / n;
}
