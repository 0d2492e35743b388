/* Whisper's encoder and text decoder with int8 weights (Radford et al. 2022, arXiv:2212.04356).
 *
 * Letters: D width, H heads of E = D / H, F = 4 D, T audio frames after the second convolution. The products
 * and the attention are those of the language model's passes (llm/c). A row of the decoder comes out the same
 * to the last bit whatever is computed beside it.
 */
#define _GNU_SOURCE
#include <math.h>
#include <string.h>

#include "attention.h"
#include "pack.h"
#include "team.h"

/* The layouts of these, and of `weights`, are those of asr/compiled.py. */
struct norm {
    const float *gain, *shift; /* [D] */
};

struct layer_weights {
    struct norm self_norm, cross_norm, ffn_norm;
    struct weights qkv, self_out, query, audio, cross_out, wide, narrow; /* of the encoder none for `cross` */
};

struct stack {
    int layers;
    const struct layer_weights *layer;
    const float *positions; /* [most, D] */
    struct norm last;
    int most; /* positions */
};

struct model {
    int width, heads, bands, vocabulary;
    struct weights first, second, embeddings; /* two convolutions, their kernels as [outputs, 3 * inputs] */
    struct stack encoder, decoder;
};

struct layer {
    struct norm self_norm, cross_norm, ffn_norm;
    struct matrix qkv, self_out, query, audio, cross_out, wide, narrow;
    half *text; /* [2, H, positions * E]: keys, then values */
    half *heard;
};

struct whisper {
    struct job job; /* the team's; first, so that a pointer to it is one to this */
    struct team team;
    struct model model;
    struct matrix first, second, head;
    struct layer *encoder, *decoder;
    int text_positions, audio_positions; /* of the caches: whole tiles */
    uint8_t *packed;
    half *encoder_cache, *text_caches, *audio_caches;
    float *wide, *qkv, *y, *heads, *scores;
    struct rounded rounded;
    /* What a job is asked for: */
    int rows, start, audio_rows;
    const float *mel; /* [1 + frames + 1, bands] */
    float *x;         /* [rows, D] */
    float *logits;    /* [rows, vocabulary in whole strips] */
};

static int width(const struct whisper *w) {
    return w->model.width;
}

static int head_width(const struct whisper *w) {
    return w->model.width / w->model.heads;
}

/* x times the share of a normal distribution below it, with an error under 2e-7 (Abramowitz and Stegun,
 * Handbook of Mathematical Functions, 7.1.26). */
INLINE vec gelu(vec x) {
    vec far = larger(x, -x), z = far * 0.70710678f, t = 1.0f / fused(all(0.3275911f), z, all(1.0f));
    vec y = fused(all(1.061405429f), t, all(-1.453152027f));
    y = fused(y, t, all(1.421413741f));
    y = fused(y, t, all(-0.284496736f));
    y = fused(y, t, all(0.254829592f));
    vec beyond = 0.5f * y * t * exponential(-z * z); /* the share further out than x */
    return larger(x, all(0.0f)) - far * beyond;
}

static void activate(float *x, int count) {
    for (int i = 0; i < count; i += LANES)
        store(x + i, gelu(load(x + i)));
}

/* LayerNorm; `to` may be `x`. */
static void normalise(const float *x, struct norm norm, int width, float *to) {
    vec total = all(0.0f), squares = all(0.0f);
    for (int i = 0; i < width; i += LANES)
        total += load(x + i);
    vec mean = all(sum(total) / width);
    for (int i = 0; i < width; i += LANES)
        squares = fused(load(x + i) - mean, load(x + i) - mean, squares);
    vec scale = all(1.0f / sqrtf(sum(squares) / width + 1e-5f));
    for (int i = 0; i < width; i += LANES)
        store(to + i, fused((load(x + i) - mean) * scale, load(norm.gain + i), load(norm.shift + i)));
}

/* Add what the last product gave to the residual of a row. */
static void add(struct whisper *w, int row) {
    float *x = w->x + (size_t)row * width(w), *y = w->y + (size_t)row * width(w);
    for (int i = 0; i < width(w); i += LANES)
        store(x + i, load(x + i) + load(y + i));
}

