/* engine: what all back ends share. */
#include "engine.h"

volatile sig_atomic_t engine_stop;
