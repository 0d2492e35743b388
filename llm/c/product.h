/* Products of int8 weights with activations that are rounded to 8 bits, a scale for each block of them. */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "vector.h"

enum { STRIP = LANES, STRIPS_TOGETHER = 128 / STRIP };
enum { ROWS_TOGETHER = LANES / 2 }; /* as many as have their sums in registers */

/* Rows of weights, packed: strips of STRIP outputs; of a strip four weights of each output, the next four,
 * and so on. So a strip is read in the order in which it lies, once for ROWS_TOGETHER rows of activations. */
struct matrix {
    const uint8_t *weights;     /* plus 128 */
    const float *scales, *bias; /* [outputs]; NULL without a bias */
    int outputs, width;
    int block; /* activations that share a scale; divides `width` */
};

struct rounded {
    int8_t *values;   /* [rows, width] */
    float *scales;    /* [rows, width / block] */
    int32_t *surplus; /* [rows, width / block], negative: what STORED_ZERO adds to a block's products */
};

/* Make room for rows of up to `widest` values; false if there is no memory. */
static inline bool make_rounded(struct rounded *to, size_t rows, size_t widest) {
    to->values = (int8_t *)floats(rows * widest / sizeof(float));
    to->scales = floats(rows * widest / LANES);
    to->surplus = (int32_t *)floats(rows * widest / LANES);
    return to->values && to->scales && to->surplus;
}

static inline void free_rounded(struct rounded *from) {
    free(from->values), free(from->scales), free(from->surplus);
}

/* Round one row for a product. */
static void round_row(const float *x, const struct matrix *m, const struct rounded *to, int row) {
    int blocks = m->width / m->block;
    int8_t *values = to->values + (size_t)row * m->width;
    for (int b = 0; b < blocks; b++) {
        vec peaks = all(1e-12f);
        for (int i = 0; i < m->block; i += LANES) {
            vec some = load(x + b * m->block + i);
            peaks = larger(peaks, larger(some, -some));
        }
        float peak = largest(peaks);
        ints total = {0};
        for (int i = 0; i < m->block; i += LANES) {
            vec some = load(x + b * m->block + i);
            ints whole = __builtin_convertvector(nearest(some * (127.0f / peak)), ints);
            *(bytes *)(values + b * m->block + i) = __builtin_convertvector(whole, bytes);
            total += whole;
        }
        to->scales[row * blocks + b] = peak / 127.0f;
        to->surplus[row * blocks + b] = -STORED_ZERO * sum_ints(total);
    }
}

/* A strip for so many rows; a constant, so that their sums stay in registers. */
INLINE void strip_for(const int rows, const struct matrix *m, const uint8_t *weights, const struct rounded *x,
                      int row, float *y) {
    int blocks = m->width / m->block;
    const int8_t *values = x->values + (size_t)row * m->width;
    const float *scales = x->scales + row * blocks;
    const int32_t *surplus = x->surplus + row * blocks;
    vec sums[rows];
    for (int r = 0; r < rows; r++)
        sums[r] = all(0.0f);
    for (int b = 0; b < blocks; b++) {
        ints whole[rows];
        for (int r = 0; r < rows; r++)
            whole[r] = (ints){0} + surplus[r * blocks + b];
#pragma GCC unroll 4
        for (int i = 0; i < m->block; i += 4, weights += 4 * STRIP)
#pragma GCC unroll 8
            for (int r = 0; r < rows; r++)
                whole[r] = add_products(whole[r], weights, values + (size_t)r * m->width + b * m->block + i);
        for (int r = 0; r < rows; r++)
            sums[r] = fused(__builtin_convertvector(whole[r], vec), all(scales[r * blocks + b]), sums[r]);
    }
    for (int r = 0; r < rows; r++)
        store(y + (size_t)r * m->outputs, sums[r]);
}

/* One item of a product: some strips, for all rows. y: [rows, outputs]. */
static void multiply(const struct matrix *m, const struct rounded *x, int rows, int item, float *y) {
    int strips = m->outputs / STRIP, first = item * STRIPS_TOGETHER;
    for (int strip = first; strip < first + STRIPS_TOGETHER && strip < strips; strip++) {
        const uint8_t *weights = m->weights + (size_t)strip * STRIP * m->width;
        vec scale = load(m->scales + strip * STRIP), bias = all(0.0f);
        if (m->bias)
            bias = load(m->bias + strip * STRIP);
        for (int row = 0; row < rows; row += ROWS_TOGETHER) {
            float *to = y + (size_t)row * m->outputs + strip * STRIP;
            int left = rows - row < ROWS_TOGETHER ? rows - row : ROWS_TOGETHER;
            switch (left) {
            case 1: strip_for(1, m, weights, x, row, to); break;
            case 2: strip_for(2, m, weights, x, row, to); break;
            case 3: strip_for(3, m, weights, x, row, to); break;
            case 4: strip_for(4, m, weights, x, row, to); break;
            case 5: strip_for(5, m, weights, x, row, to); break;
            case 6: strip_for(6, m, weights, x, row, to); break;
            case 7: strip_for(7, m, weights, x, row, to); break;
            case 8: strip_for(8, m, weights, x, row, to); break;
            }
            for (int r = 0; r < left; r++, to += m->outputs)
                store(to, fused(load(to), scale, bias));
        }
    }
}

static int product_items(const struct matrix *m) {
    return (m->outputs / STRIP + STRIPS_TOGETHER - 1) / STRIPS_TOGETHER;
}