/* Round the normalised residual for the next product. */
static void enter(struct whisper *w, int row, struct norm norm, const struct matrix *next) {
    float *normed = w->y + (size_t)row * width(w); /* added by now */
    normalise(w->x + (size_t)row * width(w), norm, width(w), normed);
    round_row(normed, next, &w->rounded, row);
}

/* Put one row's keys and values [2, H, E] into a cache. */
static void put(const struct whisper *w, const float *row, half *cache, int positions, int position) {
    int H = w->model.heads, E = head_width(w);
    size_t of_head = (size_t)positions * E;
    for (int head = 0; head < H; head++, row += E, cache += of_head) {
        put_key(cache, E, position, row);
        put_value(cache + H * of_head, E, position, row + H * E);
    }
}

/* Attention of one head of some rows to `end` positions. step: floats from one row's queries to the next. */
static void attend_rows(struct whisper *w, int head, int row, int rows, size_t step, const half *cache,
                        int positions, int end, int thread) {
    int H = w->model.heads, E = head_width(w), D = width(w);
    int longest = w->audio_positions > w->text_positions ? w->audio_positions : w->text_positions;
    const half *keys = cache + (size_t)head * positions * E;
    struct view seen = {keys, keys + (size_t)H * positions * E, 0, end};
    float *to = w->heads + (size_t)row * D + head * E;
    struct queries asked = {w->qkv + row * step + head * E, step, to, D, 1.0f / sqrtf(E)};
    attend(rows, E, asked, seen, w->scores + (size_t)thread * HEADS_TOGETHER * longest, longest);
}

/* Of an item: one head and up to HEADS_TOGETHER rows, all of which see the same. */
static void attend_together(struct whisper *w, int item, size_t step, const half *cache, int end,
                            int thread) {
    int row = item / w->model.heads * HEADS_TOGETHER, left = w->rows - row;
    int rows = left < HEADS_TOGETHER ? left : HEADS_TOGETHER;
    attend_rows(w, item % w->model.heads, row, rows, step, cache, w->audio_positions, end, thread);
}

enum phase {
    SELF_NORM, QKV, PUT, ATTEND, ATTEND_ALL, ROUND, SELF_OUT,
    CROSS_NORM, QUERY, HEAR, CROSS_OUT, FFN_NORM, WIDE, ACTIVATE, NARROW,
};
static const enum phase encoder_layer[] = {
    SELF_NORM, QKV, PUT, ATTEND_ALL, ROUND, SELF_OUT, FFN_NORM, WIDE, ACTIVATE, NARROW,
};
static const enum phase decoder_layer[] = {
    SELF_NORM, QKV, PUT, ATTEND, ROUND, SELF_OUT, CROSS_NORM, QUERY, HEAR, ROUND, CROSS_OUT,
    FFN_NORM, WIDE, ACTIVATE, NARROW,
};
enum { ENCODER_PHASES = sizeof encoder_layer / sizeof *encoder_layer };
enum { DECODER_PHASES = sizeof decoder_layer / sizeof *decoder_layer };

static int layer_items(const struct whisper *w, enum phase phase, const struct layer *layer) {
    int together = (w->rows + HEADS_TOGETHER - 1) / HEADS_TOGETHER;
    switch (phase) {
    case QKV: return product_items(&layer->qkv);
    case ATTEND: return w->rows * w->model.heads;
    case ATTEND_ALL:
    case HEAR: return together * w->model.heads;
    case SELF_OUT: return product_items(&layer->self_out);
    case QUERY: return product_items(&layer->query);
    case CROSS_OUT: return product_items(&layer->cross_out);
    case WIDE: return product_items(&layer->wide);
    case NARROW: return product_items(&layer->narrow);
    default: return w->rows;
    }
}

