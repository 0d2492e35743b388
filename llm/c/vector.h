/* Vectors of LANES floats, and the operations on them that C has no sign for.
 *
 * What is `fused` (a * b + c, rounded once) is so by name: left to the compiler, it could differ between two
 * copies of the same lines, and a row's sums with it.
 */
#pragma once
#include <immintrin.h>
#include <stdint.h>
#include <stdlib.h>

#define INLINE static inline __attribute__((always_inline))

#ifdef __AVX512VNNI__
#define LANES 16
#else
#define LANES 8
#endif

typedef float vec __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef int32_t ints __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef uint16_t half; /* a float of 16 bits, IEEE 754 */
typedef int8_t bytes __attribute__((vector_size(LANES), aligned(1), may_alias));

/* Memory on whole cache lines: a vector across two of them takes twice as long. NULL if there is none. */
static inline float *floats(size_t count) {
    size_t line = 64, size = (count * sizeof(float) + line - 1) / line * line;
    return aligned_alloc(line, size);
}

INLINE vec load(const float *at) { return *(const vec *)at; }
INLINE void store(float *at, vec x) { *(vec *)at = x; }
INLINE vec all(float x) { return (vec){0} + x; }

#ifdef __AVX512VNNI__
INLINE vec fused(vec a, vec b, vec c) { return (vec)_mm512_fmadd_ps((__m512)a, (__m512)b, (__m512)c); }
INLINE vec larger(vec a, vec b) { return (vec)_mm512_max_ps((__m512)a, (__m512)b); }
INLINE vec smaller(vec a, vec b) { return (vec)_mm512_min_ps((__m512)a, (__m512)b); }
INLINE vec nearest(vec x) { return (vec)_mm512_roundscale_ps((__m512)x, _MM_FROUND_TO_NEAREST_INT); }
INLINE vec load_half(const half *at) { return (vec)_mm512_cvtph_ps(_mm256_loadu_si256((const __m256i *)at)); }
INLINE void store_half(half *at, vec x) { _mm256_storeu_si256((__m256i *)at, _mm512_cvtps_ph((__m512)x, 0)); }
INLINE float sum(vec x) { return _mm512_reduce_add_ps((__m512)x); }
INLINE float largest(vec x) { return _mm512_reduce_max_ps((__m512)x); }
INLINE int32_t sum_ints(ints x) { return _mm512_reduce_add_epi32((__m512i)x); }

/* Add to each lane the products of four weights with the four activations at `x`. The weights are taken as
 * they are stored, 0 to 255: every activation is counted STORED_ZERO times too often. */
enum { STORED_ZERO = 128 };
INLINE ints add_products(ints total, const uint8_t *weights, const int8_t *x) {
    __m512i four = _mm512_set1_epi32(*(const int32_t *)x);
    return (ints)_mm512_dpbusd_epi32((__m512i)total, _mm512_loadu_si512(weights), four);
}
#else
INLINE vec fused(vec a, vec b, vec c) { return (vec)_mm256_fmadd_ps((__m256)a, (__m256)b, (__m256)c); }
INLINE vec larger(vec a, vec b) { return (vec)_mm256_max_ps((__m256)a, (__m256)b); }
INLINE vec smaller(vec a, vec b) { return (vec)_mm256_min_ps((__m256)a, (__m256)b); }
INLINE vec nearest(vec x) { return (vec)_mm256_round_ps((__m256)x, _MM_FROUND_TO_NEAREST_INT); }
INLINE vec load_half(const half *at) { return (vec)_mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)at)); }
INLINE void store_half(half *at, vec x) { _mm_storeu_si128((__m128i *)at, _mm256_cvtps_ph((__m256)x, 0)); }
#define FOLD(x, with) (x = with(x, __builtin_shuffle(x, (ints){4, 5, 6, 7, 0, 1, 2, 3})), \
                       x = with(x, __builtin_shuffle(x, (ints){2, 3, 0, 1, 6, 7, 4, 5})), \
                       x = with(x, __builtin_shuffle(x, (ints){1, 0, 3, 2, 5, 4, 7, 6})), x[0])
#define PLUS(a, b) ((a) + (b))
INLINE float sum(vec x) { return FOLD(x, PLUS); }
INLINE float largest(vec x) { return FOLD(x, larger); }
INLINE int32_t sum_ints(ints x) { return FOLD(x, PLUS); }

/* The same with pairs summed in 16 bits, which hold them: the weights' sign moves over to the activations,
 * and the largest pair is 2 * 128 * 127. Here no activation is counted too often. */
enum { STORED_ZERO = 0 };
INLINE ints add_products(ints total, const uint8_t *weights, const int8_t *x) {
    __m256i four = _mm256_set1_epi32(*(const int32_t *)x);
    __m256i weight = _mm256_xor_si256(_mm256_loadu_si256((const __m256i *)weights), _mm256_set1_epi8(-128));
    __m256i pairs = _mm256_maddubs_epi16(_mm256_abs_epi8(weight), _mm256_sign_epi8(four, weight));
    return total + (ints)_mm256_madd_epi16(pairs, _mm256_set1_epi16(1));
}
#endif

/* e to the x, with an error of a few units in the last place (Cephes' expf); never 0, never infinite. */
INLINE vec exponential(vec x) {
    x = smaller(larger(x, all(-87.0f)), all(87.0f));
    vec n = nearest(x * 1.44269504f);
    x = fused(n, all(2.12194440e-4f), fused(n, all(-0.693359375f), x));
    vec y = fused(x, all(1.9875691500e-4f), all(1.3981999507e-3f));
    y = fused(y, x, all(8.3334519073e-3f));
    y = fused(y, x, all(4.1665795894e-2f));
    y = fused(y, x, all(1.6666665459e-1f));
    y = fused(y, x, all(5.0000001201e-1f));
    y = fused(y, x * x, x + 1.0f);
    ints power = (__builtin_convertvector(n, ints) + 127) << 23; /* 2 to the n, as a float's bits */
    return y * (vec)power;
}
