/* One forward pass of a decoder with int8 weights: the mathematics of llm/model.py, whose letters hold here.
 *
 * A row is a token of any sequence, with a cache and a position of its own. It comes out the same to the last
 * bit whatever rows are beside it: every sum of it is made in the same order.
 */
#include <stdlib.h>

#include "attention.h"
#include "product.h"
#include "team.h"

/* The layouts of these three, and of `matrix`, are those of llm/packed.py. */
struct layer {
    const float *attn_norm, *mlp_norm;           /* [D] */
    const float *post_attn_norm, *post_mlp_norm; /* [D], or NULL */
    const float *q_norm, *k_norm;                /* [E], or NULL */
    const float *cos, *sin;                      /* [positions, E / 2] */
    int window;                                  /* so many positions are seen; 0: all */
    struct matrix qkv, out, gate_up, down;
};

struct network {
    int dim, layers, heads, kv_heads, head_dim, ffn_dim;
    int positions; /* of a cache, a multiple of LANES */
    int gelu;      /* instead of SiLU */
    float norm_eps, score_scale;
    const struct layer *layer;
    const float *norm; /* [D] */
    struct matrix head;
};

struct place {
    half *cache; /* [2, layers, G, positions * E]: keys, then values */
    int position;
};

struct forward {
    struct job job; /* the team's; first, so that a pointer to it is one to this */
    struct team team;
    struct network net;
    float *qkv;    /* [rows, (H + 2 G) E] */
    float *heads;  /* [rows, H E] */
    float *both;   /* [rows, 2 F], the gate first */
    float *y;      /* [rows, D] */
    float *scores; /* [threads, HEADS_TOGETHER, positions] */
    struct rounded rounded;
    /* What a pass is asked for: */
    int rows;
    const struct place *places;
    float *x;      /* [rows, D], the residual */
    float *logits; /* [rows, V] */
};

static size_t head_size(const struct network *net) {
    return (size_t)net->positions * net->head_dim;
}

static size_t layer_size(const struct network *net) {
    return net->kv_heads * head_size(net);
}

/* RMSNorm; `to` may be `x`. */
static void norm(const float *x, const float *weight, int width, float eps, float *to) {
    vec squares = all(0.0f);
    for (int i = 0; i < width; i += LANES)
        squares = fused(load(x + i), load(x + i), squares);
    float scale = 1.0f / sqrtf(sum(squares) / width + eps);
    for (int i = 0; i < width; i += LANES)
        store(to + i, load(x + i) * scale * load(weight + i));
}

/* Add what a product gave, normalised by `post` if there is one, to the residual. */
static void add(struct forward *f, int row, const float *post) {
    int D = f->net.dim;
    float *x = f->x + (size_t)row * D, *y = f->y + (size_t)row * D;
    if (post)
        norm(y, post, D, f->net.norm_eps, y);
    for (int i = 0; i < D; i += LANES)
        store(x + i, load(x + i) + load(y + i));
}

/* Round the normalised residual for the next product. */
static void enter(struct forward *f, int row, const float *weight, const struct matrix *next) {
    float *normed = f->y + (size_t)row * f->net.dim;
    norm(f->x + (size_t)row * f->net.dim, weight, f->net.dim, f->net.norm_eps, normed);
    round_row(normed, next, &f->rounded, row);
}

/* Turn each pair (x[i], x[i + E / 2]) of a head by its angle. */
static void rotate(float *x, int E, const float *cosines, const float *sines) {
    for (int i = 0; i < E / 2; i++) {
        float a = x[i], b = x[i + E / 2];
        x[i] = a * cosines[i] - b * sines[i];
        x[i + E / 2] = b * cosines[i] + a * sines[i];
    }
}

/* Rotate a row's queries and keys, and put its keys and values into its cache. */
static void place_row(struct forward *f, int n, int row) {
    const struct network *net = &f->net;
    const struct layer *layer = net->layer + n;
    int H = net->heads, G = net->kv_heads, E = net->head_dim, position = f->places[row].position;
    float *q = f->qkv + (size_t)row * (H + 2 * G) * E;
    for (int head = 0; head < H + G; head++) {
        float *x = q + head * E;
        const float *weight = head < H ? layer->q_norm : layer->k_norm;
        if (weight)
            norm(x, weight, E, net->norm_eps, x);
        rotate(x, E, layer->cos + (size_t)position * E / 2, layer->sin + (size_t)position * E / 2);
    }
    half *keys = f->places[row].cache + n * layer_size(net), *values = keys + net->layers * layer_size(net);
    for (int g = 0; g < G; g++) {
        put_key(keys + g * head_size(net), E, position, q + (H + g) * E);
        put_value(values + g * head_size(net), E, position, q + (H + G + g) * E);
    }
}

/* Attention of the H / G query heads of a row that share a key-value head. */
static void attend_row(struct forward *f, int n, int row, int g, int thread) {
    const struct network *net = &f->net;
    int H = net->heads, E = net->head_dim, shared = H / net->kv_heads, window = net->layer[n].window;
    int end = f->places[row].position + 1, first = window && end > window ? end - window : 0;
    int tile = first / LANES * LANES;
    const half *keys = f->places[row].cache + n * layer_size(net) + g * head_size(net) + (size_t)tile * E;
    struct view seen = {keys, keys + net->layers * layer_size(net), first - tile, end - tile};
    const float *q = f->qkv + ((size_t)row * (H + 2 * net->kv_heads) + g * shared) * E;
    float *scores = f->scores + (size_t)thread * HEADS_TOGETHER * net->positions;
    float *to = f->heads + ((size_t)row * H + g * shared) * E;
    attend(shared, E, (struct queries){q, E, to, E, net->score_scale}, seen, scores, net->positions);
}

