/* What other autoscalers would do, by their documentation: each with its source beside it. */
#ifndef SIMULATE_PEER_H
#define SIMULATE_PEER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "simulate/plant.h"

#define PEER_WORDS "fixed|naive|hpa|keda|target-tracking|step|nomad|buildkite"
#define PEER_WINDOW_MAX 64

enum peer_kind {
	PEER_FIXED,
	PEER_NAIVE,
	PEER_HPA,
	PEER_KEDA,
	PEER_TRACKING,
	PEER_STEP,
	PEER_NOMAD,
	PEER_BUILDKITE
};

struct peer_past {
	struct {
		int64_t at_us, value;
	} item[PEER_WINDOW_MAX];
	int count;
};

struct peer {
	enum peer_kind kind;
	char name[48];
	double target;
	int64_t slots;
	/* HPA and KEDA */
	struct peer_past recommended, added;
	int64_t active_us, polled_us;
	bool seeded, begun;
	/* target tracking */
	double metric[15];
	int metrics;
	int64_t capacity, seen;
	struct peer_past warming;
	/* cooldowns */
	int64_t until_us, in_until_us;
};

/* "keda", "fixed:3", "naive:2.5": the number is the target; its default is the documented one. */
MUST int peer_init(struct peer *p, const char *text, int64_t slots, struct err *e);
struct plant_scaler peer_plant(struct peer *p); /* borrows @p p */
int64_t peer_floor(const struct peer *p);       /* the minimum that the group needs for it */

/* The parts, each a function of what its source says. */
int64_t peer_hpa_propose(double metric, double target, int64_t replicas);
int64_t peer_aws_proportion(int64_t capacity, double metric, double target);
int64_t peer_aws_percent(int64_t capacity, double percent);
int64_t peer_nomad_count(int64_t count, double metric, double target);
int64_t peer_buildkite_desired(int64_t scheduled, int64_t running, int64_t agents,
			       int64_t per_instance, int64_t desired, int64_t in_service,
			       int64_t min, int64_t max);

int64_t peer_hpa(struct peer *p, const struct plant_view *v);
int64_t peer_keda(struct peer *p, const struct plant_view *v);
int64_t peer_aws_tracking(struct peer *p, const struct plant_view *v);
int64_t peer_aws_step(struct peer *p, const struct plant_view *v);
int64_t peer_nomad(struct peer *p, const struct plant_view *v);
int64_t peer_buildkite(struct peer *p, const struct plant_view *v);

#endif
