/* x after `steps` of x = r x (1 - x), and its derivatives with respect to r and x, by reverse mode with a tape. */
#include <stdlib.h>

void logistic(const double *given, long steps, double *out)
{
    static double *tape;
    static long room;
    double r = given[0], x = given[1], g = 1, by_r = 0;
    if (room < steps)
        tape = realloc(tape, (room = steps) * sizeof *tape);
    for (long i = 0; i < steps; i++) {
        tape[i] = x;
        x = r * x * (1 - x);
    }
    out[0] = x;
    for (long i = steps - 1; i >= 0; i--) {
        by_r += g * (tape[i] * (1 - tape[i]));
        g *= r * (1 - 2 * tape[i]);
    }
    out[1] = by_r, out[2] = g;
}