/* Let the gate act on what it is for, and round that. */
static void activate(struct forward *f, int row, const struct matrix *down) {
    int F = f->net.ffn_dim;
    float *gate = f->both + (size_t)row * 2 * F, *up = gate + F;
    for (int i = 0; i < F; i += LANES) {
        vec x = load(gate + i), slope = x;
        if (f->net.gelu) /* by tanh: 0.5 (1 + tanh(u)) is the sigmoid of 2 u */
            slope = 1.59576912f * (x + 0.044715f * x * x * x);
        store(gate + i, x / (1.0f + exponential(-slope)) * load(up + i));
    }
    round_row(gate, down, &f->rounded, row);
}

/* The phases of a layer; after the last one, the final norm. */
enum phase { ENTER, QKV, PLACE, ATTEND, ROUND, OUT, ENTER_MLP, GATE_UP, ACTIVATE, DOWN, PHASES };

static int body_items(const struct job *job, int phase) {
    const struct forward *f = (const struct forward *)job;
    const struct layer *layer = f->net.layer; /* all have the same shapes */
    switch ((enum phase)(phase % PHASES)) {
    case QKV: return product_items(&layer->qkv);
    case OUT: return product_items(&layer->out);
    case GATE_UP: return product_items(&layer->gate_up);
    case DOWN: return product_items(&layer->down);
    case ATTEND: return f->rows * f->net.kv_heads;
    default: return f->rows;
    }
}

static void body_work(const struct job *job, int phase, int item, int thread) {
    struct forward *f = (struct forward *)job;
    const struct network *net = &f->net;
    const struct layer *layer = net->layer + phase / PHASES;
    int n = phase / PHASES, rows = f->rows;
    if (n == net->layers) {
        add(f, item, layer[-1].post_mlp_norm);
        float *x = f->x + (size_t)item * net->dim;
        norm(x, net->norm, net->dim, net->norm_eps, x);
        return;
    }
    switch ((enum phase)(phase % PHASES)) {
    case ENTER:
        if (n > 0)
            add(f, item, layer[-1].post_mlp_norm);
        enter(f, item, layer->attn_norm, &layer->qkv);
        break;
    case QKV: multiply(&layer->qkv, &f->rounded, rows, item, f->qkv); break;
    case PLACE: place_row(f, n, item); break;
    case ATTEND: attend_row(f, n, item / net->kv_heads, item % net->kv_heads, thread); break;
    case ROUND: round_row(f->heads + (size_t)item * layer->out.width, &layer->out, &f->rounded, item); break;
    case OUT: multiply(&layer->out, &f->rounded, rows, item, f->y); break;
    case ENTER_MLP:
        add(f, item, layer->post_attn_norm);
        enter(f, item, layer->mlp_norm, &layer->gate_up);
        break;
    case GATE_UP: multiply(&layer->gate_up, &f->rounded, rows, item, f->both); break;
    case ACTIVATE: activate(f, item, &layer->down); break;
    case DOWN: multiply(&layer->down, &f->rounded, rows, item, f->y); break;
    case PHASES: break;
    }
}

static int head_items(const struct job *job, int phase) {
    const struct forward *f = (const struct forward *)job;
    return phase == 0 ? f->rows : product_items(&f->net.head);
}

static void head_work(const struct job *job, int phase, int item, int thread) {
    struct forward *f = (struct forward *)job;
    (void)thread;
    if (phase == 0)
        round_row(f->x + (size_t)item * f->net.dim, &f->net.head, &f->rounded, item);
    else
        multiply(&f->net.head, &f->rounded, f->rows, item, f->logits);
}

int forward_lanes(void) {
    return LANES;
}

void forward_close(struct forward *f) {
    team_end(&f->team);
    free(f->qkv), free(f->heads), free(f->both), free(f->y), free(f->scores);
    free_rounded(&f->rounded);
    free(f);
}

/* Make what runs passes of up to so many rows on so many threads; NULL if there is no memory or no thread. */
struct forward *forward_open(const struct network *net, int rows, int threads) {
    size_t n = rows, D = net->dim, HE = net->heads * net->head_dim, GE = net->kv_heads * net->head_dim;
    size_t F = net->ffn_dim, widest = F > HE ? F : HE;
    struct forward *f = calloc(1, sizeof *f);
    if (!f)
        return NULL;
    widest = widest > D ? widest : D;
    f->net = *net;
    f->qkv = floats(n * (HE + 2 * GE));
    f->heads = floats(n * HE);
    f->both = floats(n * 2 * F);
    f->y = floats(n * D);
    f->scores = floats((size_t)threads * HEADS_TOGETHER * net->positions);
    bool rounded = make_rounded(&f->rounded, n, widest);
    bool memory = f->qkv && f->heads && f->both && f->y && f->scores && rounded;
    if (team_begin(&f->team, threads) && memory)
        return f;
    forward_close(f);
    return NULL;
}

/* Let rows follow in their caches. x [rows, D]: embeddings in, hidden states out. */
void forward_body(struct forward *f, int rows, float *x, const struct place *places) {
    f->job = (struct job){f->net.layers * PHASES + 1, body_items, body_work};
    f->rows = rows, f->x = x, f->places = places;
    team_run(&f->team, &f->job);
}

/* Hidden states [rows, D] in, scores of the next token [rows, V] out. */
void forward_head(struct forward *f, int rows, float *hidden, float *logits) {
    f->job = (struct job){2, head_items, head_work};
    f->rows = rows, f->x = hidden, f->logits = logits;
    team_run(&f->team, &f->job);
}