/* positions, start: of the layer's own cache, and where the rows begin in it. first: of the stack. */
static void layer_work(struct whisper *w, enum phase phase, struct layer *layer, bool first, int positions,
                       int start, int item, int thread) {
    int D = width(w), H = w->model.heads, F = layer->wide.outputs, rows = w->rows;
    switch (phase) {
    case SELF_NORM:
        if (!first)
            add(w, item);
        enter(w, item, layer->self_norm, &layer->qkv);
        break;
    case QKV: multiply(&layer->qkv, &w->rounded, rows, item, w->qkv); break;
    case PUT: put(w, w->qkv + (size_t)item * 3 * D + D, layer->text, positions, start + item); break;
    case ATTEND:
        attend_rows(w, item % H, item / H, 1, 3 * D, layer->text, positions, start + item / H + 1, thread);
        break;
    case ATTEND_ALL: attend_together(w, item, 3 * D, layer->text, rows, thread); break;
    case ROUND: round_row(w->heads + (size_t)item * D, &layer->self_out, &w->rounded, item); break;
    case SELF_OUT: multiply(&layer->self_out, &w->rounded, rows, item, w->y); break;
    case CROSS_NORM:
        add(w, item);
        enter(w, item, layer->cross_norm, &layer->query);
        break;
    case QUERY: multiply(&layer->query, &w->rounded, rows, item, w->qkv); break;
    case HEAR: attend_together(w, item, D, layer->heard, w->audio_rows, thread); break;
    case CROSS_OUT: multiply(&layer->cross_out, &w->rounded, rows, item, w->y); break;
    case FFN_NORM:
        add(w, item);
        enter(w, item, layer->ffn_norm, &layer->wide);
        break;
    case WIDE: multiply(&layer->wide, &w->rounded, rows, item, w->wide); break;
    case ACTIVATE:
        activate(w->wide + (size_t)item * F, F);
        round_row(w->wide + (size_t)item * F, &layer->narrow, &w->rounded, item);
        break;
    case NARROW: multiply(&layer->narrow, &w->rounded, rows, item, w->y); break;
    }
}

static void last_norm(struct whisper *w, const struct stack *stack, int row) {
    float *x = w->x + (size_t)row * width(w);
    add(w, row);
    normalise(x, stack->last, width(w), x);
}

/* The phases before the encoder's layers: two convolutions over the mel spectrogram. */
enum { ROUND_MEL, FIRST, ACTIVATE_FIRST, ROUND_FIRST, SECOND, BEGIN, LAYERS };

static int encode_items(const struct job *job, int phase) {
    const struct whisper *w = (const struct whisper *)job;
    switch (phase) {
    case ROUND_MEL:
    case ACTIVATE_FIRST: return 2 * w->rows;
    case FIRST: return product_items(&w->first);
    case SECOND: return product_items(&w->second);
    case ROUND_FIRST:
    case BEGIN: return w->rows;
    }
    int n = (phase - LAYERS) / ENCODER_PHASES;
    if (n == w->model.encoder.layers)
        return w->rows;
    return layer_items(w, encoder_layer[(phase - LAYERS) % ENCODER_PHASES], w->encoder + n);
}

static void encode_work(const struct job *job, int phase, int item, int thread) {
    struct whisper *w = (struct whisper *)job;
    int D = width(w), bands = w->model.bands;
    float *frames = w->wide + D; /* in front of the first frame nothing is heard */
    float *x = w->x + (size_t)item * D;
    switch (phase) {
    case ROUND_MEL: round_row(w->mel + (size_t)item * bands, &w->first, &w->rounded, item); return;
    case FIRST: multiply(&w->first, &w->rounded, 2 * w->rows, item, frames); return;
    case ACTIVATE_FIRST:
        if (item == 0)
            memset(w->wide, 0, D * sizeof(float));
        activate(frames + (size_t)item * D, D);
        return;
    case ROUND_FIRST: round_row(w->wide + (size_t)2 * item * D, &w->second, &w->rounded, item); return;
    case SECOND: multiply(&w->second, &w->rounded, w->rows, item, w->x); return;
    case BEGIN:
        activate(x, D);
        for (int i = 0; i < D; i += LANES)
            store(x + i, load(x + i) + load(w->model.encoder.positions + (size_t)item * D + i));
        return;
    }
    int n = (phase - LAYERS) / ENCODER_PHASES;
    if (n == w->model.encoder.layers)
        last_norm(w, &w->model.encoder, item);
    else
        layer_work(w, encoder_layer[(phase - LAYERS) % ENCODER_PHASES], w->encoder + n, n == 0,
                   w->audio_positions, 0, item, thread);
}

/* Keys and values of what is heard, for each layer of the decoder. */
static int hear_items(const struct job *job, int phase) {
    const struct whisper *w = (const struct whisper *)job;
    return phase % 2 ? product_items(&w->decoder->audio) : w->rows;
}

