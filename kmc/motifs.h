/* motifs: how much of the O sits as in spinel or in rock salt.
 *
 * All three structures share the cubic close-packed O; they differ in which cation sites are filled.
 *
 * Spinel-like.  LiMn2O4, Fd-3m (Thackeray et al., Mater. Res. Bull. 18, 461 (1983)): O on 32e, Mn on half of the octs (16d), 16c octs empty, Li on 8a tets.  Along
 * [111] the Mn layers alternate 3:1 (kagome; one oct of four), Li in the tets of the 1:4 layer.  Every O belongs to exactly one 8a tet, whose four face-sharing
 * octs are 16c, empty, and whose twelve octs that share one O with it are 16d, all Mn.  An 8a environment here: a tet that holds Li or nothing, its four
 * face-sharing octs exist and are vacant, and at least MOTIFS_SPINEL_TM of twelve octs sharing one O hold TM.  An O is spinel-like when one of its
 * tets is such an environment.  MOTIFS_SPINEL_TM: a delithiated layered crystal with honeycomb order reaches nine (six around an emptied Li of the TM layer,
 * three beyond the apex) without a single TM in the Li layer; ten need one there (estimate).
 *
 * Rock-salt-like.  NiO, Fm-3m: all octs filled, tets empty.  An O is rock-salt-like when its six octs hold cations and at least MOTIFS_ROCK_SALT_TM of those in
 * Li layers (three in O3) hold TM.  The number: in NiO three, in a lithiated spinel at most one, in LiMO2 none (estimate).
 *
 * Both at once is impossible (vacant octs).  All other O are layered.  The classes describe the moment: a spinel domain whose 16c octs take up Li at low voltage
 * (Li2Mn2O4) is not spinel-like then.  In O2 stacking only tets beside a cubic plane can count.
 */
#ifndef KMC_MOTIFS_H
#define KMC_MOTIFS_H
#include "../kernels/rate_model.h"

enum { MOTIFS_SPINEL_TM = 10, MOTIFS_ROCK_SALT_TM = 2 };

struct motifs {
    int64_t anions;            /* anion sites that hold an anion */
    int64_t spinel, rock_salt; /* of these */
};

void motifs_count(struct motifs *n, const struct rate_model *m, const struct configuration *x);

#endif
