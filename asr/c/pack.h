/* Float matrices to packed int8 ones: see product.h. */
#pragma once
#include <math.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "product.h"

struct weights {
    const float *weight, *bias; /* [outputs, width], [outputs] or NULL */
    int outputs, width;
};

static size_t whole_strips(int outputs) {
    return (size_t)(outputs + STRIP - 1) / STRIP * STRIP;
}

static size_t packed_size(struct weights from) {
    return whole_strips(from.outputs) * from.width;
}

/* Memory for packed weights, in huge pages where the system has them: one core alone then reads faster. */
static uint8_t *pool(size_t size) {
    size_t page = 2 << 20;
    uint8_t *memory = aligned_alloc(page, (size + page - 1) / page * page);
#ifdef MADV_HUGEPAGE
    if (memory)
        madvise(memory, size, MADV_HUGEPAGE); /* a wish: what it answers changes nothing */
#endif
    return memory;
}

/* Round each row to -127 .. 127 times a scale of its own. Takes its memory from `*pool`; the scales are
 * allocated, NULL if there is no memory. The bias stays where it is. */
static struct matrix pack(struct weights from, uint8_t **pool) {
    static const int blocks[] = {128, 96, 80, 64, 48, 32}; /* activations that share a scale */
    size_t outputs = whole_strips(from.outputs);
    float *scales = floats(outputs);
    struct matrix m = {*pool, scales, from.bias, (int)outputs, from.width, 0};
    for (int i = 0; !m.block && i < (int)(sizeof blocks / sizeof *blocks); i++)
        if (from.width % blocks[i] == 0)
            m.block = blocks[i];
    *pool += packed_size(from);
    for (size_t row = 0; scales && row < outputs; row++) {
        uint8_t *to = *pool - packed_size(from) + row / STRIP * STRIP * from.width + row % STRIP * 4;
        const float *weight = from.weight + row * from.width;
        float peak = 1e-12f;
        for (int i = 0; row < (size_t)from.outputs && i < from.width; i++)
            peak = fabsf(weight[i]) > peak ? fabsf(weight[i]) : peak;
        scales[row] = peak / 127.0f;
        for (int i = 0; i < from.width; i++) {
            float value = row < (size_t)from.outputs ? weight[i] : 0.0f;
            to[i / 4 * 4 * STRIP + i % 4] = (uint8_t)(lrintf(value / scales[row]) + 128);
        }
    }
    return m;
}
