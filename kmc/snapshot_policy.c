#include "snapshot_policy.h"
#include <string.h>

static void take_voltages(struct snapshot_policy *p, bool charge, const struct scenario *s,
                          const char *key) {
    for (size_t k = 0; k < scenario_count(s, key) && k < SNAPSHOT_POLICY_VOLTAGES; k++)
        p->voltage_V[charge][p->n[charge]++] = scenario_real_at(s, key, k);
}

void snapshot_policy_init(struct snapshot_policy *p, const struct scenario *s) {
    const char *kept = scenario_text(s, "output.snapshots"),
               *at = scenario_text(s, "output.snapshot_at");
    bool both = strcmp(at, "both") == 0;
    memset(p, 0, sizeof *p);
    p->replicas = strcmp(kept, "none") == 0 ? 0 : scenario_int(s, "output.snapshot_replicas");
    p->cycles = scenario_int(s, "protocol.cycles");
    p->every = strcmp(kept, "all") == 0 ? scenario_int(s, "output.snapshot_every_cycles") : 0;
    p->at[true] = both || strcmp(at, "charge") == 0;
    p->at[false] = both || strcmp(at, "discharge") == 0;
    take_voltages(p, true, s, "output.snapshot_charge_V");
    take_voltages(p, false, s, "output.snapshot_discharge_V");
}

bool snapshot_policy_initial(const struct snapshot_policy *p, int64_t replica) {
    return replica < p->replicas;
}

static bool picks(const struct snapshot_policy *p, int64_t replica, int64_t cycle) {
    bool end = cycle == 1 || cycle == p->cycles;
    return replica < p->replicas && (end || (p->every > 0 && cycle % p->every == 0));
}

bool snapshot_policy_end(const struct snapshot_policy *p, int64_t replica, int64_t cycle,
                         bool charge) {
    return p->at[charge] && picks(p, replica, cycle);
}

bool snapshot_policy_passes(const struct snapshot_policy *p, int64_t replica,
                            const struct protocol_slice *s, struct snapshot_policy_passed *passed,
                            char at[SNAPSHOT_AT]) {
    bool charge = s->step == STEP_CHARGE;
    if ((!charge && s->step != STEP_DISCHARGE) || !picks(p, replica, s->cycle))
        return false;
    if (passed->cycle != s->cycle || passed->charge != charge)
        *passed = (struct snapshot_policy_passed){s->cycle, charge, 0};
    for (int k = 0; k < p->n[charge]; k++) {
        double wanted = p->voltage_V[charge][k];
        bool beyond = charge ? s->voltage_V >= wanted : s->voltage_V <= wanted;
        if (!beyond || passed->bits >> k & 1)
            continue;
        passed->bits |= UINT64_C(1) << k;
        snprintf(at, SNAPSHOT_AT, "%s@%.3f", charge ? "charge" : "discharge", wanted);
        return true;
    }
    return false;
}