static void hear_work(const struct job *job, int phase, int item, int thread) {
    struct whisper *w = (struct whisper *)job;
    struct layer *now = w->decoder + phase / 2;
    int D = width(w);
    (void)thread;
    if (phase % 2)
        multiply(&now->audio, &w->rounded, w->rows, item, w->wide);
    else if (phase == 0)
        round_row(w->x + (size_t)item * D, &now->audio, &w->rounded, item);
    else
        put(w, w->wide + (size_t)item * 2 * D, now[-1].heard, w->audio_positions, item);
}

static int append_items(const struct job *job, int phase) {
    const struct whisper *w = (const struct whisper *)job;
    int n = phase / DECODER_PHASES;
    if (n == w->model.decoder.layers)
        return w->rows;
    return layer_items(w, decoder_layer[phase % DECODER_PHASES], w->decoder + n);
}

static void append_work(const struct job *job, int phase, int item, int thread) {
    struct whisper *w = (struct whisper *)job;
    int n = phase / DECODER_PHASES;
    if (n == w->model.decoder.layers)
        last_norm(w, &w->model.decoder, item);
    else
        layer_work(w, decoder_layer[phase % DECODER_PHASES], w->decoder + n, n == 0, w->text_positions,
                   w->start, item, thread);
}

static int score_items(const struct job *job, int phase) {
    const struct whisper *w = (const struct whisper *)job;
    return phase ? product_items(&w->head) : w->rows;
}

static void score_work(const struct job *job, int phase, int item, int thread) {
    struct whisper *w = (struct whisper *)job;
    (void)thread;
    if (phase)
        multiply(&w->head, &w->rounded, w->rows, item, w->logits);
    else
        round_row(w->x + (size_t)item * width(w), &w->head, &w->rounded, item);
}

int whisper_lanes(void) {
    return LANES;
}

/* mel: [1 + 2 rows + 1, bands], the first and last row silent by definition. to: [rows, D]. */
void whisper_encode(struct whisper *w, int rows, const float *mel, float *to) {
    w->job = (struct job){LAYERS + w->model.encoder.layers * ENCODER_PHASES + 1, encode_items, encode_work};
    w->rows = rows, w->mel = mel, w->x = to;
    team_run(&w->team, &w->job);
}

/* Attend to encoded audio [rows, D] from here on. */
void whisper_hear(struct whisper *w, int rows, float *encoded) {
    w->job = (struct job){2 * w->model.decoder.layers + 1, hear_items, hear_work};
    w->rows = w->audio_rows = rows, w->x = encoded;
    team_run(&w->team, &w->job);
}

/* Let rows follow the first `start` of the text. x [rows, D]: embeddings in, hidden states out. */
void whisper_append(struct whisper *w, int rows, int start, float *x) {
    w->job = (struct job){w->model.decoder.layers * DECODER_PHASES + 1, append_items, append_work};
    w->rows = rows, w->start = start, w->x = x;
    team_run(&w->team, &w->job);
}

/* Hidden states [rows, D] in, scores of the next token [rows, vocabulary in whole strips] out. */
void whisper_score(struct whisper *w, int rows, float *hidden, float *logits) {
    w->job = (struct job){2, score_items, score_work};
    w->rows = rows, w->x = hidden, w->logits = logits;
    team_run(&w->team, &w->job);
}

static size_t layer_size(const struct layer_weights *from, bool hears) {
    size_t own = packed_size(from->qkv) + packed_size(from->self_out) + packed_size(from->wide)
                 + packed_size(from->narrow);
    if (!hears)
        return own;
    return own + packed_size(from->query) + packed_size(from->audio) + packed_size(from->cross_out);
}

static size_t model_size(const struct model *model) {
    size_t size = packed_size(model->first) + packed_size(model->second) + packed_size(model->embeddings);
    for (int n = 0; n < model->encoder.layers; n++)
        size += layer_size(model->encoder.layer + n, false);
    for (int n = 0; n < model->decoder.layers; n++)
        size += layer_size(model->decoder.layer + n, true);
    return size;
}

