/* Threads that share work: a job is phases, one after the other, and a phase is items, in any order.
 *
 * An item goes to whoever asks first, and who ends the last item of a phase opens the next one. So nobody
 * waits for a thread that the system has put aside, unless it has an item in hand: with a barrier of all
 * threads, a pass on two cores that others use too would stand still whenever one of its threads does.
 */
#pragma once
#include <immintrin.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

struct job {
    int phases;
    int (*items)(const struct job *job, int phase); /* at least one */
    void (*work)(const struct job *job, int phase, int item, int thread);
};

enum { NONE_LEFT = 1 << 30, PATIENCE = 2000 /* turns of an idle thread before it lets others run */ };

struct team {
    _Atomic uint64_t ticket; /* openings so far; below them NONE_LEFT and the items that nobody took yet */
    _Atomic int done, running;
    const struct job *job;
    int phase, items;
    uint32_t openings;
    int helpers;
    bool over;
    pthread_t *threads;
    pthread_mutex_t lock; /* for the helpers' sleep between jobs */
    pthread_cond_t begun;
};

static void open_phase(struct team *team, int phase) {
    team->phase = phase;
    team->items = team->job->items(team->job, phase);
    atomic_store(&team->done, 0);
    atomic_store(&team->ticket, (uint64_t)++team->openings << 32 | (uint32_t)(NONE_LEFT + team->items));
}

static bool is_open(struct team *team, uint64_t ticket) {
    return atomic_load(&team->ticket) >> 32 == ticket >> 32 && atomic_load(&team->running);
}

/* Work until the job is done. Whoever has an item in hand may read job and phase: neither ends before. */
static void take_part(struct team *team, int thread) {
    while (atomic_load(&team->running)) {
        uint64_t ticket = atomic_fetch_sub(&team->ticket, 1);
        int item = (int)(uint32_t)ticket - NONE_LEFT - 1;
        if (item < 0) {
            for (int turns = 0; is_open(team, ticket); turns++)
                if (turns < PATIENCE)
                    _mm_pause();
                else
                    sched_yield();
            continue;
        }
        int phase = team->phase, items = team->items;
        team->job->work(team->job, phase, item, thread);
        if (atomic_fetch_add(&team->done, 1) + 1 == items) { /* from here on without an item in hand */
            if (phase + 1 < team->job->phases)
                open_phase(team, phase + 1);
            else
                atomic_store(&team->running, 0);
        }
    }
}

struct helper {
    struct team *team;
    int thread;
};

static void *help(void *argument) {
    struct helper self = *(struct helper *)argument;
    struct team *team = self.team;
    free(argument);
    for (;;) {
        pthread_mutex_lock(&team->lock);
        while (!atomic_load(&team->running) && !team->over)
            pthread_cond_wait(&team->begun, &team->lock);
        bool over = team->over;
        pthread_mutex_unlock(&team->lock);
        if (over)
            return NULL;
        take_part(team, self.thread);
    }
}

/* Do a job with all threads; returns when it is done. */
static void team_run(struct team *team, const struct job *job) {
    team->job = job;
    atomic_store(&team->running, 1); /* before it opens: who is still awake may do all of it */
    open_phase(team, 0);
    pthread_mutex_lock(&team->lock);
    pthread_cond_broadcast(&team->begun);
    pthread_mutex_unlock(&team->lock);
    take_part(team, 0);
}

/* Start the helpers, one less than there are threads: who runs a job is one. False if one won't start. */
static bool team_begin(struct team *team, int threads) {
    pthread_mutex_init(&team->lock, NULL);
    pthread_cond_init(&team->begun, NULL);
    team->threads = calloc(threads, sizeof *team->threads);
    while (team->threads && team->helpers < threads - 1) {
        struct helper *helper = malloc(sizeof *helper);
        if (!helper)
            return false;
        *helper = (struct helper){team, team->helpers + 1};
        if (pthread_create(team->threads + team->helpers, NULL, help, helper) != 0) {
            free(helper);
            return false;
        }
        team->helpers++;
    }
    return team->threads;
}

static void team_end(struct team *team) {
    pthread_mutex_lock(&team->lock);
    team->over = true;
    pthread_cond_broadcast(&team->begun);
    pthread_mutex_unlock(&team->lock);
    for (int i = 0; i < team->helpers; i++)
        pthread_join(team->threads[i], NULL);
    pthread_cond_destroy(&team->begun);
    pthread_mutex_destroy(&team->lock);
    free(team->threads);
}
