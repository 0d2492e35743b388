/* Attention of queries to keys and values that they share. */
#pragma once
#include <math.h>

#include "vector.h"

enum { HEADS_TOGETHER = 4, VECS_TOGETHER = 4 };

/* Keys lie in tiles of LANES positions, [positions / LANES, E, LANES]: a score for each needs no sum across a
 * vector. Values lie as they come, [positions, E]. Half precision: half as much is read of them. */
static void put_key(half *keys, int E, int position, const float *key) {
    half *to = keys + (size_t)(position / LANES) * LANES * E + position % LANES, rounded[LANES];
    for (int i = 0; i < E; i += LANES) {
        store_half(rounded, load(key + i));
        for (int n = 0; n < LANES; n++)
            to[(i + n) * LANES] = rounded[n];
    }
}

static void put_value(half *values, int E, int position, const float *value) {
    for (int i = 0; i < E; i += LANES)
        store_half(values + (size_t)position * E + i, load(value + i));
}

/* Scores of a tile's keys for so many queries, `step` apart; a constant number, as in all that follows. */
INLINE void score_tile(const int heads, int E, float scale, const float *q, size_t step, const half *tile,
                       float *scores, size_t stride) {
    vec products[heads];
    for (int h = 0; h < heads; h++)
        products[h] = all(0.0f);
    for (int i = 0; i < E; i++) {
        vec keys = load_half(tile + i * LANES);
        for (int h = 0; h < heads; h++)
            products[h] = fused(keys, all(q[h * step + i]), products[h]);
    }
    for (int h = 0; h < heads; h++)
        store(scores + h * stride, products[h] * scale);
}

/* Turn the scores of [first, end) into weights; returns their sum. */
static float soften(float *scores, int first, int end) {
    for (int t = 0; t < first; t++)
        scores[t] = -INFINITY;
    for (int t = end; t % LANES; t++)
        scores[t] = -INFINITY;
    vec peaks = all(-INFINITY), total = all(0.0f);
    for (int t = 0; t < end; t += LANES)
        peaks = larger(peaks, load(scores + t));
    float peak = largest(peaks);
    for (int t = 0; t < end; t += LANES) {
        vec weights = exponential(load(scores + t) - peak);
        store(scores + t, weights);
        total += weights;
    }
    return sum(total);
}

/* The weighted sum of some columns of the values. */
INLINE void weigh(const int heads, const int vecs, int E, const float *weights, size_t stride, int first,
                  int end, const half *values, const float *totals, float *to, size_t step) {
    vec y[heads][vecs];
    for (int h = 0; h < heads; h++)
        for (int i = 0; i < vecs; i++)
            y[h][i] = all(0.0f);
    for (int t = first; t < end; t++)
        for (int i = 0; i < vecs; i++) {
            vec some = load_half(values + (size_t)t * E + i * LANES);
            for (int h = 0; h < heads; h++)
                y[h][i] = fused(some, all(weights[h * stride + t]), y[h][i]);
        }
    for (int h = 0; h < heads; h++)
        for (int i = 0; i < vecs; i++)
            store(to + h * step + i * LANES, y[h][i] / totals[h]);
}

/* What queries see: positions `first` to `end`, `first` in the first tile. */
struct view {
    const half *keys, *values;
    int first, end;
};

/* Queries of E floats, one every `step`, and where their results go, one every `to_step`. */
struct queries {
    const float *q;
    size_t step;
    float *to;
    size_t to_step;
    float scale; /* of their products with keys */
};

INLINE void attend_for(const int heads, int E, const struct queries *asked, int n, const struct view *seen,
                       float *scores, size_t stride) {
    const float *q = asked->q + n * asked->step;
    float totals[heads], *to = asked->to + n * asked->to_step;
    for (int t = 0; t < seen->end; t += LANES)
        score_tile(heads, E, asked->scale, q, asked->step, seen->keys + (size_t)t * E, scores + t, stride);
    for (int h = 0; h < heads; h++)
        totals[h] = soften(scores + h * stride, seen->first, seen->end);
    const half *values = seen->values;
    size_t step = asked->to_step;
    int first = seen->first, end = seen->end, i = 0;
    for (; i + VECS_TOGETHER * LANES <= E; i += VECS_TOGETHER * LANES)
        weigh(heads, VECS_TOGETHER, E, scores, stride, first, end, values + i, totals, to + i, step);
    for (; i < E; i += LANES)
        weigh(heads, 1, E, scores, stride, first, end, values + i, totals, to + i, step);
}

/* So many queries that share keys and values.
 * scores: room for [HEADS_TOGETHER, stride], a stride for all positions of whole tiles. */
static void attend(int count, int E, struct queries asked, struct view seen, float *scores, size_t stride) {
    for (int n = 0; n < count; n += HEADS_TOGETHER)
        switch (count - n) {
        case 1: attend_for(1, E, &asked, n, &seen, scores, stride); break;
        case 2: attend_for(2, E, &asked, n, &seen, scores, stride); break;
        case 3: attend_for(3, E, &asked, n, &seen, scores, stride); break;
        default: attend_for(HEADS_TOGETHER, E, &asked, n, &seen, scores, stride);
        }
}