/* Whether there was memory for all scales. */
static bool pack_layer(const struct layer_weights *from, bool hears, uint8_t **pool, struct layer *to) {
    to->self_norm = from->self_norm, to->cross_norm = from->cross_norm, to->ffn_norm = from->ffn_norm;
    to->qkv = pack(from->qkv, pool), to->self_out = pack(from->self_out, pool);
    to->wide = pack(from->wide, pool), to->narrow = pack(from->narrow, pool);
    bool packed = to->qkv.scales && to->self_out.scales && to->wide.scales && to->narrow.scales;
    if (!hears)
        return packed;
    to->query = pack(from->query, pool), to->audio = pack(from->audio, pool);
    to->cross_out = pack(from->cross_out, pool);
    return packed && to->query.scales && to->audio.scales && to->cross_out.scales;
}

static void free_layers(struct layer *layers, int count) {
    for (int n = 0; layers && n < count; n++) {
        struct matrix all[] = {layers[n].qkv,   layers[n].self_out,  layers[n].query, layers[n].audio,
                               layers[n].cross_out, layers[n].wide, layers[n].narrow};
        for (size_t i = 0; i < sizeof all / sizeof *all; i++)
            free((void *)all[i].scales);
    }
    free(layers);
}

void whisper_close(struct whisper *w) {
    team_end(&w->team);
    free_layers(w->encoder, w->model.encoder.layers);
    free_layers(w->decoder, w->model.decoder.layers);
    free((void *)w->first.scales), free((void *)w->second.scales), free((void *)w->head.scales);
    free(w->packed), free(w->encoder_cache), free(w->text_caches), free(w->audio_caches);
    free(w->wide), free(w->qkv), free(w->y), free(w->heads), free(w->scores);
    free_rounded(&w->rounded);
    free(w);
}

static int whole_tiles(int positions) {
    return (positions + LANES - 1) / LANES * LANES;
}

/* Set up all but the threads; false if there is no memory. */
static bool prepare(struct whisper *w, int threads) {
    const struct model *model = &w->model;
    size_t D = model->width, F = model->encoder.layer->wide.outputs;
    size_t audio = w->audio_positions = whole_tiles(model->encoder.most);
    size_t text = w->text_positions = whole_tiles(model->decoder.most), rows = audio > text ? audio : text;
    size_t widest = F > 6 * (size_t)model->bands ? F : 6 * (size_t)model->bands; /* of two frames a row */
    w->encoder = calloc(model->encoder.layers, sizeof *w->encoder);
    w->decoder = calloc(model->decoder.layers, sizeof *w->decoder);
    w->packed = pool(model_size(model));
    w->encoder_cache = (half *)floats(audio * D);
    w->text_caches = (half *)floats(model->decoder.layers * text * D);
    w->audio_caches = (half *)floats(model->decoder.layers * audio * D);
    w->wide = floats(rows * F), w->qkv = floats(rows * 3 * D), w->y = floats(rows * D);
    w->heads = floats(rows * D), w->scores = floats(threads * HEADS_TOGETHER * rows);
    if (!make_rounded(&w->rounded, rows, widest) || !w->encoder || !w->decoder || !w->packed
        || !w->encoder_cache || !w->text_caches || !w->audio_caches || !w->wide || !w->qkv || !w->y
        || !w->heads || !w->scores)
        return false;
    uint8_t *left = w->packed;
    w->first = pack(model->first, &left), w->second = pack(model->second, &left);
    w->head = pack(model->embeddings, &left);
    bool packed = w->first.scales && w->second.scales && w->head.scales;
    for (int n = 0; n < model->encoder.layers; n++) {
        packed &= pack_layer(model->encoder.layer + n, false, &left, w->encoder + n);
        w->encoder[n].text = w->encoder_cache;
    }
    for (int n = 0; n < model->decoder.layers; n++) {
        packed &= pack_layer(model->decoder.layer + n, true, &left, w->decoder + n);
        w->decoder[n].text = w->text_caches + n * 2 * text * D;
        w->decoder[n].heard = w->audio_caches + n * 2 * audio * D;
    }
    return packed;
}

/* Take over a model; its matrices are packed, the rest must stay where it is. NULL if there is no memory, or
 * no thread. */
struct whisper *whisper_open(const struct model *model, int threads) {
    struct whisper *w = calloc(1, sizeof *w);
    if (!w)
        return NULL;
    w->model = *model;
    if (team_begin(&w->team, threads) && prepare(w, threads))
        return w;
    whisper_close(w);
    return NULL;
}
